"""``torch.compile`` where it works and pays."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import nn

logger = logging.getLogger(__name__)


def compile_for(device: torch.device, network: nn.Module, shape: Sequence[int]) -> bool:
    """:func:`try_compile` on a GPU.

    On a CPU our layers' own kernels are faster: there the compiled network of the hippocampus bundle took 4 s a step
    instead of 1.5 s, after five minutes of compilation.
    """
    if device.type != "cpu":
        return try_compile(network, shape)
    logger.warning("torch.compile is off: on CPUs it makes steps slower")
    return False


def try_compile(network: nn.Module, shape: Sequence[int], *, backend: str = "inductor") -> bool:
    """Compile a network in place, names and values of its weights untouched, unless that fails.

    Compilation fails only when the network is first called; so it is called once here, with its gradient.

    Args:
        network: on its device.
        shape: (B, C, *S) of the images that it will see.
        backend: of ``torch.compile``.

    Returns:
        Whether it is compiled; the log says why not.
    """
    try:
        network.compile(backend=backend)
        _try(network, shape)
    except Exception as error:  # noqa: BLE001 a compiler fails in many ways, and none may end the training
        network._compiled_call_impl = None
        reason = next(iter(str(error).strip().splitlines()), "")
        logger.warning("torch.compile is off: %s: %s", type(error).__name__, reason)
        return False
    finally:
        network.zero_grad(set_to_none=True)
    return True


def _try(network: nn.Module, shape: Sequence[int]) -> None:
    """One call with its gradient; running statistics, if there are any, stay as they are."""
    device = next(network.parameters()).device
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        network.train()(torch.zeros(*shape, device=device)).leaf.sum().backward()
    for name, buffer in network.named_buffers():
        buffer.copy_(before[name])
