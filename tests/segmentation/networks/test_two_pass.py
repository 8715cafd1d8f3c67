"""Both passes as one module."""

from __future__ import annotations

from typing import Any

import torch

from cladeseg.segmentation.networks import HierarchicalNet, TreeOutput, TwoPassNet, build_two_pass, passes_of
from cladeseg.taxonomy import Taxonomy

LEVELS: dict[str, Any] = {"filters": [4, 8, 16], "kernels": [3, 3, 3], "strides": [1, 2, 2], "seed": 0}


def network_of(tree: Taxonomy) -> TwoPassNet:
    network = build_two_pass(tree, first={**LEVELS, "filters": [2, 4, 8]}, second=LEVELS)
    assert isinstance(network, TwoPassNet)
    return network


def test_without_a_first_pass_it_is_the_network_of_before(acdc_tree: Taxonomy) -> None:
    network = build_two_pass(acdc_tree, first=None, second=LEVELS)
    assert isinstance(network, HierarchicalNet)
    assert passes_of(network) == (network,)


def test_the_weights_of_both_have_names_of_their_own(acdc_tree: Taxonomy) -> None:
    network = network_of(acdc_tree)
    assert {name.split(".")[0] for name in network.state_dict()} == {"first", "second"}
    assert passes_of(network) == (network.first, network.second)


def test_called_with_a_patch_it_is_the_second_pass(acdc_tree: Taxonomy) -> None:
    network, patch = network_of(acdc_tree), torch.rand(1, 1, 8, 8, 8)
    assert isinstance(network(patch), TreeOutput)
    network.eval()
    assert torch.equal(network(patch), network.second(patch))


def test_the_first_pass_knows_the_superclass_alone(acdc_tree: Taxonomy) -> None:
    top = network_of(acdc_tree).eval().first(torch.rand(1, 1, 8, 8, 8))
    assert top.shape[1] == 2
    torch.testing.assert_close(top.exp().sum(dim=1), torch.ones(1, 8, 8, 8))
