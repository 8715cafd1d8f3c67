"""Each command does what its help says; errors about files, keys and values are one line and exit code 1."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import monai.bundle
import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner, Result

import cladeseg.demo
from cladeseg.bundle import OverrideError
from cladeseg.bundle.weights_record import WEIGHT_FILES, sha256_of
from cladeseg.cli import app
from cladeseg.files import DataError
from cladeseg.segmentation.data import build_datalist
from cladeseg.segmentation.phantoms import write_acdc_phantoms
from cladeseg.segmentation.workflow import load_predictor, network_from, promote
from cladeseg.segmentation.workflow.trained import store_weights
from cladeseg.taxonomy import TaxonomyError, load_taxonomy

BUNDLE = Path(__file__).parents[1] / "bundles" / "acdc_subclass_segmentation"
TREE = BUNDLE / "configs" / "taxonomy.json"
NETWORK = {
    "filters": [4, 4, 8],
    "kernels": [[3, 3, 1], [3, 3, 1], [3, 3, 3]],
    "strides": [[1, 1, 1], [2, 2, 1], [2, 2, 1]],
    "seed": 0,
}


@pytest.fixture(autouse=True)
def own_excepthook(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands replace it."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients that nobody changes."""
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    write_acdc_phantoms(folder, patients=2, seed=1, shape=(24, 24, 4), spacing=(6.0, 6.0, 10.0))
    return folder


@pytest.fixture
def data(phantoms: Path, tmp_path: Path) -> Path:
    """Two patients to break."""
    return Path(shutil.copytree(phantoms, tmp_path / "data"))


def call(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def labels(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*_gt.nii.gz"))


def images(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.nii.gz") if "_gt" not in file.name)


# ---- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["check", "phantoms", "demo", "run", "predict", "promote", "stack", "new-bundle", "audit", "validate"]
)
def test_help_says_what_a_command_does_and_gives_an_example(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert f"Examples:\n    cladeseg {command} " in result.output
    assert command in call("--help").output


# ---- phantoms --------------------------------------------------------------------------------------------------------


def test_phantoms_are_drawn_once_and_as_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "drawn"
    assert call("phantoms", folder, "--patients", 1, "--seed", 3, "--affines", "ras").exit_code == 0
    assert [file.name for file in folder.glob("patient*")] == ["patient001"]
    assert all(nib.aff2axcodes(nib.load(file).affine) == ("R", "A", "S") for file in images(folder))
    before = {file: file.stat().st_mtime_ns for file in images(folder)}
    assert call("phantoms", folder, "--patients", 1, "--seed", 3, "--affines", "ras").exit_code == 0
    assert {file: file.stat().st_mtime_ns for file in images(folder)} == before
    other = call("phantoms", folder, "--patients", 1, "--seed", 4)
    assert (other.exit_code, type(other.exception)) == (1, DataError)


# ---- check -----------------------------------------------------------------------------------------------------------


def test_check_shows_the_tree_and_what_the_folder_holds(data: Path) -> None:
    result = call("check", data, "--taxonomy", TREE)
    assert result.exit_code == 0
    assert result.output.index("heart") < result.output.index("└── ● left_heart")
    assert "● left_ventricle  acdc 3" in result.output
    assert "2: DCM 1, NOR 1" in result.output
    assert "4 read; 4 of them are the same after file → nodes → file" in result.output
    assert "nothing is wrong with any file" in result.output


def test_check_gives_sizes_along_the_patient_whatever_the_order_of_the_axes(tmp_path: Path) -> None:
    data = tmp_path / "varied"  # the fourth patient's slices are not along the last axis
    write_acdc_phantoms(data, patients=4, seed=1, shape=(24, 32, 5), spacing=(6.0, 6.0, 12.0))
    output = call("check", data, "--taxonomy", TREE).output
    low, high = output.split("inferior-superior ")[2].split()[0:3:2]
    assert 10.5 < float(low) < float(high) < 13.5


def test_a_torn_file_is_fatal(data: Path) -> None:
    torn = labels(data)[0]
    torn.write_bytes(torn.read_bytes()[:-16])
    result = call("check", data, "--taxonomy", TREE)
    assert result.exit_code == 1
    assert "1 fatal, 0 fixable, 0 info" in result.output
    assert f"fatal │ patient001/{torn.name}" in result.output
    assert "3 read; 3 of them are the same" in result.output


def test_a_missing_label_is_fixable(data: Path) -> None:
    labels(data)[1].unlink()
    result = call("check", data, "--taxonomy", TREE)
    assert result.exit_code == 0
    assert "0 fatal, 1 fixable, 0 info" in result.output
    assert "--allow_missing_labels" in result.output


def test_a_label_that_would_not_come_back_is_counted(data: Path) -> None:
    file = labels(data)[0]
    label = nib.load(file)
    voxels = np.asarray(label.dataobj, dtype=np.float32)
    voxels[voxels == 3] += 0.0004
    nib.save(nib.Nifti1Image(voxels, label.affine), file)
    result = call("check", data, "--taxonomy", TREE)
    assert result.exit_code == 0
    assert "4 read; 3 of them are the same" in result.output
    assert "hold no integer" in result.output


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["--taxonomy", "none.json"], TaxonomyError, "none.json"),
        (["--taxonomy", TREE, "--label-convention", "brats"], TaxonomyError, "brats"),
        (["--taxonomy", TREE, "--layout", "bids"], DataError, "bids"),
    ],
)
def test_check_refuses_what_it_does_not_know(phantoms: Path, arguments: list[Any], error: type, words: str) -> None:
    result = call("check", phantoms, *arguments)
    assert (result.exit_code, type(result.exception)) == (1, error)
    assert words in str(result.exception)


