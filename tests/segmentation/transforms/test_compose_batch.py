"""Augmentations follow each other, draw from one generator, and those that are off are left out."""

from __future__ import annotations

import pickle

import torch

from cladeseg.segmentation.transforms import BatchAugment, ComposeBatch, ModalityDropout
from cladeseg.taxonomy import Taxonomy

IMAGES = torch.arange(2 * 4 * 5 * 5 * 5, dtype=torch.float32).reshape(2, 4, 5, 5, 5)
NODES = torch.zeros(2, 1, 5, 5, 5, dtype=torch.uint8)


class Add:
    """Adds a number to the images and 1 to the nodes."""

    def __init__(self, number: float, factor: float) -> None:
        self.number = number
        self.factor = factor

    def __call__(self, images, nodes, generator, array_axes):
        return images * self.factor + self.number, nodes + 1


def test_each_gets_what_the_one_before_returned():
    images, nodes = ComposeBatch(Add(1, 1), None, Add(0, 10))(IMAGES, NODES, torch.Generator())
    torch.testing.assert_close(images, (IMAGES + 1) * 10)
    assert bool((nodes == 2).all())


def test_nothing_in_turn_changes_nothing():
    images, nodes = ComposeBatch(None)(IMAGES, NODES, torch.Generator())
    assert images is IMAGES
    assert nodes is NODES


def test_the_generator_alone_decides_and_survives_pickling(brats_tree: Taxonomy):
    both = ComposeBatch(BatchAugment(brats_tree), ModalityDropout(4, 1.0))
    first, again = (
        chain(IMAGES, NODES, torch.Generator().manual_seed(3)) for chain in (both, pickle.loads(pickle.dumps(both)))
    )
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    # The dropout comes last: noise and brightness do not fill what it hides.
    assert 1 <= sum(bool((first[0][:, c] == 0).all()) for c in range(4)) <= 3
