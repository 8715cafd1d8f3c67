"""A new bundle has one order of axes, and spacing and patch in that order."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from cladeseg.files import write_json
from cladeseg.segmentation.workflow import new_bundle
from cladeseg.segmentation.workflow.plan import bundle_plan

SHAPE, SPACING = (70, 120, 90), (1.2, 0.94, 0.94)
TREE = {
    "name": "knee",
    "nodes": [{"name": "background", "values": {"mine": 0}}, {"name": "cartilage", "values": {"mine": 1}}],
}


def stored(orientation: str, spacing: tuple[float, ...] = SPACING) -> np.ndarray:
    """Affine of an array of (R, A, S) voxels of ``spacing`` mm that is stored in an orientation."""
    affine = np.zeros((4, 4))
    for axis, (world, sign) in enumerate(nib.orientations.axcodes2ornt(tuple(orientation)).astype(int)):
        affine[world, axis] = sign * spacing[world]
    affine[3, 3] = 1
    return affine


def data_of(bundle: Path) -> dict[str, Any]:
    return json.loads((bundle / "configs" / "train.json").read_text(encoding="utf-8"))["settings"]["data"]


def planned(folder: Path, *affines: np.ndarray, channels: int = 1, tree: dict[str, Any] = TREE) -> Path:
    """A new bundle for headers alone: (R, A, S) volumes of :data:`SHAPE` voxels, stored as their affines say."""
    data = folder / "data"
    (data / "imagesTr").mkdir(parents=True)
    names = [f"./imagesTr/case_{i}.nii.gz" for i in range(len(affines))]
    for name, affine in zip(names, affines, strict=True):
        shape = tuple(np.array(SHAPE)[nib.io_orientation(affine)[:, 0].astype(int)])
        nib.save(nib.Nifti1Image(np.zeros((*shape, *[channels] * (channels > 1)), np.uint8), affine), data / name)
    write_json({"training": [{"image": name, "label": name} for name in names]}, data / "dataset.json")
    write_json(tree, folder / "tree.json")
    options = {"channels": [f"c{i}" for i in range(channels)]} if channels > 1 else {}
    return new_bundle(folder / "knee", folder / "tree.json", dataset=data, **options)


@pytest.mark.parametrize("orientation", ["PSR", "LAI", "SPL"])
def test_the_order_of_storage_changes_nothing(tmp_path: Path, orientation: str) -> None:
    plain = data_of(planned(tmp_path / "plain", stored("RAS")))
    assert data_of(planned(tmp_path / "other", stored(orientation))) == plain
    x, y, z = plain["spacing"]
    assert x > y == z, "the coarse axis is the patient's left-right"
    assert x / y == pytest.approx(1.2 / 0.94, rel=0.02)


def test_slices_of_one_plane_come_last(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    coronal = (1.0, 5.0, 0.5)
    data = data_of(planned(tmp_path, stored("LIP", coronal), stored("RAS", coronal)))
    assert data["axis_order"] == "RSA"
    assert data["spacing"][2] == max(data["spacing"]) == 5
    assert data["spacing"][0] == pytest.approx(2 * data["spacing"][1], rel=0.02), "R, then S, then A"
    assert "axis order RSA: the slices are thick along posterior-anterior in all 2 files" in caplog.text


def test_the_order_is_part_of_the_plan_and_of_what_is_stored_with_weights(tmp_path: Path) -> None:
    plan = bundle_plan(planned(tmp_path, stored("LIP", (1.0, 5.0, 0.5))))
    assert plan.settings.data.axis_order == plan.inference["axis_order"] == "RSA"


def test_four_dimensional_files_count_by_their_first_three_axes(tmp_path: Path) -> None:
    plain = data_of(planned(tmp_path / "plain", stored("RAS")))
    several = data_of(planned(tmp_path / "several", stored("PSR"), channels=2))
    assert {**several, "channels": []} == {**plain, "channels": []}


@pytest.mark.parametrize("flips", [[], ["left-right"]])
def test_the_bundle_is_mirrored_as_its_tree_says(tmp_path: Path, flips: list[str]) -> None:
    tree = {**TREE, "allowed_flips": flips} if flips else TREE
    bundle = planned(tmp_path, stored("RAS"), tree=tree)
    written = json.loads((bundle / "configs" / "taxonomy.json").read_text(encoding="utf-8"))
    assert written.get("allowed_flips", []) == flips
    assert bundle_plan(bundle).taxonomy.flips() == tuple(flips)
