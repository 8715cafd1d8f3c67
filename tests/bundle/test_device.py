"""The device: chosen by itself, or what was asked for, or a clear refusal."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cladeseg.bundle.device import choose_device, to_device


@pytest.mark.parametrize(("has_cuda", "expected"), [(False, "cpu"), (True, "cuda:0")])
def test_auto_takes_the_first_cuda_device_if_there_is_one(monkeypatch, has_cuda, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    assert choose_device() == torch.device(expected)
    assert choose_device("auto") == torch.device(expected)


@pytest.mark.parametrize("name", ["cpu", torch.device("cpu")])
def test_a_device_is_taken_at_its_word(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device(name) == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "cuda:1", torch.device("cuda")])
def test_cuda_by_name_is_refused_where_there_is_none(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=rf"'{name}' was asked for"):
        choose_device(name)


def test_a_network_is_moved_and_returned():
    network = nn.Linear(2, 2)
    assert to_device(network, "meta") is network
    assert {parameter.device.type for parameter in network.parameters()} == {"meta"}
