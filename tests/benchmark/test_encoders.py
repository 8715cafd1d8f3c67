"""Encoders that methods of a grid share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cladeseg.benchmark.encoders import encoder_run, encoder_settings
from cladeseg.benchmark.grid import read_grid
from cladeseg.benchmark.runs import bundle_run, encoder_folder, planned_runs, recorded_settings
from cladeseg.bundle.settings import read_settings
from cladeseg.files import DataError, read_json
from cladeseg.pretraining.workflow import PretrainingPlan, PretrainingSettings

REPOSITORY = Path(__file__).parents[2]


def grid_file(folder: Path, **changes: Any) -> Path:
    content = {
        "name": "small",
        "bundle": str(REPOSITORY / "bundles" / "hippocampus_subclass_segmentation"),
        "dataset_dir": str(folder),
        "n": [1, 2],
        "draws": [0, 1],
        "seeds": [5],
        "overrides": {"settings#network#filters": 4},
        "pretrainings": {"both": {"epochs": 3}},
        "methods": [{"name": "scratch"}, {"name": "ours", "pretraining": "both"}],
        **changes,
    }
    file = folder / "grid.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_one_encoder_serves_every_draw_and_budget_of_a_seed(tmp_path: Path) -> None:
    grid = read_grid(grid_file(tmp_path))
    keys = [key for key in planned_runs(grid) if key.method == "ours"]
    assert len(keys) == 4
    assert {encoder_folder(grid, key, tmp_path) for key in keys} == {tmp_path / "pretraining" / "both_s5"}


def test_its_network_images_and_split_are_those_of_the_runs(tmp_path: Path) -> None:
    grid = read_grid(grid_file(tmp_path))
    key = next(key for key in planned_runs(grid) if key.method == "ours")
    run = encoder_run(grid, key, output=tmp_path, dataset_dir=tmp_path)
    overlay = read_json(Path(run.folder.root) / "overlay.json")
    assert overlay == {**encoder_settings(grid, key), "epochs": 3}
    nested: dict[str, Any] = {}
    for name, value in overlay.items():
        if "#" in name:
            _, group, setting = name.split("#")
            nested.setdefault(group, {})[setting] = value
    read_settings(PretrainingSettings, nested)  # every key is one
    plan = PretrainingPlan(settings=nested, task=str(grid.bundle), seed=key.seed)
    assert plan.network["filters"][0] == 4
    command = run.command("training")
    assert command[command.index("--seed") + 1] == "5"
    assert "--promote" not in command


def test_a_run_starts_from_its_encoder_and_scratch_from_none(tmp_path: Path) -> None:
    grid = read_grid(grid_file(tmp_path))
    scratch, ours = planned_runs(grid)[:2]
    with pytest.raises(DataError, match=r"encoder\.safetensors: is not there; the pre-training of 'ours' comes first"):
        bundle_run(grid, ours, output=tmp_path, dataset_dir=tmp_path)
    encoder = encoder_folder(grid, ours, tmp_path) / "models" / "encoder.safetensors"
    encoder.parent.mkdir(parents=True)
    encoder.touch()
    command = bundle_run(grid, ours, output=tmp_path, dataset_dir=tmp_path).command("training")
    assert command[command.index("--pretrained") + 1] == str(encoder)
    assert "--pretrained" not in bundle_run(grid, ours, output=tmp_path, dataset_dir=tmp_path).command("evaluating")
    assert "--pretrained" not in bundle_run(grid, scratch, output=tmp_path, dataset_dir=tmp_path).command("training")


def test_the_recipe_is_kept_with_the_result_and_no_path_of_this_machine(tmp_path: Path) -> None:
    grid = read_grid(grid_file(tmp_path))
    scratch, ours = planned_runs(grid)[:2]
    kept = recorded_settings(grid, ours, output=tmp_path, dataset_dir=tmp_path / "D")
    assert kept["pretraining"] == {"name": "both", "epochs": 3}
    assert "pretraining" not in recorded_settings(grid, scratch, output=tmp_path, dataset_dir=tmp_path / "D")
    assert str(tmp_path) not in json.dumps(kept)


def test_methods_of_one_encoder_have_one_network(tmp_path: Path) -> None:
    methods = [
        {"name": "a", "pretraining": "both"},
        {"name": "b", "pretraining": "both", "overrides": {"settings#network#filters": 6}},
    ]
    grid = read_grid(grid_file(tmp_path, methods=methods))
    one, other = planned_runs(grid)[:2]
    encoder_run(grid, one, output=tmp_path, dataset_dir=tmp_path)
    with pytest.raises(DataError, match="settings#network#filters' was 4 and is now 6"):
        encoder_run(grid, other, output=tmp_path, dataset_dir=tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pretrainings": {}}, "there is no 'both' in 'pretrainings'"),
        ({"pretrainings": {"both": {"settings#network#filters": 8}}}, "is set by the grid itself"),
        ({"pretrainings": {"both": {"seed": 8}}}, "is set by the grid itself"),
        ({"overrides": {"pretrained": "x.safetensors"}}, "is set by the grid itself"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_grid(grid_file(tmp_path, **changes))


@pytest.mark.parametrize("name", ["hippocampus", "acdc"])
def test_the_shipped_grids_compare_starts_and_nothing_else(name: str) -> None:
    grid = read_grid(REPOSITORY / "configs" / "benchmarks" / f"{name}_pretraining.json")
    assert {method.pretraining for method in grid.methods} == {None, "reconstruction", "contrast", "both", "superclass"}
    assert all(not method.overrides for method in grid.methods)
    started = [method.overlays for method in grid.methods if method.name == "scratch" or method.pretraining]
    assert len(set(started)) == 1  # all but the reference with outlines in the same training
    assert len({json.dumps(recipe["epochs"]) for recipe in grid.pretrainings.values()}) == 1
    assert len(grid.draws) >= 3
