"""Which device a run uses."""

from __future__ import annotations

import os

import torch
from torch import nn


def choose_device(name: str | torch.device = "auto") -> torch.device:
    """``"auto"`` is CUDA if there is any, else the CPU; anything else is taken at its word.

    Of several processes that ``torchrun`` starts, each takes a graphics card of its own.

    Raises:
        ValueError: there is no such device, in PyTorch or in this machine.
    """
    if str(name) == "auto":
        card = os.environ.get("LOCAL_RANK", "0")
        return torch.device(f"cuda:{card}" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device: '{name}' is none; write cpu, cuda or cuda:1, or leave it out") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device: '{name}' was asked for, but this machine has no CUDA device; leave 'device' out")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        raise ValueError(f"device: '{name}' cannot be used on this machine; leave 'device' out") from error
    return device


def to_device(network: nn.Module, device: str | torch.device = "auto") -> nn.Module:
    """Move a network to a device; for configs, which cannot call methods without an expression."""
    return network.to(choose_device(device))
