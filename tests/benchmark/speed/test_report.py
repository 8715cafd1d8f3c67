"""One measurement of steps and loader on tiny phantoms, and what is refused before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from cladeseg.benchmark.speed import speed, speed_tables
from cladeseg.benchmark.speed.loader import PEER, loader_speed, loader_table, ways_to_keep
from cladeseg.benchmark.speed.step import PLAIN, step_speed, step_table, step_ways
from cladeseg.bundle.shipped import find_bundle
from cladeseg.files import DataError
from cladeseg.segmentation.phantoms import write_acdc_phantoms, write_msd_phantoms
from cladeseg.segmentation.workflow.plan import bundle_plan, settings_with


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms") / "hippocampus"
    write_msd_phantoms(folder, cases=12, seed=0)
    return folder


def test_methods_are_timed_on_the_same_images(phantoms: Path, tmp_path: Path) -> None:
    ways = {PLAIN: {"settings#method": "supervised"}, "teacher": {"settings#method": "mean_teacher"}}
    small = {"settings#data#patch_size": [16, 16, 16], "settings#propagation#enabled": False}
    ways = {name: {**small, **way} for name, way in ways.items()}
    result = step_speed(find_bundle("hippocampus"), phantoms, tmp_path, rounds=1, ways=ways)
    assert result["methods"][PLAIN]["ratio"] == 1
    assert "| teacher |" in step_table(result)


def test_the_share_that_waits_is_one_of_the_second_epoch(phantoms: Path, tmp_path: Path) -> None:
    result = loader_speed(find_bundle("hippocampus"), phantoms, tmp_path, steps=1, workers=0, rounds=2)
    assert 0 < result["wait_share"] < 1
    table = loader_table(result)
    ways = {"in memory", "data.store", "MONAI's CacheDataset", "MONAI's PersistentDataset"}
    for kind in ("first", "again", "sample"):
        assert set(result[kind]) == ways
        assert all(row["seconds"] > 0 for row in result[kind].values())
        assert result[kind][PEER]["ratio"] == 1
    assert all(f"| {name} |" in table for name in ways)
    # What lies on disk is not read again.
    assert result["again"]["data.store"]["seconds"] < result["first"]["data.store"]["seconds"]


def test_the_peer_keeps_loaded_cases_of_a_bundle_with_two_passes(tmp_path: Path) -> None:
    write_acdc_phantoms(tmp_path / "data", patients=6, seed=0)
    overrides = {"settings#propagation#enabled": False, "settings#propagation#refresh": []}
    plan = bundle_plan(find_bundle("acdc"), overrides, dataset_dir=tmp_path / "data", output_dir=tmp_path / "R")
    cases = plan.training_cases()[:2]
    kept = ways_to_keep(plan, cases, tmp_path)[PEER](0)
    assert isinstance(cases[0]["image"], str)
    assert all(kept._cache[at]["image"].ndim == 4 for at in range(2))


@pytest.mark.parametrize("name", step_ways())
def test_every_way_is_settings_that_a_bundle_has(name: str) -> None:
    settings_with(find_bundle("acdc"), step_ways()[name])


def test_inference_needs_weights_and_cases() -> None:
    with pytest.raises(DataError, match="--inference: needs --dataset and --weights"):
        speed(["step", "inference"], find_bundle("acdc"))


def test_parts_that_were_not_measured_have_no_table() -> None:
    assert speed_tables({"bundle": "acdc"}) == ""
