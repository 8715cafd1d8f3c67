"""Every task runs its three commands, end to end, on phantoms of its own layout and with its own defaults.

So does a bundle that ``cladeseg new-bundle`` writes for a folder that nobody has seen before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import (
    EVALUATE,
    INFERENCE,
    REPOSITORY,
    TINY,
    TRAIN,
    command,
    copy_bundle,
    json_of,
    rows_of,
    write_phantoms,
)

from cladeseg.bundle.failure import root_cause
from cladeseg.segmentation.phantoms import write_brats_phantoms, write_msd_phantoms, write_myops_phantoms
from cladeseg.segmentation.workflow import load_predictor, new_bundle
from cladeseg.taxonomy import load_taxonomy

SMALL: dict[str, Any] = {
    **TINY,
    "fine_patients": 1,
    "settings#data#resample_slices": True,
    "settings#data#patch_size": [16, 16, 16],
    "settings#optimizer#learning_rate": 0.02,
    "settings#optimizer#steps_per_epoch": 12,
    "settings#mix#start": 8,
}
BRATS = {**SMALL, "settings#data#spacing": [8.0, 8.0, 8.0], "settings#split#test_fraction": 0.3}
MSD = {**SMALL, "settings#data#spacing": [2.0, 2.0, 2.0], "settings#network#filters": 4, "settings#network#levels": 3}
MYOPS: dict[str, Any] = {
    **SMALL,
    "settings#data#resample_slices": False,
    "settings#data#patch_size": [32, 32, 2],
    "settings#data#spacing": [6.0, 6.0, 19.5],
}


def brats(folder: Path, naming: str = "brats18") -> Path:
    write_brats_phantoms(folder, subjects=6, seed=1, naming=naming, shape=(24, 24, 20), spacing=(8.0, 8.0, 8.0))
    return folder


def hippocampi(folder: Path) -> Path:
    write_msd_phantoms(folder, cases=8, seed=1, shape=(24, 32, 20), spacing=(2.0, 2.0, 2.0))
    return folder


def infarcts(folder: Path) -> Path:
    write_myops_phantoms(folder, cases=8, seed=1, shape=(32, 32, 4), spacing=(6.0, 6.0, 14.0))
    return folder


class Task(NamedTuple):
    """A bundle with data of its own and the overrides that make it small."""

    bundle: Path
    data: Path
    small: dict[str, Any]


def shipped(name: str) -> Path:
    return REPOSITORY / "bundles" / f"{name}_subclass_segmentation"


def _acdc(folder: Path) -> Task:
    return Task(copy_bundle(folder / "bundle"), write_phantoms(folder / "data", patients=6), TINY)


def _brats(folder: Path) -> Task:
    return Task(copy_bundle(folder / "bundle", shipped("brats")), brats(folder / "data"), BRATS)


def _hippocampus(folder: Path) -> Task:
    return Task(copy_bundle(folder / "bundle", shipped("hippocampus")), hippocampi(folder / "data"), MSD)


def _myops(folder: Path) -> Task:
    return Task(copy_bundle(folder / "bundle", shipped("myops")), infarcts(folder / "data"), MYOPS)


def _new(folder: Path) -> Task:
    """As a user would: tree and data of their own, nothing else said, and no override but those for speed."""
    data = hippocampi(folder / "data")
    tree = json_of(shipped("hippocampus") / "configs" / "taxonomy.json")
    (folder / "tree.json").write_text(json.dumps({**tree, "name": "mine"}), encoding="utf-8")
    bundle = new_bundle(folder / "knee", folder / "tree.json", dataset=data)
    keys = ["device", "fine_patients", "epochs", "promote", "settings#optimizer#steps_per_epoch"]
    keys += [f"settings#batch#{kind}" for kind in ("fine", "coarse", "unlabelled")]
    return Task(
        bundle, data, {**{key: SMALL[key] for key in keys}, "settings#network#filters": 4, "settings#network#levels": 4}
    )


MAKERS: dict[str, Callable[[Path], Task]] = {
    "acdc": _acdc,
    "brats": _brats,
    "hippocampus": _hippocampus,
    "myops": _myops,
    "new-bundle": _new,
}


@pytest.fixture(scope="module", params=MAKERS)
def task(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Task:
    return MAKERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def run(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of a dozen steps with its evaluation."""
    folder = tmp_path_factory.mktemp("run") / "R"
    places = {"dataset_dir": str(task.data), "output_dir": str(folder)}
    command(task.bundle, "training", TRAIN, **places, **task.small)
    command(task.bundle, "evaluating", EVALUATE, **places, device="cpu")
    return folder


