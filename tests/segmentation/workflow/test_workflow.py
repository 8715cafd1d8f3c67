"""What the workflow does to the network before it trains it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cladeseg.bundle import RunFolder
from cladeseg.segmentation.workflow import TrainingSettings, TrainingWorkflow
from cladeseg.taxonomy import Taxonomy


def _workflow(tree: Taxonomy, network: nn.Module, folder: Path, **settings: Any) -> TrainingWorkflow:
    values = {"seed": 0, "steps_per_epoch": 1, "per_batch": {"fine": 1}, "patch_size": [8] * 3, "spacing": [1.0] * 3}
    return TrainingWorkflow(
        settings=TrainingSettings(**values, network={}, **settings),  # type: ignore[arg-type]
        taxonomy=tree,
        network=network,
        device=torch.device("cpu"),
        run_folder=RunFolder(folder),
        training=None,  # type: ignore[arg-type]
        validation=None,  # type: ignore[arg-type]
        max_epochs=1,
    )


@pytest.mark.parametrize("amp", [False, True])
def test_bfloat16_trains_with_channels_innermost_and_the_same_weights(
    acdc_tree: Taxonomy, tmp_path: Path, amp: bool
) -> None:
    network = nn.Sequential(nn.Conv3d(2, 4, 3), nn.InstanceNorm3d(4, affine=True))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    workflow = _workflow(acdc_tree, network, tmp_path, amp=amp)
    for trained in (workflow.network, workflow.teacher.network):
        kernel = trained.state_dict()["0.weight"]
        assert kernel.is_contiguous(memory_format=torch.channels_last_3d) is amp
        assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())


@pytest.mark.parametrize(
    ("settings", "decay"),
    [
        ({"ema_decay": 0.5, "mix": False}, 0.5),
        ({"ema_decay": None, "mix": False}, 0.0),
        ({"ema_decay": None, "mix": True}, 0.99),
        ({"ema_decay": None, "mix": False, "method": "bcp"}, 0.99),
        ({"ema_decay": None, "mix": True, "method": "label_set"}, 0.0),
        ({"ema_decay": 0.0, "mix": True}, 0.0),
    ],
    ids=str,
)
def test_weights_are_averaged_as_told_and_else_where_the_method_learns_from_the_average(
    acdc_tree: Taxonomy, tmp_path: Path, settings: dict[str, Any], decay: float
) -> None:
    assert _workflow(acdc_tree, nn.Conv3d(1, 4, 3), tmp_path, **settings).teacher.decay == decay
