"""The full graph of views, with missing ones and with neighbours."""

from __future__ import annotations

import math

import pytest
import torch

from cladeseg.pretraining.losses import MultiViewLoss, Places, row_blocks
from cladeseg.pretraining.losses.row_blocks import unit_rows


def features(views: int = 3, cases: int = 5, size: int = 4) -> torch.Tensor:
    return torch.randn(views, cases, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def clip(one: torch.Tensor, other: torch.Tensor, temperature: float) -> torch.Tensor:
    """CLIP's loss of each case, as its authors' pseudo code has it."""
    logits = unit_rows(one) @ unit_rows(other).T / temperature
    target = torch.arange(len(one))
    forth, back = (torch.nn.functional.cross_entropy(x, target, reduction="none") for x in (logits, logits.T))
    return (forth + back) / 2


def test_two_views_are_clip() -> None:
    views = features(2)
    torch.testing.assert_close(MultiViewLoss(0.1)(views), clip(*views, 0.1).mean())


def test_two_aligned_cases_have_the_closed_form() -> None:
    expected = math.log(1 + math.exp(-1 / 0.5))
    assert MultiViewLoss(0.5)(torch.eye(2).expand(2, 2, 2)).item() == pytest.approx(expected, abs=1e-6)


def test_all_pairs_of_views_count_alike() -> None:
    a, b, c = features()
    expected = torch.stack([clip(a, b, 0.2), clip(a, c, 0.2), clip(b, c, 0.2)])
    torch.testing.assert_close(MultiViewLoss(0.2)(features()), expected.mean())
    torch.testing.assert_close(MultiViewLoss(0.2, "none")(features()), expected)


def test_a_missing_view_drops_its_pairs_and_the_mean_is_over_the_others() -> None:
    views = features()
    present = torch.ones(3, 5, dtype=torch.bool)
    present[2, :2] = False
    views[2, :2] = torch.nan  # not looked at
    a, b, c = views
    kept = torch.cat([clip(a, b, 0.2), clip(a[2:], c[2:], 0.2), clip(b[2:], c[2:], 0.2)])
    loss = MultiViewLoss(0.2)
    torch.testing.assert_close(loss(views, present), kept.sum() / 11)
    assert loss.skipped == 4


def test_a_missing_view_gets_no_gradient() -> None:
    views = features().requires_grad_()
    present = torch.ones(3, 5, dtype=torch.bool)
    present[1, 3] = False
    (gradient,) = torch.autograd.grad(MultiViewLoss(0.2)(views, present), views)
    assert bool((gradient.abs().sum(2) > 0).eq(present).all())


def test_nothing_to_compare_costs_nothing() -> None:
    views = features(2).requires_grad_()
    present = torch.zeros(2, 5, dtype=torch.bool)
    present[:, 0] = True  # a single case is seen twice: no negatives
    loss = MultiViewLoss(0.1)
    value = loss(views, present)
    assert value.item() == 0
    assert loss.skipped == 5


def test_neighbours_in_one_image_do_not_repel() -> None:
    """Features 0 and 1 lie one voxel apart in image 0; feature 2 is far, feature 3 in another image."""
    views = features(2, 4)
    position = torch.tensor([[0.0, 0, 0], [1, 0, 0], [9, 0, 0], [0, 0, 0]])
    places = Places(torch.tensor([0, 0, 0, 1]), position, min_distance=4.0)
    logits = unit_rows(views[0]) @ unit_rows(views[1]).T / 0.2
    apart = torch.zeros(4, 4, dtype=torch.float64)
    apart[0, 1] = apart[1, 0] = -torch.inf
    target = torch.arange(4)
    expected = [torch.nn.functional.cross_entropy(x + apart, target) for x in (logits, logits.T)]
    torch.testing.assert_close(MultiViewLoss(0.2)(views, places=places), sum(expected) / 2)


def test_gradcheck_with_missing_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "BLOCK_ENTRIES", 8)
    present = torch.ones(3, 4, dtype=torch.bool)
    present[0, 0] = False
    views = features(3, 4, 3).requires_grad_()
    assert torch.autograd.gradcheck(MultiViewLoss(0.4), (views, present))


def test_half_precision_is_finite_at_a_temperature_of_one_hundredth() -> None:
    views = features(3, 32, 8).half().requires_grad_()
    loss = MultiViewLoss(0.01)(views)
    (gradient,) = torch.autograd.grad(loss, views)
    assert bool(torch.isfinite(loss))
    assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 4, 3), "one view has nothing"), ((2, 1, 3), "batch of one case"), ((4, 3), r"\(V, B, F\)")],
)
def test_too_little_to_contrast_is_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiViewLoss()(torch.zeros(shape))


def test_a_mask_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="which views are there"):
        MultiViewLoss()(features(), torch.ones(3, 4, dtype=torch.bool))
