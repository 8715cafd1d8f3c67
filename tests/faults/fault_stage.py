"""What a fault is planted in: tiny hearts D, a bundle B with weights, and a finished run R, fresh for each fault."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from cladeseg.segmentation.phantoms import write_acdc_phantoms
from cladeseg.segmentation.workflow import promote
from cladeseg.segmentation.workflow.commands import TRAINING, run_bundle

REPOSITORY = Path(__file__).parents[2]
_BUNDLES = REPOSITORY / "bundles"
#: Settings that make a training a matter of a second.
_TINY = {
    "data": {"patch_size": [32, 32, 4], "spacing": [5.0, 5.0, 9.0], "resample_slices": False, "layout": "acdc"},
    "optimizer": {"steps_per_epoch": 1, "validation_interval": 1, "warmup_steps": 0},
    "batch": {"fine": 1, "coarse": 1, "unlabelled": 0},
    "network": {"filters": 4, "levels": 4},
    "propagation": {"enabled": False},
}


@dataclass(frozen=True)
class Stage:
    """Folders of one fault.

    Attributes:
        root: holds all of them; commands run here.
    """

    root: Path

    @property
    def data(self) -> Path:
        """D: hearts of 8 patients in ACDC's layout."""
        return self.root / "D"

    @property
    def bundle(self) -> Path:
        """B: ACDC's bundle with weights of a small network."""
        return self.root / "B"

    @property
    def run(self) -> Path:
        """R: a finished training of one epoch."""
        return self.root / "R"

    def image(self, patient: int = 1) -> Path:
        """The first frame of a patient; 1 is labelled finely, 2 coarsely, 3 is tested on."""
        return self.data / f"patient{patient:03d}" / f"patient{patient:03d}_frame01.nii.gz"

    def label(self, patient: int = 1) -> Path:
        """The label of :meth:`image`."""
        return self.image(patient).with_name(f"patient{patient:03d}_frame01_gt.nii.gz")

    def tree(self) -> Path:
        """The label tree of B."""
        return self.bundle / "configs" / "taxonomy.json"


def prepare(root: Path) -> Stage:
    """Build the stage that the others are copies of."""
    stage = Stage(root)
    write_acdc_phantoms(stage.data, patients=8, seed=0, shape=(40, 40, 5), spacing=(5.0, 5.0, 9.0))
    source = _BUNDLES / "acdc_subclass_segmentation"
    shutil.copytree(source, stage.bundle, ignore=shutil.ignore_patterns("models", "results", "runs"))
    file = stage.bundle / "configs" / "train.json"
    config = json.loads(file.read_text())
    for group, values in _TINY.items():
        config["settings"][group] |= values
    file.write_text(json.dumps({**config, "epochs": 1, "fine_patients": 2}))
    (stage.bundle / "models").mkdir()
    run_bundle(TRAINING, stage.bundle, dataset_dir=stage.data, output_dir=stage.run, promote=False, device="cpu")
    promote(stage.run / "models", stage.bundle / "models", force=True)
    return stage


def copy_stage(stage: Stage, root: Path) -> Stage:
    """A copy to be spoilt."""
    return Stage(Path(shutil.copytree(stage.root, root, symlinks=True)))


def snapshot(stage: Stage) -> dict[str, str]:
    """Every file and link below a stage, with a hash of its content."""
    return {
        str(path.relative_to(stage.root)): hashlib.sha1(path.read_bytes()).hexdigest()
        for path in sorted(stage.root.rglob("*"))
        if path.is_file()
    }


# ---- planting --------------------------------------------------------------------------------------------------------


def volume(path: Path, change: Callable[[np.ndarray], np.ndarray], affine: np.ndarray | None = None) -> None:
    """Write a volume anew with other voxels, and another affine if one is given."""
    stored = nib.load(path)
    voxels = change(np.array(stored.dataobj))
    nib.save(nib.Nifti1Image(voxels, stored.affine if affine is None else affine), path)


def planted(path: Path, value: float, dtype: Any = np.float32) -> None:
    """Put one value into a volume."""

    def change(voxels: np.ndarray) -> np.ndarray:
        voxels = voxels.astype(dtype)
        voxels[3, 3, 2] = value
        return voxels

    volume(path, change)


def cut(path: Path) -> None:
    """Keep the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def written(path: Path, text: str) -> None:
    """Write a text to a file in place of what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)


def changed_json(path: Path, change: Callable[[Any], Any]) -> None:
    """Write a JSON file anew after ``change`` of its content in place, or to what it returns."""
    content = json.loads(path.read_text())
    content = change(content) or content
    path.write_text(json.dumps(content))


def folder_instead(path: Path) -> None:
    """Put a folder where a file was."""
    path.unlink(missing_ok=True)
    path.mkdir(parents=True)


def file_instead(path: Path) -> None:
    """Put a file where a folder is expected."""
    if path.is_dir():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")
