"""What the workflow does to the network before it trains it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from cladeseg.bundle.settings import SettingsError
from cladeseg.segmentation.data import SupervisionSampler
from cladeseg.segmentation.networks import build_network
from cladeseg.segmentation.workflow import TrainingPlan, TrainingWorkflow
from cladeseg.taxonomy import Taxonomy

ACDC = Path(__file__).parents[3] / "bundles" / "acdc_subclass_segmentation"


def _workflow(module: nn.Module, **settings: Any) -> TrainingWorkflow:
    return TrainingWorkflow(
        plan=TrainingPlan(settings=settings, bundle_root=ACDC),
        network=module,
        training=None,  # type: ignore[arg-type]
        validation=None,  # type: ignore[arg-type]
        max_epochs=1,
    )


@pytest.mark.parametrize("channels_last", [False, True])
def test_the_memory_format_is_a_setting_and_leaves_the_weights_as_they_are(channels_last: bool) -> None:
    network = nn.Sequential(nn.Conv3d(2, 4, 3), nn.InstanceNorm3d(4, affine=True))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    workflow = _workflow(network, network={"channels_last": channels_last})
    for trained in (workflow.network, workflow.teacher.network):
        kernel = trained.state_dict()["0.weight"]
        assert kernel.is_contiguous(memory_format=torch.channels_last_3d) is channels_last
        assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())


@pytest.mark.parametrize(
    ("method", "given", "decay"),
    [
        ("supervised", 0.5, 0.5),
        ("supervised", None, 0.0),
        ("hierarchical_mix", None, 0.99),
        ("bcp", None, 0.99),
        ("label_set", None, 0.0),
        ("hierarchical_mix", 0.0, 0.0),
    ],
)
def test_weights_are_averaged_as_set_and_else_where_the_method_learns_from_the_average(
    method: str, given: float | None, decay: float
) -> None:
    workflow = _workflow(nn.Conv3d(1, 4, 3), method=method, optimizer={"ema_decay": given})
    assert workflow.teacher.decay == decay


def test_an_option_that_a_method_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="noise"):
        _ = _workflow(nn.Conv3d(1, 4, 3), method="bcp", baseline={"noise": 0.1}).step


def test_recomputing_is_a_setting_of_the_student(acdc_tree: Taxonomy) -> None:
    levels = {"filters": [4, 4, 4], "kernels": [3, 3, 3], "strides": [1, 2, 2]}
    network = build_network(acdc_tree, **levels)  # type: ignore[arg-type]
    workflow = _workflow(network, network={"recompute": True})
    assert any(type(block).__name__ == "_RecomputedHead" for block in workflow.network.modules())


def test_parts_that_would_not_be_equal_are_refused() -> None:
    workflow = _workflow(nn.Conv3d(1, 4, 3), batch={"parts": 2, "fine": 3})
    sampler = SupervisionSampler(["fine", "heart"], per_batch={"fine": 3, "coarse": 2}, steps=1, seed=0)
    workflow.loader = DataLoader([0, 1], batch_sampler=sampler)
    with pytest.raises(SettingsError, match="settings#batch#parts: 2 equal parts of 3 fine cases"):
        _ = workflow._parts
