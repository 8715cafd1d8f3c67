"""What the contract is played with: copies of the shipped bundles with weights that know phantoms, and phantom images.

The hippocampus bundle is served as it is, with the weights that come with it.  The others come without weights, so
copies of them are made small and trained on phantoms for a moment, by their own command.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import monai.bundle
import nibabel as nib
import pytest

from cladeseg.segmentation.data import stack_folder
from cladeseg.segmentation.phantoms import (
    write_acdc_phantoms,
    write_brats_phantoms,
    write_msd_phantoms,
    write_myops_phantoms,
)

BUNDLES = Path(__file__).parents[3] / "bundles"
#: Enough for a network of a few channels to find the phantoms' structures.
LEARNT = {
    "device": "cpu",
    "fine_patients": "all",
    "epochs": 2,
    "settings#optimizer#steps_per_epoch": 40,
    "settings#optimizer#validation_interval": 1,
    "settings#optimizer#learning_rate": 0.02,
    "settings#optimizer#weight_decay": 0.0,
    "settings#optimizer#warmup_steps": 0,
    "settings#optimizer#ema_decay": 0.9,
    "settings#augmentation#enabled": False,
    "settings#augmentation#modality_dropout": 0.0,
    "settings#method": "supervised",
}
#: Changes to the configs of the bundles that have no weights; an empty one stands for a bundle that is left as it is.
TASKS: dict[str, dict[str, Any]] = {
    "hippocampus": {},
    "acdc": {
        **LEARNT,
        "settings#network#filters": 4,
        "settings#network#levels": 4,
        "settings#data#patch_size": [32, 32, 4],
        "settings#data#spacing": [5.0, 5.0, 9.0],
        "settings#data#resample_slices": False,
    },
    "brats": {
        **LEARNT,
        "settings#network#filters": 4,
        "settings#network#levels": 4,
        "settings#data#patch_size": [16, 16, 16],
        "settings#data#spacing": [8.0, 8.0, 8.0],
        "epochs": 4,
    },
    "myops": {
        **LEARNT,
        "settings#network#filters": 4,
        "settings#network#levels": 4,
        "settings#data#patch_size": [32, 32, 2],
        "settings#data#spacing": [7.0, 7.0, 19.5],
    },
}
#: How the last image lies.
LAST = {"acdc": "LPS", "brats": "LPS", "hippocampus": "LPS", "myops": "LSP"}


class Case(NamedTuple):
    """A phantom: its name for MONAI Label, its image, its true label."""

    name: str
    image: Path
    label: Path


def bundle_with_weights(task: str, folder: Path) -> Path:
    """A copy of a shipped bundle with weights."""
    source, changes = BUNDLES / f"{task}_subclass_segmentation", TASKS[task]
    bundle = Path(shutil.copytree(source, folder, ignore=_left_out(source, models=not changes)))
    if changes:
        _change(bundle / "configs" / "train.json", changes)
        _train(bundle, task, folder.parent)
    return bundle


def write_studies(task: str, folder: Path) -> list[Case]:
    """Five phantoms as MONAI Label takes them: one file each, modalities as the channels of one.

    They lie in turn as RAS, LPS, oblique RAS, ARI and oblique LPS, those of MyoPS oblique as LSP and PSR; no two of
    their axes have one voxel size.
    """
    phantoms = _phantoms(task, folder.with_name(f"{folder.name}_phantoms"), count=5, seed=1)
    folder.mkdir()
    if task == "brats":
        images = sorted(stack_folder(phantoms, folder))
        return [_case(image, phantoms / _name(image) / f"{_name(image)}-seg.nii.gz") for image in images]
    if task == "myops":
        images = sorted(stack_folder(phantoms, folder, channels=("C0", "LGE", "T2")))
        return [_case(image, phantoms / _name(image) / f"{_name(image)}_gd.nii.gz") for image in images]
    pairs = _acdc_pairs(phantoms) if task == "acdc" else _msd_pairs(phantoms)
    return [_case(Path(shutil.copy(image, folder)), label) for image, label in pairs]


def _left_out(source: Path, *, models: bool) -> Any:
    def names_of(folder: str, names: list[str]) -> list[str]:
        return names if folder in (str(source / "runs"), *(() if models else (str(source / "models"),))) else []

    return names_of


def _change(file: Path, changes: dict[str, Any]) -> None:
    config = json.loads(file.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *groups, name = key.split("#")
        place = config
        for group in groups:
            place = place[group]
        place[name] = value
    file.write_text(json.dumps(config), encoding="utf-8")


def _train(bundle: Path, task: str, place: Path) -> None:
    data = _phantoms(task, place / "training_phantoms", count=8, seed=0)
    where = {"dataset_dir": str(data), "output_dir": str(place / "R")}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bundle)
        patch.setattr(sys, "excepthook", sys.excepthook)  # the bundle replaces it
        monai.bundle.run("training", config_file="configs/train.json", promote=True, **where)


def _phantoms(task: str, folder: Path, *, count: int, seed: int) -> Path:
    if task == "acdc":
        write_acdc_phantoms(folder, patients=count, seed=seed, shape=(40, 36, 5), spacing=(5.0, 5.5, 9.0))
    elif task == "brats":
        size: dict[str, Any] = {"shape": (24, 26, 20), "spacing": (8.0, 7.5, 8.5), "naming": "brats23"}
        write_brats_phantoms(folder, subjects=count, seed=seed, **size)
    elif task == "myops":
        write_myops_phantoms(folder, cases=count, seed=seed, shape=(30, 32, 4), spacing=(7.0, 6.5, 14.0))
    else:
        write_msd_phantoms(folder, cases=count, seed=seed, shape=(40, 44, 22), spacing=(0.9, 1.1, 1.5))
    return folder


def _acdc_pairs(phantoms: Path) -> list[tuple[Path, Path]]:
    """One frame of each patient."""
    labels = [sorted(folder.glob("*_gt.nii.gz"))[0] for folder in sorted(phantoms.glob("patient*"))]
    return [(label.with_name(label.name.replace("_gt", "")), label) for label in labels]


def _msd_pairs(phantoms: Path) -> list[tuple[Path, Path]]:
    return [(phantoms / "imagesTr" / file.name, file) for file in sorted((phantoms / "labelsTr").glob("*.nii.gz"))]


def _case(image: Path, label: Path) -> Case:
    assert nib.load(image).shape[:3] == nib.load(label).shape
    return Case(_name(image), image, label)


def _name(file: Path) -> str:
    return file.name.removesuffix(".nii.gz")
