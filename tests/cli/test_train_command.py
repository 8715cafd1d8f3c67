"""``cladeseg train`` and ``cladeseg evaluate`` run the bundle's own commands, with settings that are checked first."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_calls import ACDC, REPOSITORY, call, in_own_process

import own_process
from cladeseg.files import DataError
from cladeseg.segmentation.phantoms import write_acdc_phantoms

#: Settings that make a training a matter of a second.
TINY: dict[str, Any] = {
    "method": "hierarchical_mix",
    "optimizer.steps_per_epoch": 2,
    "optimizer.validation_interval": 1,
    "optimizer.warmup_steps": 0,
    "batch.fine": 1,
    "batch.coarse": 1,
    "batch.unlabelled": 0,
    "network.filters": 4,
    "data.patch_size": [32, 32, 4],
    "data.spacing": [5.0, 5.0, 9.0],
    "propagation.enabled": False,
    "mix.start": 0,
    "mix.ramp": 1,
    "mix.weight": 0.5,
}
SETS = [part for name, value in TINY.items() for part in ("--set", f"{name}={json.dumps(value)}")]
OPTIONS = ["--fine-patients", "2", "--coarse-patients", "2", "--seed", "3", "--epochs", "1", "--no-promote"]


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hearts")
    write_acdc_phantoms(folder / "D", patients=8, seed=0, shape=(32, 32, 5), spacing=(5.0, 5.0, 9.0))
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("train") / "acdc"
    return Path(shutil.copytree(ACDC, copy, ignore=shutil.ignore_patterns("models")))


@pytest.fixture(scope="module")
def trained(hearts: Path, bundle: Path) -> Path:
    """A run of ``cladeseg train`` from a folder that is not the bundle's, with relative paths."""
    command = in_own_process("train", bundle, "--dataset", "D", "--output", "R", "--device", "cpu", *OPTIONS, *SETS)
    own_process.run(command, cwd=hearts, check=True)
    return hearts / "R"


def monai(bundle: Path, run_id: str, config_file: str, **options: Any) -> None:
    """The command that stays the contract: ``python -m monai.bundle run`` in the bundle's folder."""
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "monai.bundle", "run", run_id, "--config_file", config_file, *flags]
    own_process.run(command, cwd=bundle, check=True)


def written(run: Path, *names: str) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in names}


# ---- the same bytes --------------------------------------------------------------------------------------------------


def test_a_training_gives_the_bytes_of_the_bundles_own_command(hearts: Path, bundle: Path, trained: Path) -> None:
    own = hearts / "own"
    settings = {f"settings#{name.replace('.', '#')}": value for name, value in TINY.items()}
    options = {"fine_patients": 2, "coarse_patients": 2, "seed": 3, "epochs": 1, "promote": False, "device": "cpu"}
    monai(bundle, "training", "configs/train.json", dataset_dir=hearts / "D", output_dir=own, **options, **settings)
    names = ("history.csv", "datalist.json", "models/model.safetensors")
    assert written(trained, *names) == written(own, *names)
    records = [json.loads((run / "run.json").read_text(encoding="utf-8"))["settings"] for run in (trained, own)]
    assert records[0] == records[1]
    assert records[0]["mix"]["weight"] == 0.5
    assert not (bundle / "models").exists(), "nothing was to be promoted"
    assert sorted(path.name for path in hearts.iterdir() if not path.name.startswith("own")) == ["D", "R"]


