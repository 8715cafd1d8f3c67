"""Array axes and anatomical axes, brought together in one place."""

from __future__ import annotations

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest

from cladeseg.volumes import array_axes, check_axis_order, closest_axes, turn_to

ORDERS = ["".join(codes) for ends in permutations(("LR", "PA", "IS")) for codes in product(*ends)]
SLICES_FIRST = np.array([[0, 2.0, 0, 0], [0, 0.3, -2.0, 0], [5.0, 0, 0, 0], [0, 0, 0, 1]])  # S, R, P, slightly oblique


def stored(order: str) -> np.ndarray:
    """Affine of an array whose axes run as an order says."""
    affine = np.zeros((4, 4))
    for axis, (world, sign) in enumerate(nib.orientations.axcodes2ornt(tuple(order)).astype(int)):
        affine[world, axis] = sign
    affine[3, 3] = 1
    return affine


def test_there_are_48_orders():
    assert len(ORDERS) == len(set(ORDERS)) == 48
    assert all(check_axis_order(order) == order for order in [*ORDERS, "stored"])


@pytest.mark.parametrize("order", ORDERS)
def test_a_turn_ends_in_the_order(order: str):
    voxels = np.arange(24).reshape(2, 3, 4)
    turned = nib.orientations.apply_orientation(voxels, turn_to(SLICES_FIRST, order))
    affine = SLICES_FIRST @ nib.orientations.inv_ornt_aff(turn_to(SLICES_FIRST, order), voxels.shape)
    assert "".join(nib.aff2axcodes(affine)) == order
    for number in (0, 7, 23):  # the same voxel lies at the same place
        (before,), (after,) = np.argwhere(voxels == number), np.argwhere(turned == number)
        np.testing.assert_allclose((affine @ [*after, 1])[:3], (SLICES_FIRST @ [*before, 1])[:3], atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_the_anatomical_axes_are_those_of_the_turned_affine(order: str):
    world = closest_axes(stored(order))[:, 0].tolist()
    assert array_axes(SLICES_FIRST, order).tolist() == [world.index(axis) for axis in range(3)]
    assert array_axes(stored(order), "stored").tolist() == [world.index(axis) for axis in range(3)]


def test_stored_files_keep_their_axes():
    assert turn_to(SLICES_FIRST, "stored").tolist() == [[0, 1], [1, 1], [2, 1]]
    assert array_axes(SLICES_FIRST, "stored").tolist() == [1, 2, 0]


def test_an_axis_that_leads_nowhere_is_refused():
    with pytest.raises(ValueError, match="leads nowhere"):
        closest_axes(np.diag([1.0, 0.0, 1.0, 1.0]))
