from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from tiny_acdc import AFFINE, label, save, truncate, write_patients

from cladeseg.files import DataError
from cladeseg.segmentation.data import check_dataset
from cladeseg.taxonomy import Node, Taxonomy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_patients(tmp_path / "data", 3)


def grades(folder: Path, tree: Taxonomy, label_convention: str = "acdc") -> list[str]:
    return [
        f.severity
        for f in check_dataset(folder, tree, layout="acdc", label_convention=label_convention, progress=False).findings
    ]


def test_a_sound_folder_has_every_label_come_back_unchanged(folder: Path, acdc_tree: Taxonomy) -> None:
    found = check_dataset(folder, acdc_tree, layout="acdc", label_convention="acdc", progress=False)
    assert (len(found.cases), found.labels, found.unchanged, found.fatal) == (6, 6, 6, False)
    assert list(found.findings) == []


def test_findings_are_sorted_by_grade(folder: Path, acdc_tree: Taxonomy) -> None:
    save(np.zeros_like(label()), folder / "patient001" / "patient001_frame01_gt.nii.gz")
    (folder / "patient001" / "patient001_frame07_gt.nii.gz").unlink()
    truncate(folder / "patient003" / "patient003_frame07.nii.gz")
    assert grades(folder, acdc_tree) == ["fatal", "fixable", "info"]


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
