"""Settings that cannot work are refused by name, before anything is read."""

from __future__ import annotations

from typing import Any

import pytest

from cladeseg.bundle.settings import SettingsError, read_settings
from cladeseg.files import DataError
from cladeseg.pretraining.workflow import PretrainingPlan, PretrainingSettings, pretraining_settings_page
from cladeseg.pretraining.workflow.settings import TOP_LEVEL
from cladeseg.pretraining.workflow.task_bundle import find_task, merged, settings_of_task


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"views": {"number": 1}}, "one view has nothing to be compared with"),
        ({"batch": {"cases": 1}}, "a batch of one case"),
        ({"contrast": {"temperature": 0}}, "settings#contrast#temperature: 0 does not fit"),
        ({"contrast": {"temperature": -0.1}}, "settings#contrast#temperature"),
        ({"contrast": {"loss": "tree_sup_con"}}, "needs outlines; switch superclass_task on"),
        ({"contrast": {"enabled": False}, "reconstruction": {"enabled": False}}, "nothing to learn"),
        ({"contrast": {"temprature": 0.1}}, "did you mean settings#contrast#temperature"),
    ],
)
def test_settings_that_cannot_work_are_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(PretrainingSettings, content)


def test_without_contrast_one_view_and_one_case_will_do() -> None:
    content = {"contrast": {"enabled": False}, "views": {"number": 1}, "batch": {"cases": 1}}
    assert read_settings(PretrainingSettings, content).views.number == 1


def test_top_level_settings_stand_at_the_top() -> None:
    with pytest.raises(SettingsError, match="write --seed"):
        PretrainingPlan(settings={"seed": 1})
    assert set(TOP_LEVEL) <= set(PretrainingSettings.model_fields)


@pytest.mark.parametrize("task", ["acdc", "brats", "hippocampus", "myops"])
def test_the_network_is_that_of_the_segmentation_bundle(task: str) -> None:
    from cladeseg.segmentation.workflow import bundle_plan

    plan = PretrainingPlan(settings={}, task=task)
    assert plan.task is not None
    theirs = bundle_plan(plan.task)
    assert plan.network == {name: theirs.network[name] for name in plan.network}
    assert plan.settings.data == theirs.settings.data


def test_own_settings_go_on_top_of_the_bundles() -> None:
    plan = PretrainingPlan(
        settings={"network": {"filters": 4}, "data": {"patch_size": [16, 16, 16]}}, task="hippocampus"
    )
    assert plan.network["filters"][0] == 4
    assert plan.settings.network.levels == 3  # the bundle's


def test_a_bundle_without_a_tree_is_no_task() -> None:
    with pytest.raises(DataError, match="is no segmentation bundle"):
        find_task("heterogeneous_pretraining", ".", "auto")
    with pytest.raises(DataError, match="did you mean 'acdc'"):
        find_task("acdcc", ".", "auto")


def test_superclasses_need_a_tree() -> None:
    with pytest.raises(DataError, match="superclass_task needs a label tree"):
        PretrainingPlan(settings={}, task="none", superclass_task=True, dataset_dir="no_such_folder")


def test_what_is_taken_over_is_no_more_than_needed() -> None:
    from cladeseg.pretraining.workflow.task_bundle import segmentation_bundle

    taken = settings_of_task(segmentation_bundle("acdc"))
    assert set(taken) == {"data", "network", "split", "augmentation"}
    assert merged(taken, {"network": {"filters": 3}})["network"]["levels"] == taken["network"]["levels"]


def test_the_reference_names_every_group() -> None:
    page = pretraining_settings_page()
    assert all(f"## {name}" in page for name in ("views", "contrast", "reconstruction", "superclass", "diagnostics"))
