"""Node probabilities are sums of leaf probabilities."""

from __future__ import annotations

import pytest
import torch

from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32, node_log_probs


def random_log_probs(tree: Taxonomy, scale: float = 3.0, **options: object) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    logits = scale * torch.randn(2, tree.num_leaves, 5, 4, 3, generator=generator, dtype=torch.float64)
    return logits.log_softmax(1).to(**options)


def test_a_node_is_as_likely_as_its_leaves_together(brats_tree: Taxonomy) -> None:
    leaf = random_log_probs(brats_tree)
    node = node_log_probs(leaf, brats_tree).exp()
    expected = torch.einsum("nl,blxyz->bnxyz", brats_tree.membership.double(), leaf.exp())
    torch.testing.assert_close(node, expected)


def test_leaves_pass_unchanged_and_the_root_is_certain(acdc_tree: Taxonomy) -> None:
    leaf = random_log_probs(acdc_tree)
    node = node_log_probs(leaf, acdc_tree)
    assert torch.equal(node[:, : acdc_tree.num_leaves], leaf)
    assert torch.equal(node[:, acdc_tree.root], torch.zeros_like(node[:, 0]))


def test_the_root_passes_no_gradient(acdc_tree: Taxonomy) -> None:
    leaf = random_log_probs(acdc_tree).requires_grad_()
    node_log_probs(leaf, acdc_tree)[:, acdc_tree.root].sum().backward()
    assert not leaf.grad.any()


@pytest.mark.parametrize("scale", [0.1, 10.0, 100.0])
def test_a_child_is_never_likelier_than_its_superclass_not_even_by_rounding(brats_tree: Taxonomy, scale: float) -> None:
    node = node_log_probs(random_log_probs(brats_tree, scale, dtype=torch.float32), brats_tree)
    for v in brats_tree.superclasses:
        for child in brats_tree.children(v):
            assert (node[:, child] <= node[:, v]).all()


def test_very_unlikely_nodes_stay_finite_where_plain_probabilities_underflow(acdc_tree: Taxonomy) -> None:
    leaf = torch.tensor([0.0, -500.0, -500.0, -500.0]).view(1, 4, 1, 1, 1).log_softmax(1)
    heart = node_log_probs(leaf, acdc_tree)[0, acdc_tree.index("heart"), 0, 0, 0]
    assert heart.item() == pytest.approx(-500.0 + torch.log(torch.tensor(3.0)).item())


@pytest.mark.parametrize(
    ("given", "expected"),
    [(torch.bfloat16, torch.float32), (torch.float16, torch.float32), (torch.float64, torch.float64)],
)
def test_half_precision_is_raised_and_double_is_kept(given: torch.dtype, expected: torch.dtype) -> None:
    assert at_least_float32(torch.zeros(1, dtype=given)).dtype == expected