def test_an_evaluation_gives_the_bytes_of_the_bundles_own_command(
    hearts: Path, bundle: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, own = (Path(shutil.copytree(trained, tmp_path / name)) for name in ("mine", "own"))
    monkeypatch.chdir(tmp_path)
    result = call(
        "evaluate", bundle, "--dataset", hearts / "D", "--output", "mine", "--nsd-tolerance-mm", 4, "--lesion-wise"
    )
    assert (result.exit_code, result.exception) == (0, None)
    assert "mean of leaves" in result.output
    files = "['configs/train.json','configs/evaluate.json']"
    options = {"nsd_tolerance_mm": 4.0, "lesion_wise": True}
    monai(bundle, "evaluating", files, dataset_dir=hearts / "D", output_dir=own, **options)
    names = ("eval/metrics.csv", "eval/metrics.json")
    assert written(mine, *names) == written(own, *names)


# ---- train -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What ``monai.bundle.run`` was called with, instead of a run."""
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr("monai.bundle.run", lambda **options: seen.append(options))
    return seen


def start(tmp_path: Path, *more: Any) -> Any:
    return call("train", ACDC, "--dataset", tmp_path / "D", "--output", tmp_path / "R", *more)


def test_options_become_overrides_and_what_is_left_out_none(started: list[dict[str, Any]], tmp_path: Path) -> None:
    assert start(tmp_path).exit_code == 0
    folders = {"bundle_root": ACDC, "dataset_dir": tmp_path / "D", "output_dir": tmp_path / "R"}
    nothing_else = {"run_id": "training", "config_file": [str(ACDC / "configs" / "train.json")], **folders}
    assert started == [nothing_else]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--fine-patients", "4"], {"fine_patients": 4}),
        (["--fine-patients", "all"], {"fine_patients": "all"}),
        (["--fine-patients", "p1, 101"], {"fine_patients": ["p1", "101"]}),
        (["--fine-patients", "101,"], {"fine_patients": ["101"]}),
        (["--coarse-patients", "0"], {"coarse_patients": 0}),
        (["--amp"], {"amp": True}),
        (["--no-amp", "--no-promote", "--resume"], {"amp": False, "promote": False, "resume": True}),
        (["--device", "cpu"], {"device": "cpu"}),
        (["--set", "seed=7"], {"seed": 7}),
        (["--set", "seed=7", "--seed", "8"], {"seed": 8}),
        (["--set", "mix.alpha_range=[0.5, 1.0]"], {"settings#mix#alpha_range": [0.5, 1.0]}),
        (["--set", "settings#network#prior=false"], {"settings#network#prior": False}),
        (["--set", "split.superclass=null"], {"settings#split#superclass": "$None"}),
        (["--set", "split.superclass=left_heart"], {"settings#split#superclass": "left_heart"}),
    ],
)
def test_an_option_reaches_the_config(
    started: list[dict[str, Any]], tmp_path: Path, options: list[str], expected: dict[str, Any]
) -> None:
    result = start(tmp_path, *options)
    assert (result.exit_code, result.exception) == (0, None)
    usual = {"run_id", "config_file", "bundle_root", "dataset_dir", "output_dir"}
    assert {name: value for name, value in started[0].items() if name not in usual} == expected


def test_overlays_lie_on_the_bundles_config_in_their_order(started: list[dict[str, Any]], tmp_path: Path) -> None:
    overlays = [REPOSITORY / "configs" / "ablations" / name for name in ("fine_only.json", "no_prior.json")]
    start(tmp_path, *(part for overlay in overlays for part in ("--overlay", overlay)))
    assert started[0]["config_file"] == [str(ACDC / "configs" / "train.json"), *map(str, overlays)]


def test_bundles_and_overlays_that_come_with_cladeseg_are_found_by_name(
    started: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("train", "acdc", "--dataset", "D", "--output", "R", "--overlay", "profiles/acdc_gpu")
    assert (result.exit_code, result.exception) == (0, None)
    files = [ACDC / "configs" / "train.json", REPOSITORY / "configs" / "profiles" / "acdc_gpu.json"]
    assert started[0]["config_file"] == list(map(str, files))
    assert started[0]["bundle_root"] == ACDC
    assert call("evaluate", "acdc", "--dataset", "D", "--output", "R").exit_code == 0
    assert started[1]["bundle_root"] == ACDC


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["acdcc"], "did you mean 'acdc'?"),
        (["acdc", "--overlay", "profiles/acdc_gpo"], "there is no such file, and no config of this name"),
        (["acdc", "--overlay", "profiles/acdc_gpo"], "did you mean 'profiles/acdc_gpu.json'?"),
    ],
)
def test_a_misspelt_bundle_or_overlay_is_refused_with_the_nearest(
    started: list[dict[str, Any]], tmp_path: Path, arguments: list[str], words: str
) -> None:
    result = call("train", *arguments, "--dataset", tmp_path, "--output", tmp_path / "R")
    assert (result.exit_code, type(result.exception)) == (1, DataError)
    assert words in str(result.exception)
    assert started == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "mxi.weight=0.5"], "mxi: there is no such setting; did you mean mix?"),
        (["--set", "mix.weight=heavy", "--set", "mix.wieght=1"], "mix.wieght: there is no such setting"),
        (["--set", "mix.wieght=0.5"], "mix.wieght: there is no such setting; did you mean mix.weight?"),
        (["--set", "weight=0.5"], "weight: there is no such setting; did you mean mix.weight?"),
        (["--set", "mix.weight=heavy"], 'mix.weight: "heavy" does not fit'),
        (["--set", "mix.weight=-1"], "expected number ≥ 0"),
        (["--set", "mix.weight"], "mix.weight: write a setting's name"),
        (["--set", "data.layout=$import_something()"], "begins with '$'"),
        (["--set", "epoch=3"], "did you mean epochs?"),
        (["--coarse-patients", "p1"], 'coarse_patients: ["p1"] does not fit'),
    ],
)
def test_a_setting_that_does_not_exist_or_fit_is_refused_before_anything_is_written(
    started: list[dict[str, Any]], tmp_path: Path, options: list[str], words: str
) -> None:
    result = start(tmp_path, *options)
    assert result.exit_code == 1
    assert isinstance(result.exception, DataError)
    assert words in str(result.exception)
    assert (started, list(tmp_path.iterdir())) == ([], [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"settings#mix#wieght": 1}', "did you mean settings#mix#weight?"),
        ('{"epoch": 3}', "did you mean 'epochs'?"),
        ('{"settings#optimizer#learning_rate": "fast"}', "settings#optimizer#learning_rate"),
        ("{", "cannot be read"),
    ],
)
def test_a_broken_overlay_is_named(started: list[dict[str, Any]], tmp_path: Path, content: str, words: str) -> None:
    overlay = tmp_path / "overlay.json"
    overlay.write_text(content, encoding="utf-8")
    result = start(tmp_path, "--overlay", overlay)
    assert str(result.exception).startswith(f"{overlay}: ")
    assert words in str(result.exception)
    assert started == []


