"""Kernels, strides and channels follow from voxel size and patch."""

from __future__ import annotations

from math import prod

import pytest

from cladeseg.segmentation.networks.levels import network_levels

SHAPES = {
    "short-axis heart": ((112, 112, 8), (3.0, 3.0, 10.0)),
    "brain": ((128, 128, 128), (1.0, 1.0, 1.0)),
    "hippocampus": ((32, 48, 32), (1.0, 1.0, 1.0)),
    "slices alone": ((144, 144, 2), (1.5, 1.5, 19.5)),
    "few slices": ((64, 64, 4), (0.6, 0.6, 4.0)),
    "one thin axis": ((64, 64, 64), (1.0, 1.0, 0.4)),
}


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> tuple[tuple[int, ...], tuple[float, ...]]:
    return SHAPES[request.param]


def test_cubes_are_halved_along_all_axes_and_looked_at_with_cubes() -> None:
    levels = network_levels((64, 64, 64), (1.0, 1.0, 1.0), levels=4, filters=8)
    assert set(levels.kernels) == {(3, 3, 3)}
    assert levels.strides == ((1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2))
    assert levels.filters == (8, 16, 32, 64)


def test_thick_slices_talk_only_where_voxels_are_about_cubic() -> None:
    levels = network_levels((112, 112, 8), (3.0, 3.0, 10.0))
    assert levels.kernels == ((3, 3, 1), (3, 3, 1), (3, 3, 3), (3, 3, 3))
    assert levels.strides == ((1, 1, 1), (2, 2, 1), (2, 2, 1), (2, 2, 2))


@pytest.mark.parametrize(("slices", "kernel"), [(1, (3, 3, 1)), (2, (3, 3, 1)), (3, (3, 3, 3))])
def test_fewer_slices_than_a_kernel_spans_are_never_mixed(slices: int, kernel: tuple[int, ...]) -> None:
    """At the coarsest level voxels are about cubic, so spacing alone would let slices talk."""
    levels = network_levels((144, 144, slices), (1.5, 1.5, 19.5), levels=5)
    assert levels.kernels[-1] == kernel
    assert {stride[2] for stride in levels.strides} == {1}


def test_no_axis_is_halved_below_four_voxels(shape: tuple[tuple[int, ...], tuple[float, ...]]) -> None:
    patch, spacing = shape
    strides = network_levels(patch, spacing, levels=6).strides
    assert all(n / prod(step[axis] for step in strides) >= 4 or n < 8 for axis, n in enumerate(patch))


def test_an_axis_that_is_looked_along_stays_so(shape: tuple[tuple[int, ...], tuple[float, ...]]) -> None:
    kernels = network_levels(*shape, levels=5).kernels
    assert all(list(along) == sorted(along) for along in zip(*kernels, strict=True))


def test_the_first_level_has_the_patchs_resolution(shape: tuple[tuple[int, ...], tuple[float, ...]]) -> None:
    assert network_levels(*shape).strides[0] == (1, 1, 1)


def test_there_are_three_levels_where_nothing_can_be_halved() -> None:
    levels = network_levels((4, 4, 4), (1.0, 1.0, 1.0), levels=5)
    assert levels.strides == ((1, 1, 1),) * 3
    assert len(levels.filters) == len(levels.kernels) == 3


def test_channels_are_doubled_up_to_a_bound() -> None:
    assert network_levels((128,) * 3, (1.0,) * 3, levels=6, filters=32).filters == (32, 64, 128, 256, 320, 320)
    assert set(network_levels((64,) * 3, (1.0,) * 3, filters=400).filters) == {400}


@pytest.mark.parametrize(
    ("patch", "spacing", "options"),
    [((0, 8, 8), (1, 1, 1), {}), ((8, 8, 8), (1, 0, 1), {}), ((8, 8, 8), (1, 1, 1), {"levels": 2})],
)
def test_impossible_shapes_are_refused(patch: tuple[int, ...], spacing: tuple[int, ...], options: dict) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        network_levels(patch, spacing, **options)
