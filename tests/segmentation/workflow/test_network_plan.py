"""Patch and network levels follow from the volumes' sizes."""

from __future__ import annotations

from math import prod

import pytest

from cladeseg.segmentation.workflow.network_plan import MAX_COARSENING, MAX_VOXELS, plan_network

#: Typical volumes (voxels, mm) of cardiac stacks, hippocampus crops, brains and a thin stack of few slices.
VOLUMES = {
    "heart": ((216, 256, 9), (1.5, 1.5, 10.0)),
    "hippocampus": ((36, 50, 35), (1.0, 1.0, 1.0)),
    "brain": ((140, 170, 140), (1.0, 1.0, 1.0)),
    "few slices": ((320, 320, 5), (0.6, 0.6, 4.0)),
    "tiny": ((12, 10, 9), (2.0, 2.0, 2.0)),
    "four slices": ((24, 24, 4), (5.7, 5.7, 9.9)),
}


@pytest.fixture(params=VOLUMES)
def volume(request):
    return VOLUMES[request.param]


def test_a_patch_passes_through_all_levels(volume):
    plan = plan_network(*volume)
    for axis in range(3):
        assert plan.patch_size[axis] % prod(stride[axis] for stride in plan.network.strides) == 0
    assert plan.network.strides[0] == (1, 1, 1)
    assert len(plan.network.kernels) == len(plan.network.strides)


def test_a_patch_is_no_larger_than_memory_allows(volume):
    assert prod(plan_network(*volume).patch_size) <= 1.5 * MAX_VOXELS  # rounded to whole strides


def test_voxels_are_coarsened_before_the_view_is_cut(volume):
    shape, spacing = volume
    plan = plan_network(shape, spacing)
    ratios = [new / old for new, old in zip(plan.spacing, spacing, strict=True)]
    assert all(0.99 <= ratio <= MAX_COARSENING + 0.01 for ratio in ratios)
    seen = [n * mm for n, mm in zip(plan.patch_size, plan.spacing, strict=True)]
    whole = [n * mm for n, mm in zip(shape, spacing, strict=True)]
    cut = any(s < 0.8 * w for s, w in zip(seen, whole, strict=True))
    assert not cut or max(ratios) == pytest.approx(MAX_COARSENING, abs=0.02)


def test_an_axis_that_is_looked_along_stays_so(volume):
    kernels = plan_network(*volume).network.kernels
    assert kernels[-1] == (3, 3, 3)
    for axis in range(3):
        along = [kernel[axis] for kernel in kernels]
        assert along == sorted(along)


def test_a_network_has_three_levels_at_least(volume):
    assert 3 <= len(plan_network(*volume).network.kernels) <= 4


def test_thick_slices_keep_flat_kernels_and_their_own_spacing():
    plan = plan_network(*VOLUMES["heart"])
    assert plan.network.kernels[0] == (3, 3, 1)
    assert plan.network.strides[1] == (2, 2, 1)
    assert plan.network.kernels[-1] == (3, 3, 3)
    assert plan.spacing == (3.0, 3.0, 10.0)


def test_cubes_get_cubic_kernels():
    plan = plan_network(*VOLUMES["hippocampus"])
    assert set(plan.network.kernels) == {(3, 3, 3)}
    assert plan.patch_size == (40, 48, 40)
    assert plan.spacing == (1.0, 1.0, 1.0)


def test_a_volume_without_size_is_refused():
    with pytest.raises(ValueError, match="must be positive"):
        plan_network((10, 0, 10), (1, 1, 1))
