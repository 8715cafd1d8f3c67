"""Macenko: planted stains are found, the order of the two is right, and two scanners give one picture."""

from __future__ import annotations

import numpy as np
import pytest
from stained_slide import glass, stained

from cladeseg.fusion.slides import fit_stains


def of_stains(strengths: np.ndarray, stains: np.ndarray) -> np.ndarray:
    return np.clip(240 * np.exp(-strengths @ stains), 0, 255).astype(np.uint8)


@pytest.fixture
def strengths() -> np.ndarray:
    """(1, 96, 96, 2): haematoxylin and eosin, each alone somewhere."""
    generator = np.random.default_rng(0)
    return (generator.random((1, 96, 96, 2)) ** 2 * [1.5, 1.0]).clip(0.02)


def test_two_scanners_give_one_picture(strengths: np.ndarray) -> None:
    one = of_stains(strengths, np.array([[0.65, 0.70, 0.29], [0.25, 0.90, 0.36]]))
    other = of_stains(strengths * [0.7, 0.8], np.array([[0.55, 0.76, 0.35], [0.27, 0.83, 0.48]]))
    before = np.abs(one.astype(float) - other).mean()
    normalised = [fit_stains(image)(image).astype(float) for image in (one, other)]
    assert np.abs(normalised[0] - normalised[1]).mean() < 0.25 * before


def test_nuclei_take_the_blue_stain_of_the_reference() -> None:
    """MONAI's own order of the two stains would turn them pink."""
    image = stained((128, 128))[None]
    normalised = fit_stains(image)(image)
    nuclei = normalised[image[..., 0] < 150].astype(float).mean(axis=0)
    ground = normalised[image[..., 0] > 180].astype(float).mean(axis=0)
    assert nuclei[2] > nuclei[0]
    assert ground[0] > ground[2]


def test_a_pale_tile_stays_paler_than_its_slide(strengths: np.ndarray) -> None:
    stains = np.array([[0.65, 0.70, 0.29], [0.25, 0.90, 0.36]])
    tiles = np.concatenate([of_stains(strengths, stains), of_stains(0.5 * strengths, stains)])
    normalised = fit_stains(tiles)(tiles)
    assert normalised[1].mean() > normalised[0].mean() + 10


def test_glass_stays_glass(strengths: np.ndarray) -> None:
    normaliser = fit_stains(stained((128, 128))[None])
    assert normaliser(glass((4, 4))).min() >= 238


@pytest.mark.parametrize("tiles", [glass((64, 64))[None], np.full((1, 64, 64, 3), (180, 90, 150), np.uint8)])
def test_nothing_is_estimated_without_two_stains(tiles: np.ndarray) -> None:
    assert fit_stains(tiles) is None
