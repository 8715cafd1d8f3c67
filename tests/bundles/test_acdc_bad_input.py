"""Input that cannot be used ends a command in one error that names the file, before anything is trained."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import monai.bundle
import nibabel as nib
import numpy as np
import pytest
from bundle_runs import EVALUATE, INFERENCE, TRAIN, Place, Trained, command, json_of, refusal

import own_process
from cladeseg.bundle import OverrideError
from cladeseg.bundle.failure import root_cause
from cladeseg.files import DataError

#: In the phantoms' split: finely labelled, with an outline of the heart, and of the test part.
FINE, COARSE, TEST = "patient001", "patient002", "patient003"


def first(data: Path, patient: str, suffix: str = "") -> Path:
    return data / patient / f"{patient}_frame01{suffix}.nii.gz"


def rewrite(path: Path, change: Callable[[np.ndarray], np.ndarray], shift_mm: float = 0.0) -> Path:
    volume = nib.load(path)
    affine = volume.affine.copy()
    affine[0, 3] += shift_mm
    voxels = change(np.array(volume.dataobj))
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return path


def truncate(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def remove(path: Path, *others: Path) -> Path:
    for one in (path, *others):
        one.unlink()
    return path


def orphan_label(data: Path) -> Path:
    remove(first(data, FINE))
    return first(data, FINE, "_gt")


def unknown_value(voxels: np.ndarray) -> np.ndarray:
    voxels[0, 0, 0] = 9
    return voxels


def hole(voxels: np.ndarray) -> np.ndarray:
    voxels = voxels.astype(np.float32)
    voxels[3, 3, 3] = np.nan
    return voxels


#: What is wrong → how to break the data, giving the file at fault; and a word that the message must hold.
FAULTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "truncated image": (lambda data: truncate(first(data, COARSE)), "cannot be read"),
    "truncated image of a test case": (lambda data: truncate(first(data, TEST)), "cannot be read"),
    "truncated label": (lambda data: truncate(first(data, FINE, "_gt")), "cannot be read"),
    "unknown label value": (lambda data: rewrite(first(data, FINE, "_gt"), unknown_value), "9"),
    "unknown value in a coarse case": (lambda data: rewrite(first(data, COARSE, "_gt"), unknown_value), "9"),
    "unknown value in a test case": (lambda data: rewrite(first(data, TEST, "_gt"), unknown_value), "9"),
    "other shape": (lambda data: rewrite(first(data, FINE, "_gt"), lambda voxels: voxels[:-1]), "shape"),
    "other affine": (lambda data: rewrite(first(data, FINE, "_gt"), np.copy, shift_mm=12.0), "12.00 mm"),
    "NaN": (lambda data: rewrite(first(data, COARSE), hole), "1 voxels are not finite"),
    "constant image": (lambda data: rewrite(first(data, COARSE), np.zeros_like), "every voxel is 0"),
    "4D image": (lambda data: rewrite(first(data, COARSE), lambda voxels: np.stack([voxels] * 2, -1)), "4D"),
    "missing fine label": (lambda data: remove(first(data, FINE, "_gt")), "declared 'fine'"),
    "missing coarse label": (lambda data: remove(first(data, COARSE, "_gt")), "declared 'heart'"),
    "missing image": (lambda data: remove(first(data, FINE), first(data, FINE, "_gt")), "missing"),
    "label without image": (orphan_label, "without an image"),
    "missing Info.cfg": (lambda data: remove(data / FINE / "Info.cfg"), "missing"),
}


@pytest.fixture
def broken(place: Place, tmp_path: Path) -> Place:
    """The phantoms, to be broken."""
    return place._replace(data=Path(shutil.copytree(place.data, tmp_path / "D")))


def assert_nothing_trained(run: Path) -> None:
    left = {path.name for path in run.iterdir()} if run.exists() else set()
    assert left <= {".lock", "run.json", "datalist.json"}


def test_the_named_patients_are_what_they_are_called(trained: Trained) -> None:
    datalist = json_of(trained.run / "datalist.json")
    told = {case["patient"]: (part, case["supervision"]) for part in ("training", "test") for case in datalist[part]}
    assert [told[p] for p in (FINE, COARSE, TEST)] == [("training", "fine"), ("training", "heart"), ("test", "fine")]


@pytest.mark.parametrize("fault", FAULTS)
def test_training_refuses_broken_files_by_name(broken: Place, tmp_path: Path, fault: str) -> None:
    spoil, word = FAULTS[fault]
    path = spoil(broken.data)
    message = refusal(broken, tmp_path / "R")
    assert message.startswith(f"{path}: ")
    assert word in message
    assert len(message.splitlines()) == 1
    assert_nothing_trained(tmp_path / "R")


def test_every_broken_file_is_named_at_once(broken: Place, tmp_path: Path) -> None:
    paths = [truncate(first(broken.data, COARSE)), rewrite(first(broken.data, FINE, "_gt"), unknown_value)]
    message = refusal(broken, tmp_path / "R")
    assert sorted(line.split(": ")[0] for line in message.splitlines()) == sorted(str(path) for path in paths)
    assert_nothing_trained(tmp_path / "R")


@pytest.mark.parametrize("exists", [True, False], ids=["empty", "missing"])
def test_a_folder_without_patients_is_refused_by_every_command(trained: Trained, tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "D"
    if exists:
        folder.mkdir()
    place = trained._replace(data=folder)
    assert refusal(place, tmp_path / "R").startswith(f"{folder}: ")
    assert_nothing_trained(tmp_path / "R")
    weights = str(trained.run / "models" / "model.pt")
    folders = {"dataset_dir": str(folder), "output_dir": str(tmp_path / "R"), "weights": weights}
    for run_id, config, extra in (("inference", INFERENCE, {}), ("evaluating", EVALUATE, {"split": "all"})):
        with pytest.raises(Exception) as caught:
            command(trained.bundle, run_id, config, **folders, **extra)
        cause = root_cause(caught.value)
        assert isinstance(cause, DataError)
        assert str(cause).startswith(f"{folder}: ")


def test_inference_checks_every_image_before_the_first_mask(trained: Trained, broken: Place, tmp_path: Path) -> None:
    path = truncate(first(broken.data, "patient008"))
    weights = str(trained.run / "models" / "model.pt")
    folders = {"dataset_dir": str(broken.data), "output_dir": str(tmp_path / "R"), "weights": weights}
    with pytest.raises(Exception) as caught:
        command(trained.bundle, "inference", INFERENCE, **folders)
    assert str(root_cause(caught.value)).startswith(f"{path}: ")
    assert not (tmp_path / "R" / "predictions").exists()


def test_a_broken_label_keeps_the_earlier_evaluation_in_place(trained: Trained, broken: Place, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained.run, tmp_path / "R"))
    (run / "eval").mkdir()
    path = truncate(first(broken.data, TEST, "_gt"))
    with pytest.raises(Exception) as caught:
        command(trained.bundle, "evaluating", EVALUATE, dataset_dir=str(broken.data), output_dir=str(run))
    assert str(root_cause(caught.value)).startswith(f"{path}: ")
    assert (run / "eval").exists()
    assert not (run / "eval.1").exists()


@pytest.mark.parametrize(("run_id", "config"), [("inference", INFERENCE), ("evaluating", EVALUATE)])
def test_commands_without_weights_say_what_to_do(
    place: Place, tmp_path: Path, run_id: str, config: str | list[str]
) -> None:
    with pytest.raises(Exception) as caught:
        command(place.bundle, run_id, config, dataset_dir=str(place.data), output_dir=str(tmp_path / "R"))
    message = str(root_cause(caught.value))
    assert message.startswith(f"{tmp_path / 'R'}: no trained weights")
    assert "--weights" in message


def test_too_few_patients_for_the_budget_is_one_error(place: Place, tmp_path: Path) -> None:
    assert "99" in refusal(place, tmp_path / "R", fine_patients=99)
    assert_nothing_trained(tmp_path / "R")


def test_the_command_line_ends_with_one_line_and_exit_code_1(broken: Place, tmp_path: Path) -> None:
    path = truncate(first(broken.data, FINE))
    folders = ["--dataset_dir", str(broken.data), "--output_dir", str(tmp_path / "R")]
    options = ["--fine_patients", "2", "--seed", "0", "--epochs", "1", "--device", "cpu"]
    environment = {key: value for key, value in os.environ.items() if key != "CLADESEG_TRACEBACK"}
    line = [sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", TRAIN, *folders, *options]
    done = own_process.run(line, cwd=broken.bundle, env=environment)
    assert done.returncode == 1
    last = done.stderr.rstrip().splitlines()[-1]
    assert last.startswith(f"error: {path}: cannot be read")
    assert "Traceback" not in done.stderr
    assert_nothing_trained(tmp_path / "R")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("epoch", "epochs"),
        ("fine_patient", "fine_patients"),
        ("separatenorm", "settings#network#separate_norm"),
        ("learning_rate", "settings#optimizer#learning_rate"),
    ],
)
def test_a_misspelt_override_is_refused_naming_the_nearest_key(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, right: str
) -> None:
    program = str(Path(monai.bundle.__file__).with_name("__main__.py"))
    line = [program, "run", "training", "--config_file", TRAIN, "--output_dir", str(tmp_path / "R"), f"--{wrong}", "2"]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(Exception) as caught:
        command(place.bundle, "training", TRAIN, output_dir=str(tmp_path / "R"), **{wrong: 2})
    cause = root_cause(caught.value)
    assert isinstance(cause, OverrideError)
    assert f"did you mean --{right}?" in str(cause)
    assert not (tmp_path / "R").exists()
