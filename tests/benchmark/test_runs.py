from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import monai.bundle
import pytest
from fake_nnunet import fake_environment
from grids import ABLATIONS, BUNDLE, grid, key

from cladeseg.benchmark.grid import Grid, GridMethod
from cladeseg.benchmark.nnunet.environment import NnunetEnvironment
from cladeseg.benchmark.nnunet.job import read_job
from cladeseg.benchmark.nnunet.run import NnunetRun
from cladeseg.benchmark.runs import (
    bundle_run,
    planned_runs,
    recorded_settings,
    refuse_changes,
    refuse_stale,
    refuse_without_nnunet,
    settings_of,
)
from cladeseg.bundle import check_overrides
from cladeseg.files import DataError


def option(command: list[str], name: str) -> str:
    return command[command.index(f"--{name}") + 1]


def test_a_method_without_axes_of_its_own_gets_the_grids() -> None:
    runs = planned_runs(grid())
    assert len(runs) == len(set(runs)) == 1 + 2 * 2 * 2
    assert [run for run in runs if run.method == "full"] == [key("full", "all")]
    assert {(run.n, run.draw) for run in runs if run.method == "ours"} == {(1, 0), (1, 1), (2, 0), (2, 1)}


def test_methods_go_side_by_side_so_that_half_a_grid_is_fair() -> None:
    first = planned_runs(grid())[:5]
    assert {run.draw for run in first} == {0}
    assert [run.method for run in first] == ["alone", "ours", "alone", "ours", "full"]


def test_a_draw_has_its_own_seed_unless_seeds_are_named() -> None:
    methods = (*grid().methods[1:], GridMethod(name="full", n=("all",)), GridMethod(name="chosen", patients="select"))
    runs = planned_runs(grid(seeds=None, draws=(3, 5), n=(1,), methods=methods))
    found = {(run.method, run.draw, run.seed) for run in runs}
    drawn = {(method, draw, draw) for method in ("alone", "ours") for draw in (3, 5)}
    # Nothing is drawn for these, but each split has them.
    assert found == drawn | {(method, 0, seed) for method in ("full", "chosen") for seed in (3, 5)}


def test_settings_are_laid_over_each_other_from_the_grid_to_the_method() -> None:
    method = GridMethod(name="a", overlays=(ABLATIONS / "fine_only.json",), overrides={"settings#batch#fine": 2})
    changes = {"epochs": 3, "settings#method": "hierarchical_mix", "settings#batch#fine": 1}
    one = grid(methods=(method,), lower=None, upper=None, ours=None, overrides=changes)
    assert settings_of(one, key("a", 2)) == {
        "epochs": 3,
        **json.loads((ABLATIONS / "fine_only.json").read_text()),
        "settings#batch#fine": 2,
        "fine_patients": 2,
    }


def test_the_commands_fix_the_split_by_the_seed_and_vary_the_draw(tmp_path: Path) -> None:
    run = bundle_run(grid(layout="msd"), key(draw=3, seed=7), output=tmp_path, dataset_dir=tmp_path / "data")
    training, scoring = run.command("training"), run.command("evaluating")
    for command in (training, scoring):
        assert command[1:5] == ["-m", "monai.bundle", "run", "training" if command is training else "evaluating"]
        assert [option(command, name) for name in ("seed", "settings#split#draw", "settings#data#layout")] == [
            "7",
            "3",
            "msd",
        ]
        assert option(command, "output_dir") == str(tmp_path / "runs" / "ours_n1_d3_s7")
    files = ast.literal_eval(option(training, "config_file"))
    assert files == ["configs/train.json", str(tmp_path / "runs" / "ours_n1_d3_s7" / "overlay.json")]
    assert json.loads(Path(files[1]).read_text()) == {"fine_patients": 1}
    assert (option(training, "promote"), option(training, "resume")) == ("False", "True")
    assert option(scoring, "split") == "test"
    assert run.bundle == BUNDLE


def test_the_commands_hold_only_keys_of_the_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BUNDLE)
    run = bundle_run(grid(layout="msd"), key(), output=tmp_path, dataset_dir=tmp_path)
    program = Path(monai.bundle.__file__).with_name("__main__.py")
    for stage in ("training", "evaluating"):
        check_overrides([str(program), *run.command(stage)[3:]])


def test_a_run_of_other_settings_is_neither_taken_nor_overwritten(tmp_path: Path) -> None:
    bundle_run(grid(), key(), output=tmp_path, dataset_dir=tmp_path)
    bundle_run(grid(), key(), output=tmp_path, dataset_dir=tmp_path)
    before = (tmp_path / "runs" / "ours_n1_d0_s0" / "request.json").read_bytes()
    longer = grid(overrides={"epochs": 9})
    for refuse in (
        lambda: bundle_run(longer, key(), output=tmp_path, dataset_dir=tmp_path),
        lambda: refuse_changes(longer, planned_runs(longer), output=tmp_path, dataset_dir=tmp_path),
    ):
        with pytest.raises(DataError, match=r"ours_n1_d0_s0/request.json: 'epochs' was None and is now 9"):
            refuse()
    assert (tmp_path / "runs" / "ours_n1_d0_s0" / "request.json").read_bytes() == before
    with pytest.raises(DataError, match="'dataset_dir' was"):
        refuse_changes(grid(), [key()], output=tmp_path, dataset_dir=tmp_path / "other")