def tree_of(task: Task) -> Any:
    return load_taxonomy(task.bundle / "configs" / "taxonomy.json")


def test_training_leaves_weights_and_their_description(run: Path) -> None:
    assert (run / "models" / "model.pt").is_file()
    assert {"network", "spacing", "patch_size", "validation"} <= set(json_of(run / "models" / "model.json"))
    assert json_of(run / "datalist.json")["test"]


def test_evaluating_scores_every_node_of_every_test_case(task: Task, run: Path) -> None:
    cases = {case["case"] for case in json_of(run / "datalist.json")["test"]}
    rows = rows_of(run / "eval" / "metrics.csv")
    nodes = set(tree_of(task).names) - {"root", "background"}
    assert {(row["case"], row["node"]) for row in rows} == {(case, node) for case in cases for node in nodes}
    summary = json_of(run / "eval" / "metrics.json")
    assert set(summary["nodes"]) == nodes
    assert {"dice", "iou"} <= set(summary["mean_leaf"])


def test_inference_writes_masks_on_the_images_own_grids(task: Task, run: Path) -> None:
    command(task.bundle, "inference", INFERENCE, dataset_dir=str(task.data), output_dir=str(run), device="cpu")
    masks = sorted((run / "predictions").glob("*.nii.gz"))
    datalist = json_of(run / "datalist.json")
    cases = {c["case"]: c["image"] for part in ("training", "validation", "test") for c in datalist[part]}
    assert [mask.name for mask in masks] == sorted(f"{case}.nii.gz" for case in cases)
    known = set(tree_of(task).values(json_of(task.bundle / INFERENCE)["label_convention"]))
    for mask in map(nib.load, masks):
        image = cases[Path(mask.get_filename()).name.removesuffix(".nii.gz")]
        source = nib.load(task.data / (image if isinstance(image, str) else image[0]))
        assert mask.shape == source.shape
        assert np.array_equal(mask.affine, source.affine)
        assert set(np.unique(np.asanyarray(mask.dataobj)).tolist()) <= known


# ---- what BraTS alone has --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tumours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Task, Path]:
    folder = tmp_path_factory.mktemp("tumours")
    task = _brats(folder)
    command(task.bundle, "training", TRAIN, dataset_dir=str(task.data), output_dir=str(folder / "R"), **BRATS)
    return task, folder / "R"


def test_labels_recoded_to_the_other_year_give_the_same_training(tumours: tuple[Task, Path], tmp_path: Path) -> None:
    task, run = tumours
    data = brats(tmp_path / "data")
    for file in data.glob("*/*_seg.nii.gz"):
        label = nib.load(file)
        voxels = np.asanyarray(label.dataobj)
        nib.save(nib.Nifti1Image(np.where(voxels == 4, 3, voxels).astype(np.uint8), label.affine, label.header), file)
    places = {"dataset_dir": str(data), "output_dir": str(tmp_path / "R"), "settings#data#label_convention": "brats23"}
    command(task.bundle, "training", TRAIN, **places, **BRATS)
    assert json_of(run / "datalist.json")["label_convention"] == "brats18"
    assert (tmp_path / "R" / "history.csv").read_text() == (run / "history.csv").read_text()


def test_a_folder_of_2023_is_recognised_and_trains(tumours: tuple[Task, Path], tmp_path: Path) -> None:
    task, _ = tumours
    data = brats(tmp_path / "data", "brats23")
    places = {"dataset_dir": str(data), "output_dir": str(tmp_path / "R")}
    command(task.bundle, "training", TRAIN, **places, **{**BRATS, "settings#optimizer#steps_per_epoch": 2})
    assert json_of(tmp_path / "R" / "datalist.json")["label_convention"] == "brats23"


