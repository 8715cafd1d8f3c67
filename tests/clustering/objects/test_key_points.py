"""Key points are checked where they are made, and found where a picture has spots."""

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.clustering.objects import KeyPoints, find_object, key_points, polar_frame
from cladeseg.files import DataError


def disc(side: int = 64, radius: float = 20.0, centre: tuple[float, float] = (31.5, 31.5)) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    return np.hypot(rows - centre[0], columns - centre[1]) < radius


def test_columns_of_unequal_length_and_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="lengths"):
        KeyPoints([0.0, 1.0], [0], [0.5], [0.5])
    with pytest.raises(DataError, match="not finite"):
        KeyPoints([0.0], [0], [np.nan], [0.5])


def test_a_spot_becomes_a_point_at_its_angle_and_distance() -> None:
    mask = disc()
    rows, columns = np.mgrid[:64, :64]
    picture = 0.2 * mask + np.exp(-((rows - 31.5) ** 2 + (columns - 41.5) ** 2) / 8)  # ten pixels to the right
    points = key_points(picture[..., None], mask).features
    best = int(points.value.argmax())
    assert min(points.angle[best], 360 - points.angle[best]) < 5
    assert points.radius[best] == pytest.approx(10 / polar_frame(mask)[1], abs=0.04)


@pytest.mark.parametrize("inside", [0.9, 0.1])
def test_bright_and_dark_objects_are_found(inside: float) -> None:
    mask = disc(radius=15, centre=(28, 36))
    picture = np.where(mask, inside, 0.5)[..., None] + np.random.default_rng(0).normal(size=(64, 64, 1)) * 0.02
    found = find_object(picture)
    assert (found & mask).sum() / (found | mask).sum() > 0.85


def test_an_empty_picture_is_refused_by_name_and_a_whole_one_has_no_background() -> None:
    with pytest.raises(DataError, match=r"a\.png: is empty"):
        find_object(np.full((8, 8, 3), 0.5), name="a.png")
    assert find_object(np.random.default_rng(0).random((8, 8, 1)), area="whole").all()
