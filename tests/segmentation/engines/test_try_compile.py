"""``torch.compile``: on where it works, and off with the reason where it does not."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn

from cladeseg.segmentation.engines.try_compile import compile_for, try_compile
from cladeseg.segmentation.networks import build_network
from cladeseg.taxonomy import Taxonomy

LEVELS = {"filters": [4, 4, 4], "kernels": [3, 3, 3], "strides": [1, 2, 2]}
SHAPE = (1, 1, 8, 8, 8)


@pytest.fixture
def network(acdc_tree: Taxonomy) -> nn.Module:
    return build_network(acdc_tree, **LEVELS, norm="batch", seed=0)


def test_a_compiled_network_keeps_its_weights_and_their_names(network: nn.Module) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert try_compile(network, SHAPE, backend="eager")
    assert network._compiled_call_impl is not None
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(value, before[name]) for name, value in after.items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_where_compilation_fails_the_network_goes_on_without(
    network: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert not try_compile(network, SHAPE, backend="no_such_compiler")
    assert "torch.compile is off" in caplog.text
    assert "no_such_compiler" in caplog.text
    assert network.train()(torch.zeros(SHAPE)).leaf.isfinite().all()


def test_on_a_cpu_it_is_off_with_the_reason(network: nn.Module, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert not compile_for(torch.device("cpu"), network, SHAPE)
    assert "slower" in caplog.text
