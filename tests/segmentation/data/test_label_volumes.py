"""Volumes that a datalist stores of its training cases: what the supervision shows, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.segmentation.data import Inspection, build_datalist, label_volumes, volumes_by_structure
from cladeseg.segmentation.phantoms import write_acdc_phantoms
from cladeseg.volumes import read_volume

AFFINE = tuple(map(tuple, np.array([[0, -2.0, 0, 5], [3.0, 0, 0, 0], [0, 0, 10.0, 0], [0, 0, 0, 1.0]])))
VOXELS = {"background": 50, "right_ventricle": 5, "myocardium": 3, "left_ventricle": 2}


def test_volumes_are_voxels_times_those_of_the_affine(acdc_tree):
    found = label_volumes(Inspection("a", affine=AFFINE, label_voxels=VOXELS), "fine", acdc_tree)
    assert found == pytest.approx(
        {"right_ventricle": 0.3, "myocardium": 0.18, "left_ventricle": 0.12, "left_heart": 0.3, "heart": 0.6}
    )


def test_a_superclass_shows_its_own_volume_alone(acdc_tree):
    case = Inspection("a", affine=AFFINE, label_voxels=VOXELS)
    assert label_volumes(case, "heart", acdc_tree) == pytest.approx({"heart": 0.6})
    found = label_volumes(case, "left_heart", acdc_tree)
    assert set(found) == {"left_heart"}, "what lies outside is 'something else', not the right ventricle"


def test_a_label_that_is_coarse_itself_hides_what_it_does_not_say(acdc_tree):
    case = Inspection("a", affine=AFFINE, label_voxels={"right_ventricle": 1, "left_heart": 4})
    assert set(label_volumes(case, "fine", acdc_tree)) == {"right_ventricle", "left_heart", "heart"}


def test_without_a_label_nothing_is_known(acdc_tree):
    assert label_volumes(Inspection("a", affine=AFFINE), "unlabelled", acdc_tree) == {}


def test_a_datalist_holds_those_of_its_training_cases_only(tmp_path, acdc_tree):
    write_acdc_phantoms(tmp_path, patients=8, shape=(24, 24, 4))
    settings = {"label_convention": "acdc", "fine_patients": 2, "coarse_patients": 1, "progress": False}
    built = build_datalist(tmp_path, acdc_tree, **settings)
    known = {case["case"]: set(case.get("volumes_ml", {})) for case in built["training"]}
    expected = {"fine": set(acdc_tree.names[1:-1]), "heart": {"heart"}, "unlabelled": set()}
    assert known == {case["case"]: expected[case["supervision"]] for case in built["training"]}
    assert not [case for part in ("validation", "test") for case in built[part] if "volumes_ml" in case]
    fine = next(case for case in built["training"] if case["supervision"] == "fine")
    label = read_volume(tmp_path / fine["label"])
    ml = float(np.prod(label.grid.spacing)) / 1000
    assert fine["volumes_ml"]["heart"] == pytest.approx(int((label.voxels > 0).sum()) * ml, abs=1e-4)


def test_volumes_are_gathered_by_structure():
    cases = [{"volumes_ml": {"heart": 2.0, "wall": 1.0}}, {"volumes_ml": {"heart": 1.0}}, {"case": "unlabelled"}]
    assert volumes_by_structure(cases) == {"heart": [1.0, 2.0], "wall": [1.0]}