def test_scoring_another_part_keeps_the_training(tmp_path: Path) -> None:
    bundle_run(grid(split="validation"), key(split="validation"), output=tmp_path, dataset_dir=tmp_path)
    run = bundle_run(grid(), key(), output=tmp_path, dataset_dir=tmp_path)
    assert key().name == replace(key(), split="validation").name
    assert option(run.command("evaluating"), "split") == "test"


def test_a_result_keeps_every_setting_and_no_path_of_a_machine(tmp_path: Path) -> None:
    one = grid(layout="msd", overrides={"epochs": 9, "settings#mix#weight": 0.25})
    found = recorded_settings(one, key(draw=3, seed=7), output=tmp_path, dataset_dir=tmp_path / "hippocampus")
    assert (found["bundle"], found["dataset"], found["seed"], found["epochs"]) == (BUNDLE.name, "hippocampus", 7, 9)
    assert (found["mix"]["weight"], found["split"]["draw"], found["fine_patients"]) == (0.25, 3, 1)
    assert str(tmp_path) not in json.dumps(found)


def test_a_result_of_other_settings_is_not_taken_for_the_runs_own() -> None:
    recorded = {"seed": 1, "mix": {"weight": 0.5, "gone": True}}
    refuse_stale(Path("r.json"), recorded, {"seed": 1, "mix": {"weight": 0.5, "new": False}})
    with pytest.raises(DataError, match=r"^r.json: 'mix.weight' was 0.5 and is now 0.75; restore the setting"):
        refuse_stale(Path("r.json"), recorded, {"seed": 1, "mix": {"weight": 0.75}})


# ---- nnU-Net ---------------------------------------------------------------------------------------------------------


def with_nnunet(epochs: int = 5, **changes: Any) -> Grid:
    method = GridMethod(name="nnunet", nnunet={"epochs": epochs})
    return grid(methods=(*grid().methods, method), **changes)


def test_nnunet_gets_the_cases_of_ours_and_none_of_its_training(tmp_path: Path) -> None:
    environment = NnunetEnvironment(fake_environment(tmp_path / "env", truth=tmp_path))
    one = with_nnunet(layout="msd", overrides={"epochs": 9, "settings#split#test_fraction": 0.3})
    each = key("nnunet", draw=3, seed=7)
    run = bundle_run(one, each, output=tmp_path, dataset_dir=tmp_path / "data", nnunet=environment)
    root = tmp_path / "runs" / "nnunet_n1_d3_s7"
    assert (type(run), Path(run.folder.root), run.stage) == (NnunetRun, root, "training")
    job = read_job(root)
    assert (job.split, job.environment, job.options.epochs) == ("test", tmp_path / "env", 5)
    mine, ours = job.plan(root).settings, recorded_settings(one, key(draw=3, seed=7), output=tmp_path, dataset_dir=root)
    assert (mine.seed, mine.fine_patients) == (ours["seed"], ours["fine_patients"]) == (7, 1)
    assert mine.split.model_dump() == ours["split"]
    assert (mine.split.draw, mine.split.test_fraction, mine.data.layout) == (3, 0.3, "msd")


def test_a_result_of_nnunet_is_stale_when_its_cases_or_options_change_alone(tmp_path: Path) -> None:
    def recorded(one: Grid) -> dict[str, Any]:
        return recorded_settings(one, key("nnunet"), output=tmp_path, dataset_dir=tmp_path / "hippocampus")

    before = recorded(with_nnunet())
    refuse_stale(Path("r.json"), before, recorded(with_nnunet(overrides={"epochs": 9, "settings#mix#weight": 0.25})))
    with pytest.raises(DataError, match=r"'nnunet.epochs' was 5 and is now 10"):
        refuse_stale(Path("r.json"), before, recorded(with_nnunet(10)))
    other = with_nnunet(overrides={"settings#split#test_fraction": 0.5})
    with pytest.raises(DataError, match=r"'split.test_fraction' was .* and is now 0.5"):
        refuse_stale(Path("r.json"), before, recorded(other))
    assert str(tmp_path) not in json.dumps(before)


def test_a_folder_of_nnunet_is_kept_for_its_cases_and_options(tmp_path: Path) -> None:
    environment = NnunetEnvironment(fake_environment(tmp_path / "env", truth=tmp_path))
    options: dict[str, Any] = {"output": tmp_path, "dataset_dir": tmp_path}
    bundle_run(with_nnunet(), key("nnunet"), nnunet=environment, **options)
    refuse_changes(with_nnunet(overrides={"epochs": 9}), [key("nnunet")], **options)
    with pytest.raises(DataError, match=r"nnunet_n1_d0_s0/request.json: 'nnunet' was .*5.* and is now .*10"):
        refuse_changes(with_nnunet(10), [key("nnunet")], **options)


def test_nnunet_without_its_environment_is_refused(tmp_path: Path) -> None:
    says = r"^g: method 'nnunet' needs nnU-Net v2; name its environment's folder with --nnunet-env or CLADESEG_NNUNET"
    with pytest.raises(DataError, match=says):
        refuse_without_nnunet(with_nnunet(), planned_runs(with_nnunet()), None)
    with pytest.raises(DataError, match=says):
        bundle_run(with_nnunet(), key("nnunet"), output=tmp_path, dataset_dir=tmp_path)
    refuse_without_nnunet(with_nnunet(), [key()], None)
