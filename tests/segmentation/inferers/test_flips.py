"""Mirrored views: which the tree allows, and what their average is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cladeseg.segmentation.inferers import flips_of
from cladeseg.segmentation.inferers.flips import mean_log_probs
from cladeseg.taxonomy import Taxonomy, TaxonomyError

LEFT_RIGHT, FRONT, UP = "left-right", "posterior-anterior", "inferior-superior"


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ((), ((),)),
        ((FRONT,), ((), (FRONT,))),
        ((UP, LEFT_RIGHT), ((), (LEFT_RIGHT,), (UP,), (LEFT_RIGHT, UP))),
    ],
)
def test_every_set_of_allowed_axes_is_a_view(acdc_tree, allowed, expected):
    assert flips_of("allowed", Taxonomy("sides", acdc_tree.nodes, allowed)) == expected


def test_views_are_asked_for_by_name(acdc_tree):
    tree = Taxonomy("sides", acdc_tree.nodes, (LEFT_RIGHT, UP))
    assert flips_of("none", tree) == ((),)
    assert flips_of("left-right", tree) == ((), (LEFT_RIGHT,))
    assert flips_of("inferior-superior, left-right", tree) == flips_of("allowed", tree)
    with pytest.raises(TaxonomyError, match="posterior-anterior"):
        flips_of("left-right,posterior-anterior", tree)
    with pytest.raises(ValueError, match=r"'lr' is unknown.*left-right"):
        flips_of("lr", tree)


def ramp(images: Tensor) -> Tensor:
    """log p of two leaves that depends on the place along the first axis alone."""
    place = torch.linspace(-1, 2, images.shape[2]).view(1, 1, -1, 1, 1).expand_as(images)
    return torch.cat([place, -place], dim=1).log_softmax(dim=1)


def test_probabilities_are_averaged_and_mirrored_back():
    images = torch.rand(1, 1, 5, 4, 3, generator=torch.Generator().manual_seed(0))
    found = mean_log_probs(ramp, images, ((), (LEFT_RIGHT,))).exp()
    p = ramp(images).exp()
    torch.testing.assert_close(found, (p + p.flip(2)) / 2)
    torch.testing.assert_close(found, found.flip(2))
    torch.testing.assert_close(mean_log_probs(ramp, images, ((), (FRONT,), (FRONT, UP))), ramp(images))


def test_a_view_is_mirrored_before_it_is_looked_at():
    images = torch.rand(1, 1, 4, 3, 2, generator=torch.Generator().manual_seed(1))
    seen = []

    def look(view: Tensor) -> Tensor:
        seen.append(view)
        return torch.cat([view, -view], dim=1).log_softmax(dim=1)

    found = mean_log_probs(look, images, ((LEFT_RIGHT, UP),))
    torch.testing.assert_close(seen[0], images.flip(2, 4))
    torch.testing.assert_close(found, look(images), msg="what depends on the voxel alone is the same in every view")


def test_the_image_alone_is_left_bit_for_bit():
    scores = torch.randn(1, 4, 3, 3, 3, generator=torch.Generator().manual_seed(2)).log_softmax(1)
    scores[0, 1, 0] = -torch.inf
    assert torch.equal(mean_log_probs(lambda _: scores, torch.zeros(1, 1, 3, 3, 3), ((),)), scores)


def test_impossible_leaves_stay_impossible():
    scores = torch.tensor([0.0, -torch.inf]).view(1, 2, 1, 1, 1).expand(1, 2, 2, 2, 2)
    found = mean_log_probs(lambda _: scores.clone(), torch.zeros(1, 1, 2, 2, 2), ((), (LEFT_RIGHT,), (FRONT,)))
    torch.testing.assert_close(found, scores)


def test_no_view_is_refused():
    with pytest.raises(ValueError, match="views"):
        mean_log_probs(ramp, torch.zeros(1, 1, 2, 2, 2), ())
