"""Nothing finer than the superclass comes through."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.selection import SuperclassLoader, resolve_superclass
from cladeseg.taxonomy import TaxonomyError


def case(tmp_path, label: np.ndarray, name: str = "a") -> dict[str, str]:
    affine = np.diag([-2.0, 1.5, 2.0, 1.0])
    image = np.arange(label.size, dtype=np.float32).reshape(label.shape) ** 2
    files = {"image": tmp_path / f"{name}.nii.gz", "label": tmp_path / f"{name}_gt.nii.gz"}
    nib.save(nib.Nifti1Image(image, affine), files["image"])
    nib.save(nib.Nifti1Image(label, affine), files["label"])
    return {key: str(file) for key, file in files.items()}


def some_label() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4, (6, 5, 4)).astype(np.uint8)


def test_permuted_leaves_look_the_same(tmp_path, acdc_tree):
    load = SuperclassLoader(acdc_tree, label_convention="acdc", superclass="heart")
    view = load(case(tmp_path, some_label()))
    permuted = load(case(tmp_path, np.array([0, 3, 1, 2], np.uint8)[some_label()], "b"))
    np.testing.assert_array_equal(view.nodes, permuted.nodes)
    assert set(np.unique(view.nodes)) == {acdc_tree.background, acdc_tree.index("heart")}


def test_the_view_is_normalised_and_upright(tmp_path, acdc_tree):
    view = SuperclassLoader(acdc_tree, label_convention="acdc", superclass="heart")(case(tmp_path, some_label()))
    np.testing.assert_array_equal(view.inside, some_label()[::-1] > 0)  # x runs to the right now
    assert view.affine[0, 0] == 2
    assert view.image.shape == (1, 6, 5, 4)
    assert (view.image.mean(), view.image.std()) == pytest.approx((0, 1), abs=1e-4)


def test_several_superclasses_are_one_region(tmp_path, acdc_tree):
    load = SuperclassLoader(acdc_tree, label_convention="acdc", superclass="right_ventricle+left_heart")
    np.testing.assert_array_equal(load(case(tmp_path, some_label())).inside, some_label()[::-1] > 0)


def test_a_label_that_does_not_fit_is_named(tmp_path, acdc_tree):
    files = case(tmp_path, some_label())
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), files["label"])
    with pytest.raises(DataError, match=f"^{files['label']}: the label's shape is"):
        SuperclassLoader(acdc_tree, label_convention="acdc", superclass="heart")(files)


def test_misspelt_options_are_refused(acdc_tree):
    with pytest.raises(ValueError, match="intensity: 'loud' is unknown; known are percentiles, brain"):
        SuperclassLoader(acdc_tree, label_convention="acdc", superclass="heart", intensity="loud")
    with pytest.raises(TaxonomyError, match="no label convention 'msd'"):
        SuperclassLoader(acdc_tree, label_convention="msd", superclass="heart")


def test_the_superclass_is_the_trees_own_unless_named(acdc_tree, flat_tree):
    assert resolve_superclass(None, acdc_tree) == "heart"
    assert resolve_superclass("left_heart", acdc_tree) == "left_heart"
    for wrong in ("fine", "unlabelled"):
        with pytest.raises(DataError, match=f"'{wrong}' is not an outline"):
            resolve_superclass(wrong, acdc_tree)
    with pytest.raises(DataError, match="taxonomy 'flat' has none"):
        resolve_superclass(None, flat_tree)
    with pytest.raises(TaxonomyError, match="no node 'lung'"):
        resolve_superclass("lung", acdc_tree)
