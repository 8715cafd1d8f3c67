"""Mirroring is by anatomy, sample by sample."""

from __future__ import annotations

import torch

from cladeseg.segmentation.transforms import along_array_axes, mirror, mirrored_views

IMAGES = torch.arange(2 * 2 * 3 * 4 * 5.0).reshape(2, 2, 3, 4, 5)
AXES = torch.tensor([[0, 1, 2], [2, 0, 1]])


def test_each_sample_is_mirrored_along_its_own_array_axis():
    found = mirror(IMAGES, AXES, ["left-right"])
    assert torch.equal(found[0], IMAGES[0].flip(1))
    assert torch.equal(found[1], IMAGES[1].flip(3))
    found = mirror(IMAGES, AXES, ["posterior-anterior", "inferior-superior"])
    assert torch.equal(found[0], IMAGES[0].flip(2, 3))
    assert torch.equal(found[1], IMAGES[1].flip(1, 2))


def test_twice_is_not_at_all():
    for flips in mirrored_views(["left-right", "posterior-anterior", "inferior-superior"]):
        assert torch.equal(mirror(mirror(IMAGES, AXES, flips), AXES, flips), IMAGES)
        alike = AXES[1:].expand(2, 3)
        assert torch.equal(mirror(IMAGES, alike, flips)[1], mirror(IMAGES, AXES, flips)[1])
    assert mirror(IMAGES, AXES, ()) is IMAGES


def test_flags_move_to_array_axes():
    flips = torch.tensor([[True, False, True], [True, False, True]])
    assert along_array_axes(flips, AXES).tolist() == [[True, False, True], [False, True, True]]
