"""Strong views change intensities, not places."""

from __future__ import annotations

import pytest
import torch

from cladeseg.segmentation.baselines.strong_view import StrongView

QUIET = {"noise": 0.0, "blur": (0.1, 0.1), "brightness": 0.0, "contrast": (1.0, 1.0), "gamma": (1.0, 1.0)}


def images(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 2, 8, 8, 4, generator=torch.Generator().manual_seed(0))


def test_without_any_change_every_voxel_stays_where_it_is(acdc_tree):
    view = StrongView(acdc_tree, **QUIET, probability=0.0)(images(), torch.Generator().manual_seed(0))
    torch.testing.assert_close(view, images(), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [{"noise": 0.5}, {"blur": (1, 2)}, {"brightness": 0.5}, {"contrast": (0.5, 0.6)}, {"gamma": (2, 3)}],
    ids=str,
)
def test_each_change_shows(acdc_tree, change):
    view = StrongView(acdc_tree, **{**QUIET, **change}, probability=1.0)(images(), torch.Generator().manual_seed(0))
    assert view.isfinite().all() and (view - images()).abs().mean() > 0.02


def test_two_views_differ_and_the_generator_decides_both(acdc_tree):
    strong, generator = StrongView(acdc_tree), torch.Generator().manual_seed(3)
    first, second = (strong(images(), generator) for _ in range(2))
    assert not torch.allclose(first, second, atol=1e-2)
    assert torch.equal(first, strong(images(), torch.Generator().manual_seed(3)))
