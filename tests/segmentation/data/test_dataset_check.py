from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from tiny_acdc import AFFINE, label, save, truncate, write_patient, write_patients

from cladeseg.files import DataError
from cladeseg.segmentation.data import check_dataset
from cladeseg.taxonomy import Node, Taxonomy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_patients(tmp_path / "data", 3)


def grades(folder: Path, tree: Taxonomy, **options: Any) -> list[str]:
    found = check_dataset(folder, tree, layout="acdc", label_convention="acdc", progress=False, **options)
    return [finding.severity for finding in found.findings]


def test_a_sound_folder_has_every_label_come_back_unchanged(folder: Path, acdc_tree: Taxonomy) -> None:
    found = check_dataset(folder, acdc_tree, layout="acdc", label_convention="acdc", progress=False)
    assert (len(found.cases), found.labels, found.unchanged, found.fatal) == (6, 6, 6, False)
    assert list(found.findings) == []


def test_findings_are_sorted_by_grade(folder: Path, acdc_tree: Taxonomy) -> None:
    save(np.zeros_like(label()), folder / "patient001" / "patient001_frame01_gt.nii.gz")
    (folder / "patient001" / "patient001_frame07_gt.nii.gz").unlink()
    moved = AFFINE.copy()
    moved[0, 3] += 0.5
    save(label(), folder / "patient002" / "patient002_frame07_gt.nii.gz", moved)
    truncate(folder / "patient003" / "patient003_frame07.nii.gz")
    assert grades(folder, acdc_tree) == ["fatal", "fatal", "fixable", "info"]


def test_a_missing_label_is_fatal_where_a_training_needs_it(folder: Path, acdc_tree: Taxonomy) -> None:
    (folder / "patient001" / "patient001_frame07_gt.nii.gz").unlink()
    assert grades(folder, acdc_tree) == ["fatal"]
    assert grades(folder, acdc_tree, labels_required=False) == ["info"]


def test_what_the_training_would_refuse_is_fatal_and_every_file_is_named(folder: Path, acdc_tree: Taxonomy) -> None:
    """Each of these passes a look at its voxels: they are lost in clipping and standardising."""
    faint, bright = np.zeros((20, 20, 5), np.int16), np.full((20, 20, 5), 1e38, np.float32)
    faint[3, 3, 3], bright[::2] = 7, -1e38
    mask = np.zeros((20, 20, 5), np.uint8)
    mask[2:9, 2:9] = 3
    files = [folder / "patient001" / "patient001_frame01.nii.gz", folder / "patient002" / "patient002_frame01.nii.gz"]
    for voxels, file in zip((faint, bright), files, strict=True):
        save(voxels, file)
        save(mask, file.with_name(file.name.replace(".nii", "_gt.nii")))
    found = check_dataset(folder, acdc_tree, layout="acdc", label_convention="acdc", progress=False)
    lost, huge = (finding for finding in found.findings if finding.severity == "fatal")
    assert (lost.path, huge.path) == tuple(map(str, files))
    assert "too few voxels hold anything" in lost.message
    assert "too large to be standardised" in huge.message


def test_patients_who_share_a_scan_are_named(folder: Path, acdc_tree: Taxonomy) -> None:
    write_patient(folder, 9, seed=2)
    found = check_dataset(folder, acdc_tree, layout="acdc", label_convention="acdc", progress=False)
    assert found.same_patients == ["patient002 = patient009"]
    assert {(Path(f.path).name, f.severity) for f in found.findings} == {
        ("patient009_frame01.nii.gz", "info"),
        ("patient009_frame07.nii.gz", "info"),
    }
    assert "patient002 = patient009" in found.findings[0].message


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_nothing(folder: Path, acdc_tree: Taxonomy, workers: int) -> None:
    truncate(folder / "patient003" / "patient003_frame07.nii.gz")
    assert grades(folder, acdc_tree, workers=workers) == ["fatal"]


def test_voxels_that_are_no_integers_do_not_come_back(folder: Path, acdc_tree: Taxonomy) -> None:
    voxels = label().astype(np.float32)
    voxels[2, 2, :2] += 0.0005
    file = save(voxels, folder / "patient002" / "patient002_frame01_gt.nii.gz")
    found = check_dataset(folder, acdc_tree, layout="acdc", label_convention="acdc", progress=False)
    assert (found.labels, found.unchanged, found.fatal) == (6, 5, False)
    assert f"{file}: 2 voxels hold no integer and would be written as one" in [str(f) for f in found.findings]


def test_a_label_whose_integers_mean_other_nodes_comes_back_all_the_same(folder: Path) -> None:
    swapped = {"background": 3, "a": 0, "b": 2, "c": 1}
    tree = Taxonomy("swapped", tuple(Node(name, values={"x": value}) for name, value in swapped.items()))
    found = check_dataset(folder, tree, layout="acdc", label_convention="x", progress=False)
    assert (found.labels, found.unchanged) == (6, 6)


def test_a_label_beside_its_image_is_fatal(folder: Path, acdc_tree: Taxonomy) -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 5
    file = folder / "patient001" / "patient001_frame01_gt.nii.gz"
    nib.save(nib.Nifti1Image(label(), moved), file)
    found = check_dataset(folder, acdc_tree, layout="acdc", label_convention="acdc", progress=False)
    assert found.fatal
    assert [finding.path for finding in found.findings] == [str(file)]


def test_an_empty_folder_is_an_error(tmp_path: Path, acdc_tree: Taxonomy) -> None:
    with pytest.raises(DataError, match="holds no folder patientNNN"):
        check_dataset(tmp_path, acdc_tree, layout="acdc", label_convention="acdc")
