"""The leaf's entropy given its superclass, by closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from cladeseg.segmentation.label.uncertainty import case_uncertainty, leaf_entropy
from cladeseg.taxonomy import Taxonomy


def log_probs(tree: Taxonomy, **probabilities: float) -> torch.Tensor:
    """One voxel (1, L, 1, 1, 1) with these p(leaf), the others 0."""
    p = torch.zeros(tree.num_leaves)
    for name, value in probabilities.items():
        p[tree.index(name)] = value
    return p.log().reshape(1, -1, 1, 1, 1)


def entropy(tree: Taxonomy, **probabilities: float) -> float:
    return float(leaf_entropy(log_probs(tree, **probabilities), tree))


def test_a_border_between_organ_and_background_is_not_unsure_about_the_leaf(acdc_tree: Taxonomy) -> None:
    assert entropy(acdc_tree, background=0.5, myocardium=0.5) == pytest.approx(0, abs=1e-6)


def test_a_known_organ_with_equal_leaves_has_the_entropy_of_the_choice(acdc_tree: Taxonomy) -> None:
    third = 1 / 3
    equal = entropy(acdc_tree, right_ventricle=third, myocardium=third, left_ventricle=third)
    assert equal == pytest.approx(math.log(3))


def test_it_is_weighted_by_the_chance_of_the_superclass(acdc_tree: Taxonomy) -> None:
    half_inside = entropy(acdc_tree, background=0.6, myocardium=0.2, left_ventricle=0.2)
    assert half_inside == pytest.approx(0.4 * math.log(2), rel=1e-5)


def test_each_voxel_and_case_has_its_own_value(acdc_tree: Taxonomy) -> None:
    sure, unsure = log_probs(acdc_tree, myocardium=1.0), log_probs(acdc_tree, myocardium=0.5, left_ventricle=0.5)
    both = leaf_entropy(torch.cat([torch.cat([sure, unsure], -1), torch.cat([unsure, sure], -1)]), acdc_tree)
    assert both.shape == (2, 1, 1, 2)
    assert both.flatten().tolist() == pytest.approx([0, math.log(2), math.log(2), 0], abs=1e-6)


def test_half_precision_is_summed_in_single(acdc_tree: Taxonomy) -> None:
    assert leaf_entropy(log_probs(acdc_tree, myocardium=1.0).half(), acdc_tree).dtype == torch.float32


def test_a_case_is_averaged_over_its_organ_not_over_its_image(acdc_tree: Taxonomy) -> None:
    unsure = log_probs(acdc_tree, myocardium=0.5, left_ventricle=0.5).expand(-1, -1, 4, 1, 1)
    air = log_probs(acdc_tree, background=1.0).expand(-1, -1, 96, 1, 1)
    assert case_uncertainty(torch.cat([unsure, air], 2), acdc_tree) == pytest.approx(math.log(2))


def test_a_case_without_an_organ_is_sure(acdc_tree: Taxonomy) -> None:
    air = log_probs(acdc_tree, background=1.0).expand(-1, -1, 4, 4, 4)
    assert case_uncertainty(air, acdc_tree) == 0


def test_a_flat_tree_has_nothing_to_be_unsure_about(flat_tree: Taxonomy) -> None:
    assert case_uncertainty(log_probs(flat_tree, a=0.5, b=0.5), flat_tree) == pytest.approx(0, abs=1e-6)