def test_an_overlay_that_is_not_there_is_named(started: list[dict[str, Any]], tmp_path: Path) -> None:
    result = start(tmp_path, "--overlay", tmp_path / "none.json")
    assert str(result.exception).startswith(f"{tmp_path / 'none.json'}: ")
    assert started == []


def test_a_training_is_not_trained_over_but_gone_on_with(
    hearts: Path, bundle: Path, trained: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "R"))
    again = ("train", bundle, "--dataset", hearts / "D", "--output_dir", run, "--device", "cpu", *OPTIONS, *SETS)
    refused = own_process.run(in_own_process(*again))
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith(f"error: {run / 'checkpoints' / 'last.pt'}: ")
    assert "Traceback" not in refused.stderr
    assert call(*again, "--resume", "--epochs", 2).exit_code == 0
    with (run / "history.csv").open(newline="", encoding="utf-8") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]


def test_code_outside_the_allow_list_is_warned_of(started: list[dict[str, Any]], bundle: Path, tmp_path: Path) -> None:
    foreign = Path(shutil.copytree(bundle, tmp_path / "foreign"))
    config = json.loads((foreign / "configs" / "train.json").read_text(encoding="utf-8"))
    config["note"] = "$__import__('os').getcwd()"
    (foreign / "configs" / "train.json").write_text(json.dumps(config), encoding="utf-8")
    for folder, warned in ((bundle, False), (foreign, True)):
        result = call("train", folder, "--dataset", tmp_path, "--output", tmp_path / "R")
        assert ("outside the allow-list" in result.stderr) is warned


# ---- evaluate --------------------------------------------------------------------------------------------------------


def test_an_evaluation_is_asked_for_with_its_options(started: list[dict[str, Any]], tmp_path: Path) -> None:
    options = ("--split", "all", "--weights", tmp_path / "w.pt", "--modalities", "flair", "--device", "cpu")
    result = call("evaluate", ACDC, "--dataset", tmp_path, "--output", tmp_path / "R", *options)
    assert (result.exit_code, result.exception) == (0, None)
    (asked,) = started
    assert asked["run_id"] == "evaluating"
    assert asked["config_file"] == [str(ACDC / "configs" / name) for name in ("train.json", "evaluate.json")]
    chosen = {name: asked[name] for name in ("split", "weights", "modalities", "lesion_wise", "nsd_tolerance_mm")}
    assert chosen == {
        "split": "all",
        "weights": tmp_path / "w.pt",
        "modalities": "flair",
        "lesion_wise": False,
        "nsd_tolerance_mm": 2.0,
    }


def test_an_evaluation_without_weights_says_where_they_were_looked_for(
    hearts: Path, bundle: Path, tmp_path: Path
) -> None:
    command = in_own_process("evaluate", bundle, "--dataset", hearts / "D", "--output", tmp_path / "R")
    done = own_process.run(command)
    assert done.returncode == 1
    assert "no trained weights" in done.stderr.splitlines()[-1]
