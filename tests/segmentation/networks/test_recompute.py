"""Networks that compute activations again give the same output and gradient, under the same names."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from cladeseg.segmentation.networks import build_network, recompute_blocks
from cladeseg.taxonomy import Taxonomy

LEVELS = {"filters": [4, 8, 8], "kernels": [3, 3, 3], "strides": [1, 2, 2]}


def _kept(network: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor], int]:
    """Loss and gradients of a step, and the voxels that were kept for the gradient."""
    kept = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.numel()
        return tensor

    network.train().zero_grad()
    with torch.random.fork_rng(), torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        torch.manual_seed(0)
        loss = network(images).leaf.square().mean()
    loss.backward()
    return loss, [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None], kept


@pytest.mark.parametrize("backbone", ["dynunet", "unet"])
@pytest.mark.parametrize("dropout", [None, 0.3])
def test_recomputing_changes_memory_alone(acdc_tree: Taxonomy, backbone: str, dropout: float | None) -> None:
    plain = build_network(acdc_tree, **LEVELS, backbone=backbone, dropout=dropout, seed=0)
    again = recompute_blocks(copy.deepcopy(plain))
    images = torch.randn(2, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    assert list(again.state_dict()) == list(plain.state_dict())
    (loss, gradients, kept), (loss_again, gradients_again, kept_again) = _kept(plain, images), _kept(again, images)
    assert torch.equal(loss, loss_again)
    torch.testing.assert_close(gradients, gradients_again)
    assert kept_again < 0.7 * kept
    torch.testing.assert_close(copy.deepcopy(again).eval()(images), plain.eval()(images))


def test_a_network_without_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"network\.recompute"):
        recompute_blocks(nn.Conv3d(1, 1, 1))
