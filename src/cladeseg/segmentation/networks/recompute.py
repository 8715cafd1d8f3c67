"""Activations that are computed again in the backward pass instead of being kept."""

from __future__ import annotations

from typing import Any

import torch
from monai.networks.blocks.convolutions import ResidualUnit
from monai.networks.blocks.dynunet_block import UnetBasicBlock
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cladeseg.segmentation.networks.backbone import OpenBlock
from cladeseg.segmentation.networks.hierarchical_head import HierarchicalHead
from cladeseg.segmentation.networks.paper_head import TwoHead


class _Recomputed(nn.Module):
    """Keeps a block's input alone while training, and calls the block again when its gradient is due."""

    def forward(self, x: Tensor) -> Any:
        if not self.training or not torch.is_grad_enabled():
            return super().forward(x)
        # Not reentrant: names the same error where a block is called twice, and autocast and dropout are as before.
        return checkpoint(super().forward, x, use_reentrant=False)


class _RecomputedBasicBlock(_Recomputed, UnetBasicBlock):
    pass


class _RecomputedResidualUnit(_Recomputed, ResidualUnit):
    pass


class _RecomputedOpenBlock(_Recomputed, OpenBlock):
    pass


class _RecomputedHead(_Recomputed, HierarchicalHead):
    pass


class _RecomputedTwoHead(_Recomputed, TwoHead):
    pass


_RECOMPUTED: dict[type[nn.Module], Any] = {
    UnetBasicBlock: _RecomputedBasicBlock,
    ResidualUnit: _RecomputedResidualUnit,
    OpenBlock: _RecomputedOpenBlock,
    HierarchicalHead: _RecomputedHead,
    TwoHead: _RecomputedTwoHead,
}


def recompute_blocks(network: nn.Module) -> nn.Module:
    """Have the blocks of a U-Net and its head forget their activations, which takes less memory and more time.

    Results, weights and their names stay the same.  Torch's checkpoints wrap modules, which would rename the weights.

    Args:
        network: changed in place.

    Returns:
        The network.

    Raises:
        ValueError: it has no such block.
    """
    blocks = [block for block in network.modules() if type(block) in _RECOMPUTED]
    if not blocks:
        raise ValueError("network.recompute: this network has no block whose activations could be computed again")
    for block in blocks:
        block.__class__ = _RECOMPUTED[type(block)]
    return network
