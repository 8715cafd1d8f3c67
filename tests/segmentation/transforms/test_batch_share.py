"""A part of a batch is augmented as it would be inside the whole batch."""

from __future__ import annotations

import torch

from cladeseg.segmentation.transforms import BatchAugment, BatchShare
from cladeseg.taxonomy import Taxonomy

OPTIONS = {"blur": (0.5, 1.0), "lowres": (1.0, 2.0)}


def test_cases_are_changed_as_in_the_whole_batch(acdc_tree: Taxonomy) -> None:
    images = torch.randn(4, 1, 8, 8, 4, generator=torch.Generator().manual_seed(1))
    nodes = torch.randint(4, (4, 1, 8, 8, 4), generator=torch.Generator().manual_seed(2)).to(torch.uint8)
    axes = torch.tensor([[0, 1, 2], [1, 0, 2], [2, 1, 0], [0, 1, 2]])
    whole = BatchAugment(acdc_tree, **OPTIONS)(images, nodes, torch.Generator().manual_seed(3), axes)
    places = [1, 3]
    share = BatchAugment(acdc_tree, share=BatchShare(places, 4), **OPTIONS)
    part = share(images[places], nodes[places], torch.Generator().manual_seed(3), axes[places])
    torch.testing.assert_close(part[0], whole[0][places], atol=1e-3, rtol=0)  # resampling
    assert torch.equal(part[1], whole[1][places])
