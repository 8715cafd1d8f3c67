"""The shipped weights know a hippocampus whichever way its slices were acquired and its file stores them."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import REPOSITORY, json_of

from cladeseg.segmentation.workflow import BundlePredictor, load_predictor

BUNDLE = REPOSITORY / "bundles" / "hippocampus_subclass_segmentation"
DATA = Path(os.environ.get("CLADESEG_DATA", REPOSITORY.parent / "shared" / "data")) / "hippocampus"
LEAVES = (1, 2)

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA}; CLADESEG_DATA names their folder"),
]


@pytest.fixture(scope="module")
def predictor() -> BundlePredictor:
    return load_predictor(BUNDLE, device="cpu")


@pytest.fixture(scope="module")
def cases() -> list[dict[str, str]]:
    """All that the weights have never seen."""
    return json_of(BUNDLE / "models" / "datalist.json")["test"]


def dice(mask: np.ndarray, label: np.ndarray) -> float:
    """Mean over the leaves; every case holds both."""
    both = [(mask == leaf, label == leaf) for leaf in LEAVES]
    return float(np.mean([2 * (one & other).sum() / (one.sum() + other.sum()) for one, other in both]))


def thinned(image: nib.Nifti1Image, axis: int) -> nib.Nifti1Image:
    """Every second slice along an axis; the affine keeps the others where they are."""
    return image.slicer[tuple(slice(None, None, 2 if i == axis else 1) for i in range(3))]


def restored(image: nib.Nifti1Image, orientation: str) -> nib.Nifti1Image:
    """The same voxels at the same places, stored along other axes."""
    wanted = nib.orientations.axcodes2ornt(orientation)
    return image.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(image.affine), wanted))


@pytest.mark.parametrize(("axis", "plane"), [(0, "sagittal"), (1, "coronal"), (2, "axial")])
def test_slices_of_double_thickness_cost_little_along_every_axis(
    predictor: BundlePredictor, cases: list[dict[str, str]], tmp_path: Path, axis: int, plane: str
) -> None:
    scores = []
    for case in cases:
        image, label = (thinned(nib.load(DATA / case[key]), axis) for key in ("image", "label"))
        assert max(image.header.get_zooms()) == image.header.get_zooms()[axis] == 2
        nib.save(image, tmp_path / f"{plane}.nii")
        scores.append(dice(predictor(tmp_path / f"{plane}.nii")[0].numpy(), np.asarray(label.dataobj)))
    assert len(scores) == 42
    assert np.mean(scores) >= 0.87


@pytest.mark.parametrize("axis", [None, 0, 1, 2])
def test_the_way_a_file_is_stored_changes_no_voxel(
    predictor: BundlePredictor, cases: list[dict[str, str]], tmp_path: Path, axis: int | None
) -> None:
    image = nib.load(DATA / cases[0]["image"])
    image = image if axis is None else thinned(image, axis)
    nib.save(image, tmp_path / "plain.nii")
    plain = predictor(tmp_path / "plain.nii")[0].numpy()
    for orientation in ("LPS", "PIR", "SAL"):
        nib.save(restored(image, orientation), tmp_path / f"{orientation}.nii")
        mask = nib.Nifti1Image(
            predictor(tmp_path / f"{orientation}.nii")[0].numpy(), nib.load(tmp_path / f"{orientation}.nii").affine
        )
        np.testing.assert_array_equal(np.asarray(restored(mask, "RAS").dataobj), plain)
