"""Which device a run uses."""

from __future__ import annotations

import torch
from torch import nn


def choose_device(name: str | torch.device = "auto") -> torch.device:
    """``"auto"`` is the first CUDA device if there is one, else the CPU; anything else is taken at its word.

    Raises:
        ValueError: CUDA is asked for by name and there is none.
    """
    if str(name) == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device '{name}' was asked for, but this machine has no CUDA device; leave 'device' out")
    return device


def to_device(network: nn.Module, device: str | torch.device = "auto") -> nn.Module:
    """Move a network to a device; for configs, which cannot call methods without an expression."""
    return network.to(choose_device(device))
