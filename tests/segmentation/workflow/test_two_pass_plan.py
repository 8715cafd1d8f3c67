"""Two passes from settings: what is built, stored and used again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from monai.inferers import SlidingWindowInferer

from cladeseg.segmentation.inferers import TwoPassInferer
from cladeseg.segmentation.networks import HierarchicalNet, TwoPassNet
from cladeseg.segmentation.transforms import RandomForegroundCrop, TwoViews
from cladeseg.segmentation.workflow import (
    TrainingPlan,
    TrainingWorkflow,
    model_inferer,
    model_network,
    store_weights,
    trained_model,
    untrained_network,
)
from cladeseg.segmentation.workflow.two_passes import in_voxels, ratios, training_patch, with_overview

ACDC = Path(__file__).parents[3] / "bundles" / "acdc_subclass_segmentation"
FIRST = {"enabled": True, "spacing": (5.0, 5.0, 10.0), "patch_size": (32, 32, 8)}
DATA = {"spacing": (2.0, 2.0, 10.0), "resample_slices": False, "patch_size": (32, 32, 8)}


def plan_of(first_pass: Any = FIRST, **settings: Any) -> TrainingPlan:
    return TrainingPlan(settings={"first_pass": first_pass, "data": DATA, **settings}, bundle_root=ACDC)


# ---- off: nothing differs --------------------------------------------------------------------------------------------


def test_switched_off_nothing_knows_of_it() -> None:
    plan = plan_of({})
    assert plan.first_pass is None
    assert "first_pass" not in plan.inference
    assert type(untrained_network(plan)) is HierarchicalNet
    assert type(training_patch(plan.taxonomy, plan.settings)) is RandomForegroundCrop
    assert with_overview(len, plan.taxonomy, plan.settings) is len


# ---- on --------------------------------------------------------------------------------------------------------------


def test_switched_on_both_networks_are_built_each_with_its_levels() -> None:
    plan = plan_of(network={"filters": 12, "levels": 3})
    network = untrained_network(plan)
    assert isinstance(network, TwoPassNet)
    assert plan.first_pass is not None
    assert plan.first_pass["network"]["filters"] == [8, 16, 32, 64]
    assert plan.network["filters"] == [12, 24, 48]
    assert isinstance(training_patch(plan.taxonomy, plan.settings), TwoViews)


@pytest.mark.parametrize(
    ("coarse", "resample", "expected"),
    [
        ((5.0, 5.0, 10.0), True, (2.5, 2.5, 1.0)),
        ((5.0, 5.0, 20.0), False, (2.5, 2.5, 1.0)),
        ((1.0, 5.0, 20.0), True, (1.0, 2.5, 2.0)),
    ],
)
def test_an_axis_becomes_coarser_or_stays(coarse: Any, resample: bool, expected: Any) -> None:
    plan = plan_of({**FIRST, "spacing": coarse}, data={**DATA, "resample_slices": resample})
    assert ratios(plan.settings) == expected


def test_millimetres_become_voxels_of_the_fine_grid() -> None:
    assert in_voxels(24, plan_of().settings) == (12, 12, 2.4)


def test_the_first_pass_shifts_as_far_in_millimetres() -> None:
    plan = plan_of(augmentation={"translate_voxels": (5.0, 5.0, 1.0)})
    workflow = TrainingWorkflow(
        plan=plan,
        network=untrained_network(plan),
        training=None,  # type: ignore[arg-type]
        validation=None,  # type: ignore[arg-type]
        max_epochs=1,
    )
    assert workflow.overview_augment is not None
    (own,), (coarse,) = workflow.augment.augmentations, workflow.overview_augment.augmentations
    assert tuple(own.translate_voxels) == (5.0, 5.0, 1.0)  # type: ignore[attr-defined]
    assert tuple(coarse.translate_voxels) == (2.0, 2.0, 1.0)  # type: ignore[attr-defined]
    assert coarse.root == 2, "outside the view is the root of the small tree"  # type: ignore[attr-defined]


# ---- what the weights say of themselves ------------------------------------------------------------------------------


def stored(plan: TrainingPlan, run: Path) -> Path:
    store_weights(
        untrained_network(plan).state_dict(),
        run / "models",
        network=plan.network,
        inference=plan.inference,
        taxonomy=plan.taxonomy,
        validation={},
    )
    return run


def test_the_description_rebuilds_network_and_inference(tmp_path: Path) -> None:
    plan = plan_of()
    model = trained_model(stored(plan, tmp_path), ACDC)
    network, inferer = model_network(model, plan.taxonomy), model_inferer(model, overlap=0.5)
    assert isinstance(network, TwoPassNet)
    network.load_state_dict(untrained_network(plan).state_dict())
    assert isinstance(inferer, TwoPassInferer)
    assert (inferer.ratios, inferer.inside.window.roi_size, inferer.inside.window.overlap) == (
        (2.5, 2.5, 1.0),
        (32, 32, 8),
        0.5,
    )
    assert inferer.boxes.margin.tolist() == [12, 12, 2.4]


def test_weights_of_one_pass_stay_so_whatever_the_bundle_asks_for_now(tmp_path: Path) -> None:
    """As with the hippocampus bundle's, whose description is older than the setting."""
    bundle = tmp_path / "bundle"
    (bundle / "configs").mkdir(parents=True)
    config = json.loads((ACDC / "configs" / "train.json").read_text(encoding="utf-8"))
    config["settings"]["first_pass"] = {"enabled": True}
    (bundle / "configs" / "train.json").write_text(json.dumps(config), encoding="utf-8")
    (bundle / "configs" / "taxonomy.json").write_bytes((ACDC / "configs" / "taxonomy.json").read_bytes())
    model = trained_model(stored(plan_of({}), tmp_path / "run"), bundle)
    assert model.first_pass is None
    assert isinstance(model_inferer(model), SlidingWindowInferer)
    assert trained_model(tmp_path / "nothing", bundle).first_pass is not None
