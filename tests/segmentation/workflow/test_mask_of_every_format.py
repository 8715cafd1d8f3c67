"""A DICOM series, an NRRD, a MetaImage and an MGH file of one image get the mask of its NIfTI, on their own grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from volume_formats import AFFINE, write_dicom, write_itk, write_mgh, write_nifti

from cladeseg.segmentation.phantoms import write_msd_phantoms
from cladeseg.segmentation.workflow import PredictionRun, load_predictor
from cladeseg.volumes import corner_distance, read_volume

BUNDLE = Path(__file__).parents[3] / "bundles" / "hippocampus_subclass_segmentation"
WRITERS: dict[str, Callable[..., Path]] = {
    "scan.nii.gz": write_nifti,
    "scan.NII": write_nifti,
    "scan.nrrd": write_itk,
    "scan.nhdr": write_itk,
    "scan.mha": write_itk,
    "scan.mhd": write_itk,
    "scan.mgz": write_mgh,
    "scan": write_dicom,
}


@pytest.fixture(scope="module")
def voxels(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    folder = tmp_path_factory.mktemp("phantom")
    write_msd_phantoms(folder, cases=1)
    (file,) = (folder / "imagesTr").glob("*.nii.gz")
    image = read_volume(file).voxels.astype(np.float64)
    return (1000 * (image - image.min()) / np.ptp(image)).astype(np.int16)


def mask_of(voxels: np.ndarray, name: str, folder: Path) -> np.ndarray:
    images, out = folder / "images" / name, folder / "masks" / name
    images.mkdir(parents=True)
    source = WRITERS[name](voxels, images / name, AFFINE)
    run = PredictionRun(load_predictor(BUNDLE, device="cpu"), images, out)
    assert [end.message for end in run.predict()] == [None]
    (mask,) = (file for file in out.iterdir() if file.stem.startswith("scan"))
    found = read_volume(mask)
    assert corner_distance(found.grid.affine, read_volume(source).grid.affine, voxels.shape) < 1e-3
    return found.voxels


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "scan.nii.gz"])
def test_every_format_gets_the_mask_of_its_nifti(voxels: np.ndarray, name: str, tmp_path: Path) -> None:
    expected = mask_of(voxels, "scan.nii.gz", tmp_path)
    found = mask_of(voxels, name, tmp_path)
    assert (expected != 0).sum() > 100
    np.testing.assert_array_equal(found, expected)
