"""Backbones give features for every voxel, without the last norm."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from cladeseg.segmentation.networks import BACKBONES, dynunet_backbone, unet_backbone
from cladeseg.segmentation.networks.backbone import Backbone

THICK: dict[str, Any] = {
    "in_channels": 2,
    "filters": [4, 6, 8, 10],
    "kernels": [[3, 3, 1], [3, 3, 1], [3, 3, 3], [3, 3, 3]],
    "strides": [[1, 1, 1], [2, 2, 1], [2, 2, 1], [2, 2, 2]],
}
ISOTROPIC: dict[str, Any] = {"in_channels": 2, "filters": [4, 6, 8], "kernels": [3, 3, 3], "strides": [1, 2, 2]}


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_features_have_the_size_of_the_image(name: str, norm: str) -> None:
    backbone = BACKBONES[name](**ISOTROPIC, norm=norm)
    assert backbone(torch.randn(2, 2, 8, 12, 8)).shape == (2, backbone.out_channels, 8, 12, 8)
    assert (backbone.out_channels, backbone.divisor) == (4, (4, 4, 4))


def test_thick_slices_are_halved_later_than_the_plane() -> None:
    backbone = dynunet_backbone(**THICK)
    assert backbone.divisor == (8, 8, 2)
    assert backbone(torch.randn(1, 2, 16, 16, 2)).shape == (1, 4, 16, 16, 2)


def test_unit_kernels_keep_slices_apart_but_for_the_coarse_levels() -> None:
    # With kernels of 1 along z at every level, a slice cannot change its neighbour (batch norm in eval mode: fixed).
    flat = {**THICK, "kernels": [[3, 3, 1]] * 4, "strides": [[1, 1, 1], [2, 2, 1], [2, 2, 1], [2, 2, 1]]}
    backbone = dynunet_backbone(**flat, norm="batch").eval()
    image = torch.randn(1, 2, 16, 16, 4)
    changed = image.clone()
    changed[..., 3] += 1
    before, after = backbone(image), backbone(changed)
    torch.testing.assert_close(before[..., :3], after[..., :3])
    assert not torch.allclose(before[..., 3], after[..., 3])


def last_module(backbone: Backbone) -> nn.Module:
    called: list[nn.Module] = []
    for module in backbone.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda m, *_: called.append(m))
    backbone(torch.randn(1, 2, 16, 16, 4))
    return called[-1]


def test_the_last_norm_is_left_to_the_head() -> None:
    assert isinstance(last_module(dynunet_backbone(**THICK)), nn.Conv3d)


@pytest.mark.parametrize("name", BACKBONES)
def test_no_weight_is_idle_or_stored_twice(name: str) -> None:
    backbone = BACKBONES[name](**ISOTROPIC)
    backbone(torch.randn(1, 2, 8, 8, 8)).square().sum().backward()
    assert all(p.grad is not None for p in backbone.parameters())
    pointers = [t.data_ptr() for t in backbone.state_dict().values()]
    assert len(pointers) == len(set(pointers))


def test_dropout_acts_in_training_only() -> None:
    image = torch.randn(1, 2, 8, 8, 8)
    for name in BACKBONES:
        backbone = BACKBONES[name](**ISOTROPIC, dropout=0.5)
        assert not torch.equal(backbone(image), backbone(image))
        backbone.eval()
        assert torch.equal(backbone(image), backbone(image))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"norm": "layer"}, "'norm' is 'layer'.*'instance', 'batch'"),
        ({"filters": [4, 6]}, "one entry for each level.*2, 3 and 3"),
        ({"strides": [2, 2, 2]}, r"first stride must be 1.*\(2, 2, 2\)"),
    ],
)
def test_impossible_levels_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dynunet_backbone(**{**ISOTROPIC, **wrong})


def test_unet_refuses_kernels_that_differ_between_levels() -> None:
    with pytest.raises(ValueError, match="one kernel for all levels"):
        unet_backbone(**THICK)
