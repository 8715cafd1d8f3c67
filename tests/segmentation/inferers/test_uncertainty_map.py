"""The entropy of the leaf given the superclass, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cladeseg.segmentation.inferers import uncertainty_map
from cladeseg.taxonomy import Node, Taxonomy

#: Leaves of the ACDC tree: background, right ventricle, myocardium, left ventricle.
CASES = {
    "all heart, leaves alike": ([0.0, 1 / 3, 1 / 3, 1 / 3], math.log(3)),
    "all heart, one leaf": ([0.0, 0.0, 1.0, 0.0], 0.0),
    "all heart, two of three leaves": ([0.0, 0.5, 0.5, 0.0], math.log(2)),
    "half background, what remains is between two leaves": ([0.4, 0.3, 0.3, 0.0], math.log(2)),
    "no heart": ([1.0, 0.0, 0.0, 0.0], 0.0),
    "probably background, whatever the heart's leaves are": ([0.6, 0.2, 0.1, 0.1], 0.0),
    "a quarter each": ([0.25, 0.25, 0.25, 0.25], math.log(3)),
    "uneven": ([0.2, 0.4, 0.3, 0.1], -(0.5 * math.log(0.5) + 0.375 * math.log(0.375) + 0.125 * math.log(0.125))),
}


@pytest.mark.parametrize(("p", "nats"), CASES.values(), ids=CASES)
def test_closed_forms(acdc_tree, p, nats):
    found = uncertainty_map(torch.tensor(p, dtype=torch.float64).log()[:, None], acdc_tree)
    assert found.shape == (1,)
    assert found.item() == pytest.approx(nats, abs=1e-12)


def test_a_superclass_of_one_leaf_leaves_nothing_to_ask():
    tree = Taxonomy(
        "two",
        (
            Node("background", values={"a": 0}),
            Node("lesion", values={"a": 1}),
            Node("organ"),
            Node("left", "organ", {"a": 2}),
            Node("right", "organ", {"a": 3}),
        ),
    )
    # Between background and lesion nobody knows more, but each of them is one leaf; the organ is two.
    p = torch.tensor([[0.49, 0.51, 0.0, 0.0], [0.1, 0.2, 0.35, 0.35]]).T
    found = uncertainty_map(p.log(), tree)
    assert found.tolist() == pytest.approx([0.0, math.log(2)])
    assert not torch.signbit(found).any(), "no minus zero, which pictures of ranges would show"


def test_a_flat_tree_has_no_superclass_to_ask_about(flat_tree):
    scores = torch.randn(3, 5, generator=torch.Generator().manual_seed(0)).log_softmax(0)
    assert uncertainty_map(scores, flat_tree).abs().max() == 0


def test_each_voxel_is_the_entropy_of_its_own_conditional_distribution(brats_tree):
    """Against a loop over voxels in plain NumPy."""
    scores = (4 * torch.randn(4, 3, 4, 5, generator=torch.Generator().manual_seed(1))).double().log_softmax(0)
    found = uncertainty_map(scores, brats_tree)
    for voxel in np.ndindex(3, 4, 5):
        background, *tumour = scores[(slice(None), *voxel)].exp().tolist()
        given = np.array(tumour) / sum(tumour)
        expected = 0.0 if background > sum(tumour) else float(-(given * np.log(given)).sum())
        assert found[voxel].item() == pytest.approx(expected, abs=1e-9)


def test_half_precision_is_computed_in_single(acdc_tree):
    scores = torch.randn(4, 6, generator=torch.Generator().manual_seed(2)).log_softmax(0).half()
    found = uncertainty_map(scores, acdc_tree)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, uncertainty_map(scores.float(), acdc_tree))
