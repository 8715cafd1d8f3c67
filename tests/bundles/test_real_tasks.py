"""The three commands of the BraTS, hippocampus and MyoPS bundles on real volumes, where they are at hand."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import EVALUATE, INFERENCE, REPOSITORY, TINY, TRAIN, command, copy_bundle, json_of, rows_of

SHARED = Path(os.environ.get("CLADESEG_DATA", REPOSITORY.parent / "shared" / "data"))

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not SHARED.is_dir(), reason=f"no real data at {SHARED}; CLADESEG_DATA names their folder"),
]


def four_brains(folder: Path) -> Path:
    folder.mkdir()
    for subject in sorted(p for p in (SHARED / "brats").iterdir() if p.is_dir())[:4]:
        (folder / subject.name).symlink_to(subject.resolve(), target_is_directory=True)
    return folder


def eight_infarcts(folder: Path) -> Path:
    folder.mkdir()
    for case in sorted(p for p in (SHARED / "myops").iterdir() if p.is_dir())[:8]:
        (folder / case.name).symlink_to(case.resolve(), target_is_directory=True)
    return folder


def eight_hippocampi(folder: Path) -> Path:
    folder.mkdir()
    for part in ("imagesTr", "labelsTr"):
        (folder / part).symlink_to((SHARED / "hippocampus" / part).resolve(), target_is_directory=True)
    content = json_of(SHARED / "hippocampus" / "dataset.json")
    text = json.dumps({**content, "training": content["training"][::26]})
    (folder / "dataset.json").write_text(text, encoding="utf-8")
    return folder


TASKS: dict[str, tuple[Callable[[Path], Path], dict[str, Any]]] = {
    "brats": (
        four_brains,
        {
            "settings#data#spacing": [4.0, 4.0, 4.0],
            "settings#data#patch_size": [32, 32, 32],
            "settings#split#test_fraction": 0.25,
        },
    ),
    "hippocampus": (
        eight_hippocampi,
        {
            "settings#data#spacing": [1.0, 1.0, 1.0],
            "settings#data#patch_size": [16, 16, 16],
            "settings#network#filters": 4,
            "settings#network#levels": 3,
        },
    ),
    "myops": (
        eight_infarcts,
        {"settings#data#spacing": [4.0, 4.0, 19.5], "settings#data#patch_size": [32, 32, 2]},
    ),
}


@pytest.mark.parametrize("task", TASKS)
def test_the_three_commands_run(task: str, tmp_path: Path) -> None:
    make, small = TASKS[task]
    bundle = copy_bundle(tmp_path / "bundle", REPOSITORY / "bundles" / f"{task}_subclass_segmentation")
    data, run = make(tmp_path / "D"), tmp_path / "R"
    places = {"dataset_dir": str(data), "output_dir": str(run)}
    command(bundle, "training", TRAIN, **places, **{**TINY, "fine_patients": 1, **small})
    (row,) = rows_of(run / "history.csv")
    assert math.isfinite(float(row["train_loss"]))
    command(bundle, "evaluating", EVALUATE, **places, device="cpu")
    test = json_of(run / "datalist.json")["test"]
    assert {row["case"] for row in rows_of(run / "eval" / "metrics.csv")} == {case["case"] for case in test}
    image = test[0]["image"]
    image = data / (image if isinstance(image, str) else image[0])
    where = image if task == "hippocampus" else image.parent
    weights = str(run / "models" / "model.pt")
    arguments = {"dataset_dir": str(where), "output_dir": str(tmp_path / "out"), "weights": weights, "device": "cpu"}
    command(bundle, "inference", INFERENCE, **arguments)
    mask, source = nib.load(tmp_path / "out" / "predictions" / f"{test[0]['case']}.nii.gz"), nib.load(image)
    assert mask.shape == source.shape
    np.testing.assert_array_equal(mask.affine, source.affine)
