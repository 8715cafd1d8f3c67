"""One axis order for all files of a data set, and what is said of mixed acquisition planes."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cladeseg.segmentation.data import choose_axis_order, mixed_planes

THICK = (1.0, 1.0, 5.0)


def stored(orientation: str, spacing: tuple[float, float, float] = THICK, degrees: float = 0) -> np.ndarray:
    """Affine of an array whose axes run as ``orientation`` says, turned by ``degrees`` about z and y."""
    axes = np.zeros((3, 3))
    for axis, (world, sign) in enumerate(nib.orientations.axcodes2ornt(tuple(orientation)).astype(int)):
        axes[world, axis] = sign
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("zy", [degrees, degrees], degrees=True).as_matrix() @ axes * spacing
    return affine


def named(*affines: np.ndarray) -> dict[str, np.ndarray]:
    return {f"{i}.nii": affine for i, affine in enumerate(affines)}


FINE = stored("PIR", (1.0, 1.2, 1.49))
AXIAL, CORONAL, SAGITTAL = stored("LPS"), stored("LIP"), stored("PIR")


@pytest.mark.parametrize(
    ("affines", "order"),
    [
        ((), "RAS"),
        ((FINE, stored("LPS", (1, 1, 1))), "RAS"),
        ((AXIAL, stored("SAR", (5, 1, 1)), FINE), "RAS"),
        ((CORONAL, stored("PRS", (5, 1, 1)), FINE), "RSA"),
        ((SAGITTAL, SAGITTAL), "ASR"),
        ((stored("RAS", (1, 5, 5)),), "RAS"),  # two thick axes are no stack of slices
    ],
)
def test_the_common_thick_axis_comes_last(affines: tuple[np.ndarray, ...], order: str):
    assert choose_axis_order(named(*affines)).order == order


def test_oblique_stacks_that_are_stored_alike_stay_as_they_are():
    """Short-axis hearts: the slices' normal is nearest to P in one patient and to R in the other."""
    one, other = stored("LSP", degrees=38), stored("LSP", degrees=52)
    assert nib.aff2axcodes(one)[2] != nib.aff2axcodes(other)[2]
    assert choose_axis_order(named(one, other)).order == "stored"
    assert choose_axis_order(named(one, other)).reason.startswith("1 files are thick along ")


@pytest.mark.parametrize(
    "affines",
    [
        (AXIAL, SAGITTAL),
        (AXIAL, AXIAL, CORONAL),
        (stored("LSP", degrees=38), stored("PSL", (5, 1, 1), degrees=52)),  # not always the last stored axis
        (stored("LSP", degrees=38), stored("RSP", degrees=52)),  # stored mirrored
        (AXIAL, CORONAL, SAGITTAL),
    ],
)
def test_planes_that_are_not_stored_alike_are_ras(affines: tuple[np.ndarray, ...]):
    found = choose_axis_order(named(*affines))
    assert found.order == "RAS"
    assert "no order has all slices last" in found.reason


def test_mixed_planes_are_counted_with_an_example_of_each():
    found = mixed_planes(named(AXIAL, SAGITTAL, FINE, AXIAL, CORONAL, SAGITTAL, AXIAL))
    assert found is not None
    assert found.severity == "info"
    assert found.path == "4.nii"
    assert found.message == (
        "mixed acquisition planes: 3 files are thick along inferior-superior (first 0.nii), "
        "2 files are thick along left-right (first 1.nii), 1 files are thick along posterior-anterior (first 4.nii)"
    )


@pytest.mark.parametrize("affines", [(), (FINE,), (AXIAL, FINE), (CORONAL, stored("PRS", (5, 1, 1)))])
def test_one_plane_is_nothing_to_report(affines: tuple[np.ndarray, ...]):
    assert mixed_planes(named(*affines)) is None