# ---- run -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What ``monai.bundle.run`` was called with, instead of a run."""
    seen: list[dict[str, Any]] = []

    def run(run_id: str | None = None, config_file: Any = None, **override: Any) -> None:
        seen.append({"run_id": run_id, "config_file": config_file, **override})

    monkeypatch.setattr(monai.bundle, "run", run)
    monkeypatch.chdir(BUNDLE)
    yield seen


def test_run_takes_the_arguments_of_the_bundle_command(started: list[dict[str, Any]]) -> None:
    files = "['configs/train.json','configs/evaluate.json']"
    result = call("run", "training", "--config_file", files, "--epochs", 3, "--amp=True", "--settings#mix#weight", 0.5)
    assert (result.exit_code, result.exception) == (0, None)
    assert started == [
        {
            "run_id": "training",
            "config_file": ["configs/train.json", "configs/evaluate.json"],
            "epochs": 3,
            "amp": True,
            "settings#mix#weight": 0.5,
        }
    ]


def test_run_refuses_a_misspelt_override_before_anything_starts(started: list[dict[str, Any]]) -> None:
    result = call("run", "training", "--config_file", "configs/train.json", "--epoch", 3)
    assert (result.exit_code, type(result.exception)) == (1, OverrideError)
    assert "--epochs" in str(result.exception)
    assert started == []


def test_an_error_is_one_line_and_exit_code_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from cladeseg.cli import app; app()", "check", "nowhere", "--taxonomy", str(TREE)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)
    assert (done.returncode, done.stderr) == (1, "error: nowhere: no such folder\n")


# ---- predict ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose promoted weights are a small random network's."""
    copy = tmp_path_factory.mktemp("bundle") / "acdc"
    shutil.copytree(BUNDLE, copy, ignore=shutil.ignore_patterns("models"))
    state = network_from(NETWORK, load_taxonomy(TREE)).state_dict()
    settings = {"spacing": [6.0, 6.0, -1.0], "patch_size": [16, 16, 4]}
    store_weights(state, copy.parent / "run", network=NETWORK, inference=settings, validation={})
    promote(copy.parent / "run", copy / "models", force=True)
    return copy


