from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from cladeseg.segmentation.metrics import surface_metrics

SPACING = (0.7, 1.3, 5.0)


def plane(axis: int, position: int, size: int = 10) -> np.ndarray:
    mask = np.zeros((size,) * 3, dtype=bool)
    mask[(slice(None),) * axis + (position,)] = True
    return mask


def brute_force(prediction: np.ndarray, truth: np.ndarray, spacing, tolerance_mm: float) -> dict[str, float]:
    """The definitions written out: all pairs of boundary voxels, nothing of MONAI's."""
    points = [boundary(mask) * np.asarray(spacing) for mask in (prediction, truth)]
    pairs = cdist(*points)
    there, back = pairs.min(axis=1), pairs.min(axis=0)
    within = (there <= tolerance_mm).sum() + (back <= tolerance_mm).sum()
    return {
        "hd95_mm": max(percentile_95(there), percentile_95(back)),
        "assd_mm": (there.sum() + back.sum()) / (len(there) + len(back)),
        "nsd": within / (len(there) + len(back)),
    }


def boundary(mask: np.ndarray) -> np.ndarray:
    """Indices of the foreground voxels with one of six neighbours, or the volume's border, outside."""
    padded = np.pad(mask, 1)
    inner = np.ones_like(mask)
    for axis in range(3):
        for step in (-1, 1):
            inner &= np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1]
    return np.argwhere(mask & ~inner)


def percentile_95(values: np.ndarray) -> float:
    ranked = np.sort(values)
    rank = 0.95 * (len(ranked) - 1)
    low = int(np.floor(rank))
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (rank - low) * (ranked[high] - ranked[low])


def blob(rng: np.random.Generator) -> np.ndarray:
    noise = gaussian_filter(rng.normal(size=(13, 11, 9)), 1.2)
    return noise > np.quantile(noise, rng.uniform(0.5, 0.95))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shift", [1, 4])
def test_parallel_planes_are_as_far_apart_as_their_shift_in_mm(axis, shift):
    found = surface_metrics(plane(axis, 5), plane(axis, 5 - shift), spacing=SPACING, tolerance_mm=1.0)
    distance = shift * SPACING[axis]
    assert found["hd95_mm"] == pytest.approx(distance, rel=1e-6)
    assert found["assd_mm"] == pytest.approx(distance, rel=1e-6)
    assert found["nsd"] == (1.0 if distance <= 1.0 else 0.0)


def test_a_cube_shifted_along_z_counts_the_steps_of_that_axis():
    # Of the 26 boundary voxels of a 3³ cube, the 9 of the face that the copy left are one step of 5 mm away, and so is
    # the middle of the opposite face, which is the copy's inside; the other 16 coincide with the copy's boundary.
    cube, copy = np.zeros((2, 9, 9, 9), dtype=bool)
    cube[3:6, 3:6, 3:6] = True
    copy[3:6, 3:6, 4:7] = True
    found = surface_metrics(cube, copy, spacing=(10.0, 10.0, 5.0), tolerance_mm=1.0)
    assert found["assd_mm"] == pytest.approx(5.0 * 10 / 26)
    assert found["nsd"] == pytest.approx(16 / 26)
    assert found["hd95_mm"] == 5.0


def test_equal_masks_have_no_distance():
    cube = np.zeros((6, 6, 6), dtype=bool)
    cube[1:4, 2:5, 1:5] = True
    found = surface_metrics(cube, cube, spacing=SPACING, tolerance_mm=0.0)
    assert found == {"hd95_mm": 0.0, "assd_mm": 0.0, "nsd": 1.0}


def test_hd95_is_the_larger_of_the_two_directions():
    line, point = np.zeros((2, 1, 1, 101), dtype=bool)
    line[0, 0, :] = True
    point[0, 0, 0] = True
    for pair in ((line, point), (point, line)):
        # From the point to the line: 0. From the line to the point: 0…100 mm, of which 95 is the percentile.
        found = surface_metrics(*pair, spacing=(1, 1, 1), tolerance_mm=1.0)
        assert found["hd95_mm"] == pytest.approx(95.0)
        assert found["assd_mm"] == pytest.approx(5050 / 102)
        assert found["nsd"] == pytest.approx(3 / 102)


def test_the_percentile_of_a_large_surface_keeps_its_rank():
    # 57000 of 60000 surface voxels coincide, so that the 95th percentile is rank 56999.05: 5 % of the way from the last
    # zero to the first distance, 1000 mm.  torch.quantile rounds that rank to float32 and gives 50.8 mm.
    index = np.arange(62000).reshape(1, 3100, 20)
    truth = index < 57000
    prediction = truth | (index >= 59000)
    prediction[0, 2850], prediction[0, -1] = True, False
    found = surface_metrics(prediction, truth, spacing=(1.0, 1000.0, 1.0), tolerance_mm=1.0)
    assert found["hd95_mm"] == pytest.approx(50.0)


def test_random_blobs_agree_with_all_pairs_of_boundary_voxels():
    rng = np.random.default_rng(0)
    for _ in range(40):
        prediction, truth, spacing = blob(rng), blob(rng), rng.uniform(0.5, 6.0, 3)
        tolerance = rng.uniform(0.5, 6.0)
        found = surface_metrics(prediction, truth, spacing=spacing, tolerance_mm=tolerance)
        wanted = brute_force(prediction, truth, spacing, tolerance)
        assert found == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_a_structure_cut_by_the_volumes_border_has_a_surface_there():
    full = np.ones((4, 5, 6), dtype=bool)
    found = surface_metrics(full, full, spacing=SPACING, tolerance_mm=1.0)
    assert found["hd95_mm"] == 0.0
    hollow = full.copy()
    hollow[1:-1, 1:-1, 1:-1] = False
    assert surface_metrics(full, hollow, spacing=(1, 1, 1), tolerance_mm=0.5) == brute_force(
        full, hollow, (1, 1, 1), 0.5
    )


def test_empty_space_around_the_masks_changes_nothing():
    rng = np.random.default_rng(1)
    prediction, truth = blob(rng), blob(rng)
    wide = [np.pad(mask, ((5, 0), (0, 7), (3, 3))) for mask in (prediction, truth)]
    narrow = surface_metrics(prediction, truth, spacing=SPACING, tolerance_mm=2.0)
    assert surface_metrics(*wide, spacing=SPACING, tolerance_mm=2.0) == narrow


def test_a_distance_equal_to_the_tolerance_is_within_it_despite_float32():
    # Three steps of 0.7 mm are 2.0999999… or 2.1000001… mm, depending on who rounds; they are 2.1 mm.
    for step in (0.7, float(np.float32(0.7)), 0.7 * (1 + 1e-7)):
        found = surface_metrics(plane(0, 2), plane(0, 5), spacing=(step, 1.0, 1.0), tolerance_mm=2.1)
        assert found["nsd"] == 1.0


@pytest.mark.parametrize("empty", [0, 1])
def test_an_empty_mask_is_refused(empty):
    masks = [plane(0, 2), plane(0, 2)]
    masks[empty] = np.zeros_like(masks[empty])
    with pytest.raises(ValueError, match="not empty"):
        surface_metrics(*masks, spacing=SPACING, tolerance_mm=1.0)
