"""Node probabilities are sums of leaf probabilities; the leaf's entropy given its superclass has closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32, conditional_entropy, log_probs_within, node_log_probs


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


# ---- conditional entropy ---------------------------------------------------------------------------------------------


def one_voxel(tree: Taxonomy, **leaves: float) -> torch.Tensor:
    """log p(leaf) (1, L, 1, 1, 1) with these probabilities, the others 0."""
    return torch.tensor([leaves.get(name, 0.0) for name in tree.leaf_names]).log().reshape(1, -1, 1, 1, 1)


def entropy(tree: Taxonomy, given: str | None = None, **leaves: float) -> float:
    nodes = None if given is None else torch.full((1, 1, 1, 1), tree.index(given))
    return float(conditional_entropy(one_voxel(tree, **leaves), tree, nodes))


@pytest.mark.parametrize(("given", "number"), [("heart", 3), ("left_heart", 2), ("myocardium", 1), ("root", 4)])
def test_equal_leaves_of_a_known_node_have_the_logarithm_of_their_number(
    acdc_tree: Taxonomy, given: str, number: int
) -> None:
    equal = entropy(acdc_tree, given, background=0.25, right_ventricle=0.25, myocardium=0.25, left_ventricle=0.25)
    assert equal == pytest.approx(math.log(number), abs=1e-6)


@pytest.mark.parametrize("outside", [0.0, 0.6, 0.999])
def test_what_lies_outside_the_known_node_does_not_matter(acdc_tree: Taxonomy, outside: float) -> None:
    inside = 1 - outside
    found = entropy(acdc_tree, "left_heart", background=outside, myocardium=inside / 4, left_ventricle=inside * 3 / 4)
    assert found == pytest.approx(-(0.25 * math.log(0.25) + 0.75 * math.log(0.75)), rel=1e-4)


def test_certainty_has_no_entropy_even_where_a_probability_is_zero(acdc_tree: Taxonomy) -> None:
    assert entropy(acdc_tree, "heart", myocardium=1.0) == entropy(acdc_tree, myocardium=1.0) == 0


def test_a_border_between_organ_and_background_is_not_uncertain_about_the_leaf(acdc_tree: Taxonomy) -> None:
    assert entropy(acdc_tree, background=0.5, myocardium=0.5) == pytest.approx(0, abs=1e-6)


def test_an_unknown_superclass_weights_the_entropy_by_its_probability(acdc_tree: Taxonomy) -> None:
    found = entropy(acdc_tree, background=0.6, myocardium=0.2, left_ventricle=0.2)
    assert found == pytest.approx(0.4 * math.log(2), rel=1e-5)


def test_the_unknown_superclass_is_the_mean_of_the_known_ones(brats_tree: Taxonomy) -> None:
    leaf = random_log_probs(brats_tree)
    tumour = brats_tree.index("whole_tumour")
    known = conditional_entropy(leaf, brats_tree, torch.full((2, 5, 4, 3), tumour))
    expected = node_log_probs(leaf, brats_tree)[:, tumour].exp() * known  # the background has no leaves to choose from
    torch.testing.assert_close(conditional_entropy(leaf, brats_tree), expected)


def test_each_voxel_of_each_case_has_its_own_value(acdc_tree: Taxonomy) -> None:
    sure, torn = one_voxel(acdc_tree, myocardium=1.0), one_voxel(acdc_tree, myocardium=0.5, left_ventricle=0.5)
    both = torch.cat([torch.cat([sure, torn], -1), torch.cat([torn, sure], -1)])
    nodes = torch.full((2, 1, 1, 2), acdc_tree.index("heart"), dtype=torch.uint8)
    for found in (conditional_entropy(both, acdc_tree), conditional_entropy(both, acdc_tree, nodes)):
        assert found.shape == (2, 1, 1, 2)
        assert found.flatten().tolist() == pytest.approx([0, math.log(2), math.log(2), 0], abs=1e-6)


def test_entropies_of_half_precision_are_summed_in_single(acdc_tree: Taxonomy) -> None:
    assert conditional_entropy(one_voxel(acdc_tree, myocardium=1.0).half(), acdc_tree).dtype == torch.float32


# ---- precision -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [(torch.bfloat16, torch.float32), (torch.float16, torch.float32), (torch.float64, torch.float64)],
)
def test_half_precision_is_raised_and_double_is_kept(given: torch.dtype, expected: torch.dtype) -> None:
    assert at_least_float32(torch.zeros(1, dtype=given)).dtype == expected


def test_within_a_node_its_leaves_share_all_probability(brats_tree: Taxonomy) -> None:
    leaf = random_log_probs(brats_tree)
    for v in range(brats_tree.num_nodes):
        known = torch.full(leaf[:, 0].shape, v, dtype=torch.uint8)
        within = log_probs_within(leaf, known, brats_tree).exp()
        inside = list(brats_tree.leaves(v))
        expected = torch.zeros_like(within)
        expected[:, inside] = leaf.exp()[:, inside] / leaf.exp()[:, inside].sum(1, keepdim=True)
        torch.testing.assert_close(within, expected)


def test_an_impossible_node_shares_alike(acdc_tree: Taxonomy) -> None:
    leaf = torch.full((1, acdc_tree.num_leaves, 1), -torch.inf)
    leaf[:, acdc_tree.background] = 0
    heart = torch.tensor([[acdc_tree.index("heart")]])
    assert log_probs_within(leaf, heart, acdc_tree).exp().flatten().tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])
