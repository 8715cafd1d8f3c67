"""The filter before coarser grids: detail goes, the rest stays."""

from __future__ import annotations

import math

import pytest
import torch

from cladeseg.segmentation.transforms import low_pass


def along(axis: int, values: torch.Tensor) -> torch.Tensor:
    """(1, 24, 24, 24) with ``values`` (24,) along one axis."""
    return values.reshape([24 if a == axis else 1 for a in range(3)]).expand(1, 24, 24, 24).clone()


@pytest.mark.parametrize("axis", range(3))
def test_stripes_disappear_along_a_coarser_axis_only(axis: int) -> None:
    stripes = along(axis, torch.arange(24.0) % 2)
    coarser = [4.0 if a == axis else 1.0 for a in range(3)]
    inner = low_pass(stripes, coarser).movedim(axis + 1, 1)[:, 6:18]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5), atol=0.001, rtol=0)
    elsewhere = [1.0 if a == axis else 4.0 for a in range(3)]
    torch.testing.assert_close(low_pass(stripes, elsewhere), stripes)


def test_a_constant_stays_up_to_the_border() -> None:
    constant = torch.full((2, 9, 7, 5), 3.0)
    torch.testing.assert_close(low_pass(constant, (4, 3, 2)), constant)


def test_a_smooth_ramp_stays_inside() -> None:
    ramp = along(0, torch.arange(24.0))
    torch.testing.assert_close(low_pass(ramp, (3, 1, 1))[:, 5:19], ramp[:, 5:19])


def test_a_wave_loses_what_a_gaussian_of_that_width_takes() -> None:
    period, ratio = 12.0, 3.0
    wave = along(1, torch.cos(2 * math.pi * torch.arange(24.0) / period))
    kept = math.exp(-2 * (math.pi * (ratio - 1) / 2 / period) ** 2)
    torch.testing.assert_close(low_pass(wave, (1, ratio, 1))[:, :, 6:18], kept * wave[:, :, 6:18], atol=0.02, rtol=0)


def test_channels_do_not_mix() -> None:
    image = torch.stack([torch.ones(8, 8, 8), torch.randn(8, 8, 8, generator=torch.Generator().manual_seed(0))])
    both = low_pass(image, (2, 2, 2))
    torch.testing.assert_close(both[0], torch.ones(8, 8, 8))
    torch.testing.assert_close(both[1:], low_pass(image[1:], (2, 2, 2)))


@pytest.mark.parametrize("ratios", [(1.0, 1.0, 1.0), (0.5, 1.49, 1.0)])
def test_nothing_is_done_without_need(ratios: tuple[float, ...]) -> None:
    image = torch.rand(1, 4, 4, 4)
    assert low_pass(image, ratios) is image
