"""The picture of one case, as validation and evaluation draw it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from cladeseg.report import CasePicture, case_panel


@pytest.fixture
def case(acdc_tree) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    image = np.random.default_rng(0).normal(size=(6, 5, 4))
    truth = np.zeros((6, 5, 4), np.uint8)
    truth[2:4, 1:3, 1:3] = acdc_tree.index("myocardium")
    return image, truth, np.roll(truth, 1, axis=0)


def test_it_is_the_panel_of_truth_above_prediction(case, acdc_tree):
    picture = CasePicture(acdc_tree, slices=2)(*case)
    assert picture.dtype == np.uint8
    assert picture.shape == (2 * 5, 2 * 6, 3)
    np.testing.assert_array_equal(picture, case_panel(*case, acdc_tree, slices=2))
    assert not np.array_equal(picture[:5], picture[5:])


def test_three_slices_unless_told_otherwise(case, acdc_tree):
    assert CasePicture(acdc_tree)(*case).shape == (10, 18, 3)


def test_it_pickles(case, acdc_tree):
    draw = CasePicture(acdc_tree)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(draw))(*case), draw(*case))
