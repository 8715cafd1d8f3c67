from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cladeseg.benchmark.nnunet.predictor import MaskPredictor
from cladeseg.files import DataError
from cladeseg.taxonomy import Taxonomy

AFFINE = np.diag([2.0, 1.0, 3.0, 1.0])


def save(path: Path, voxels: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return path


def predictor(
    tmp_path: Path, tree: Taxonomy, mask: np.ndarray, affine: np.ndarray = AFFINE
) -> tuple[Path, MaskPredictor]:
    image = save(tmp_path / "image.nii", np.zeros((2, 3, 4), np.float32))
    file = save(tmp_path / "mask.nii", mask, affine)
    return image, MaskPredictor({image: file}, tree, "brats18", weights=tmp_path / "model.json")


def test_leaves_become_the_integers_of_the_convention(tmp_path: Path, brats_tree: Taxonomy) -> None:
    mask = np.resize(np.arange(4, dtype=np.uint8), (2, 3, 4))
    image, predict = predictor(tmp_path, brats_tree, mask)
    found = predict(str(image)).numpy()
    integer = {
        i: {"background": 0, "oedema": 2, "necrosis": 1, "enhancing": 4}[n] for i, n in enumerate(brats_tree.leaf_names)
    }
    assert found.shape == (1, 2, 3, 4)
    assert np.array_equal(found[0], np.vectorize(integer.get)(mask))
    assert np.array_equal(predict([image, None]).numpy(), found)


def test_an_image_that_was_not_predicted_is_named(tmp_path: Path, brats_tree: Taxonomy) -> None:
    _, predict = predictor(tmp_path, brats_tree, np.zeros((2, 3, 4), np.uint8))
    with pytest.raises(DataError, match=r"other.nii: nnU-Net was not asked"):
        predict("other.nii")


@pytest.mark.parametrize(
    ("mask", "affine", "says"),
    [
        (np.zeros((2, 4, 3), np.uint8), AFFINE, r"shape \(2, 4, 3\) is not the image's \(2, 3, 4\)"),
        (np.zeros((2, 3, 4), np.uint8), np.diag([-2.0, 1, 3, 1]), r"lies up to 4.00 mm off"),
        (np.full((2, 3, 4), 4, np.uint8), AFFINE, "holds 4, which is no leaf's index"),
    ],
)
def test_a_mask_that_cannot_be_the_images_is_refused(
    tmp_path: Path, brats_tree: Taxonomy, mask: np.ndarray, affine: np.ndarray, says: str
) -> None:
    image, predict = predictor(tmp_path, brats_tree, mask, affine)
    with pytest.raises(DataError, match=says):
        predict(image)