def test_predict_writes_the_mask_of_every_image_on_its_own_grid(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    result = call("predict", phantoms, tmp_path / "masks", "--bundle", bundle, "--device", "cpu")
    assert (result.exit_code, result.exception) == (0, None)
    predictor = load_predictor(bundle, device="cpu")
    assert sorted(f.name for f in (tmp_path / "masks").iterdir()) == [f.name for f in images(phantoms)]
    for image in images(phantoms):
        mask = nib.load(tmp_path / "masks" / image.name)
        assert np.array_equal(np.asarray(mask.dataobj), predictor(image)[0].numpy())
        assert np.array_equal(mask.affine, nib.load(image).affine)


def test_predict_takes_one_file_and_named_weights(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("model.pt", "model.json"):
        shutil.copy(bundle / "models" / name, tmp_path / "models" / name)
    image = images(phantoms)[0]
    result = call("predict", image, tmp_path / "out", "--bundle", BUNDLE, "--weights", tmp_path / "models" / "model.pt")
    assert (result.exit_code, result.exception) == (0, None)
    assert [file.name for file in (tmp_path / "out").iterdir()] == [image.name]


def test_predict_without_weights_names_them(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    result = call("predict", phantoms, tmp_path, "--bundle", bundle, "--weights", tmp_path / "none.pt")
    assert (result.exit_code, type(result.exception)) == (1, DataError)
    assert "none.pt" in str(result.exception)


# ---- promote ---------------------------------------------------------------------------------------------------------


def model(folder: Path, score: float, weights: bytes) -> Path:
    (folder / "models").mkdir(parents=True)
    (folder / "configs").mkdir()
    for name in WEIGHT_FILES:
        (folder / "models" / name).write_bytes(weights)
    hashes = dict.fromkeys(WEIGHT_FILES, sha256_of(folder / "models" / "model.pt"))
    description = {"validation": {"score": score, "fingerprint": "same cases"}, "sha256": hashes}
    (folder / "models" / "model.json").write_text(json.dumps(description))
    return folder


@pytest.mark.parametrize(
    ("score", "options", "kept"), [(0.9, [], False), (0.7, [], True), (0.7, ["--force"], False), (0.8, [], True)]
)
def test_only_a_better_run_is_promoted_unless_forced(
    tmp_path: Path, score: float, options: list[str], kept: bool
) -> None:
    run, target = model(tmp_path / "R", score, b"new"), model(tmp_path / "bundle", 0.8, b"old")
    result = call("promote", run, target, *options)
    assert result.exit_code == int(kept)
    assert (target / "models" / "model.pt").read_bytes() == (b"old" if kept else b"new")


def test_promote_makes_no_bundle_out_of_a_typing_error(tmp_path: Path) -> None:
    run = model(tmp_path / "R", 0.9, b"new")
    result = call("promote", run, tmp_path / "bumdle")
    assert (result.exit_code, type(result.exception)) == (1, DataError)
    assert not (tmp_path / "bumdle").exists()


# ---- demo ------------------------------------------------------------------------------------------------------------


def test_demo_writes_to_the_current_folder_and_takes_a_bundle_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[cladeseg.demo.DemoPlan] = []
    monkeypatch.setattr(cladeseg.demo, "run_demo", plans.append)
    monkeypatch.chdir(tmp_path)
    assert call("demo", "--epochs", 2, "--seed", 7).exit_code == 0
    assert call("demo", "--bundle", "brats").exit_code == 0
    assert plans == [
        cladeseg.demo.DemoPlan(tmp_path / "demo", "acdc", 2, 7),
        cladeseg.demo.DemoPlan(tmp_path / "demo", "brats"),
    ]


# ---- other layouts and bundles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "file"),
    [
        ("brats18", "Brats18_PHANTOM_001_1/Brats18_PHANTOM_001_1_t1ce.nii.gz"),
        ("brats23", "BraTS-GLI-00001-000/BraTS-GLI-00001-000-t2f.nii.gz"),
        ("msd", "dataset.json"),
    ],
)
def test_phantoms_come_in_other_layouts(tmp_path: Path, layout: str, file: str) -> None:
    assert call("phantoms", tmp_path / "D", "--layout", layout, "--patients", 1).exit_code == 0
    assert (tmp_path / "D" / file).is_file()


def test_stack_joins_the_modalities_of_a_subject(tmp_path: Path) -> None:
    call("phantoms", tmp_path / "D", "--layout", "brats23", "--patients", 1)
    (subject,) = (path for path in (tmp_path / "D").iterdir() if path.is_dir())
    assert call("stack", subject, tmp_path / "one.nii.gz").exit_code == 0
    stacked, flair = nib.load(tmp_path / "one.nii.gz"), nib.load(next(subject.glob("*-t2f.nii.gz")))
    assert stacked.shape == (*flair.shape, 4)
    assert np.array_equal(np.asanyarray(stacked.dataobj)[..., 0], np.asanyarray(flair.dataobj))
    again = call("stack", subject, tmp_path / "one.nii.gz")
    assert isinstance(again.exception, DataError)
    assert call("stack", subject, tmp_path / "one.nii.gz", "--force").exit_code == 0


def test_a_new_bundle_is_valid_and_safe(phantoms: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "mine"
    made = call("new-bundle", bundle, "--taxonomy", TREE, "--layout", "acdc", "--dataset", phantoms)
    assert made.exit_code == 0
    assert call("validate", bundle).exit_code == 0
    assert call("audit", bundle).exit_code == 0
    assert isinstance(call("new-bundle", bundle, "--taxonomy", TREE).exception, DataError), "it is there already"


def test_validate_names_what_is_missing_and_audit_what_is_foreign(tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(BUNDLE, tmp_path / "copy", ignore=shutil.ignore_patterns("models")))
    inference = bundle / "configs" / "inference.json"
    config = json.loads(inference.read_text(encoding="utf-8"))
    del config["network"]
    config["note"] = "$__import__('os').getcwd()"
    inference.write_text(json.dumps(config), encoding="utf-8")
    refused = call("validate", bundle)
    assert refused.exit_code == 1
    assert "network" in refused.output
    found = call("audit", bundle, "--json")
    assert found.exit_code == 1
    foreign = [entry for entry in json.loads(found.output)["findings"] if not entry["allowed"]]
    assert [entry["value"] for entry in foreign] == ["$__import__('os').getcwd()"]


def test_a_benchmark_can_be_looked_at_before_it_is_run(tmp_path: Path) -> None:
    grid = BUNDLE.parents[1] / "configs" / "benchmarks" / "smoke.json"
    result = call("benchmark", "labels", grid, "--output", tmp_path / "out", "--dry-run")
    assert result.exit_code == 0
    assert not (tmp_path / "out").exists()


def test_select_proposes_patients_that_a_training_takes_by_name(tmp_path: Path) -> None:
    call("phantoms", tmp_path / "D", "--layout", "msd", "--patients", 6)
    tree = BUNDLE.with_name("hippocampus_subclass_segmentation") / "configs" / "taxonomy.json"
    where = ("--out", tmp_path / "out", "--taxonomy", tree, "--layout", "msd")
    result = call("select", tmp_path / "D", "--budget", 2, *where)
    assert result.exit_code == 0
    chosen = json.loads((tmp_path / "out" / "selection.json").read_text(encoding="utf-8"))["patients"]
    assert len(set(chosen)) == 2
    assert all(f"{patient}: " in result.output for patient in chosen)
    settings = {"layout": "msd", "label_convention": "msd", "fine_patients": chosen, "test_fraction": 0.0}
    with pytest.raises(DataError, match="nobody"):
        build_datalist(tmp_path / "D", load_taxonomy(tree), **{**settings, "fine_patients": ["nobody"]})
    datalist = build_datalist(tmp_path / "D", load_taxonomy(tree), **{**settings, "validation_fraction": 0.0})
    fine = {case["patient"] for case in datalist["training"] if case["supervision"] == "fine"}
    assert fine == set(chosen)


def test_check_knows_the_layout_of_the_bundle_that_the_tree_is_in(tmp_path: Path) -> None:
    call("phantoms", tmp_path / "D", "--layout", "brats23", "--patients", 1)
    tree = BUNDLE.with_name("brats_subclass_segmentation") / "configs" / "taxonomy.json"
    result = call("check", tmp_path / "D", "--taxonomy", tree)
    assert result.exit_code == 0
    assert "whole_tumour" in result.output