@pytest.mark.parametrize(("label_convention", "values"), [("brats18", {0, 1, 2, 4}), ("brats23", {0, 1, 2, 3})])
def test_masks_are_written_in_the_label_convention_that_is_asked_for(
    tumours: tuple[Task, Path], label_convention: str, values: set[int], tmp_path: Path
) -> None:
    task, run = tumours
    weights = str(run / "models" / "model.pt")
    places = {"dataset_dir": str(task.data), "output_dir": str(tmp_path), "weights": weights}
    command(task.bundle, "inference", INFERENCE, **places, label_convention=label_convention, device="cpu")
    masks = [np.asanyarray(nib.load(mask).dataobj) for mask in (tmp_path / "predictions").glob("*.nii.gz")]
    assert set(np.unique(np.concatenate([mask.ravel() for mask in masks])).tolist()) <= values


def test_labels_of_the_other_year_are_refused_and_theirs_is_named(tumours: tuple[Task, Path], tmp_path: Path) -> None:
    task, _ = tumours
    places = {"dataset_dir": str(task.data), "output_dir": str(tmp_path / "R")}
    with pytest.raises(Exception) as caught:
        command(task.bundle, "training", TRAIN, **places, **{**task.small, "settings#data#label_convention": "brats23"})
    assert "its values fit the label convention 'brats18'" in str(root_cause(caught.value))
    assert not (tmp_path / "R" / "checkpoints").exists()


def test_a_label_of_neither_year_is_refused(tumours: tuple[Task, Path], tmp_path: Path) -> None:
    task, _ = tumours
    data = brats(tmp_path / "data")
    label = next(data.glob("*/*_seg.nii.gz"))
    volume = nib.load(label)
    voxels = np.asanyarray(volume.dataobj).copy()
    voxels.flat[:5] = [0, 1, 2, 3, 4]
    nib.save(nib.Nifti1Image(voxels, volume.affine, volume.header), label)
    places = {"dataset_dir": str(data), "output_dir": str(tmp_path / "R")}
    with pytest.raises(Exception) as caught:
        command(
            task.bundle,
            "training",
            TRAIN,
            **places,
            **{**task.small, "fine_patients": "all", "settings#split#test_fraction": 0.2},
        )
    assert f"{label.name}: value 3 (1 voxels) is not defined by the label convention 'brats18'" in str(
        root_cause(caught.value)
    )


def test_a_missing_modality_still_gives_a_mask_and_is_said(
    tumours: tuple[Task, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task, run = tumours
    subject = sorted(p for p in task.data.iterdir() if p.is_dir())[0]
    folder = tmp_path / "D" / subject.name
    folder.mkdir(parents=True)
    for name in ("flair", "t2"):
        (folder / f"{subject.name}_{name}.nii.gz").symlink_to(subject / f"{subject.name}_{name}.nii.gz")
    places = {"dataset_dir": str(tmp_path / "D"), "output_dir": str(tmp_path / "R")}
    with caplog.at_level("INFO", logger="cladeseg"):
        weights = str(run / "models" / "model.pt")
        command(task.bundle, "inference", INFERENCE, **places, weights=weights, device="cpu")
    assert (tmp_path / "R" / "predictions" / f"{subject.name}.nii.gz").is_file()
    assert f"{subject.name}: predicted from flair, t2" in caplog.text


def test_using_some_modalities_equals_having_only_those(tumours: tuple[Task, Path]) -> None:
    task, run = tumours
    weights = run / "models" / "model.pt"
    subject = sorted(p for p in task.data.iterdir() if p.is_dir())[0]
    files = [str(subject / f"{subject.name}_{name}.nii.gz") for name in ("flair", "t1", "t1ce", "t2")]
    chosen = load_predictor(task.bundle, weights=weights, device="cpu", modalities="t1ce,flair")(files)
    only = load_predictor(task.bundle, weights=weights, device="cpu")([files[0], None, files[2], None])
    assert np.array_equal(np.asarray(chosen), np.asarray(only))


def test_the_modalities_of_an_evaluation_are_a_command_line_option(tumours: tuple[Task, Path]) -> None:
    task, run = tumours
    places = {"dataset_dir": str(task.data), "output_dir": str(run)}
    command(task.bundle, "evaluating", EVALUATE, **places, device="cpu", modalities="flair", lesion_wise=True)
    metrics = {row["metric"] for row in rows_of(run / "eval" / "metrics.csv")}
    assert {"dice", "lesion_dice", "lesions_missed", "lesions_spurious"} <= metrics
