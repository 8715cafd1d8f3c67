"""NT-Xent against its closed form, MONAI and pytorch-metric-learning."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from monai.losses import ContrastiveLoss
from pytorch_metric_learning.losses import NTXentLoss as ReferenceLoss

from cladeseg.pretraining.losses import NTXentLoss, row_blocks


def views(cases: int = 7, features: int = 5, *, seed: int = 0, **options: Any) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(2, cases, features, generator=generator).to(**options))  # type: ignore[return-value]


def test_two_orthogonal_cases_have_the_closed_form() -> None:
    """Each anchor sees its twin at cosine 1 and two others at 0."""
    same = torch.eye(2)
    expected = -math.log(math.exp(1 / 0.5) / (math.exp(1 / 0.5) + 2))
    assert NTXentLoss(0.5)(same, 3 * same).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.1])
def test_the_value_is_monais(temperature: float) -> None:
    one, other = views()
    reference = ContrastiveLoss(temperature=temperature)(one, other)
    torch.testing.assert_close(NTXentLoss(temperature)(one, other), reference, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 0.1, 0.01])
def test_value_and_gradient_are_those_of_pytorch_metric_learning(temperature: float) -> None:
    one, other = (view.requires_grad_() for view in views(dtype=torch.float64))
    ours = NTXentLoss(temperature)(one, other)
    theirs = ReferenceLoss(temperature=temperature)(torch.cat([one, other]), torch.arange(7).repeat(2))
    torch.testing.assert_close(ours, theirs)
    for mine, reference in zip(*(torch.autograd.grad(loss, [one, other]) for loss in (ours, theirs)), strict=True):
        torch.testing.assert_close(mine, reference)


def test_gradcheck() -> None:
    one, other = (view.requires_grad_() for view in views(4, 3, dtype=torch.float64))
    assert torch.autograd.gradcheck(NTXentLoss(0.3), (one, other))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_value_and_gradient_are_finite_at_a_temperature_of_one_hundredth(dtype: torch.dtype) -> None:
    one, other = (view.requires_grad_() for view in views(64, 16, dtype=dtype))
    with torch.no_grad():
        one[0] = 0  # no direction
        other[1] = one[1]
        other[2] = -one[2]
    loss = NTXentLoss(0.01)(one, other)
    loss.backward()
    assert loss.dtype is torch.float32
    assert bool(torch.isfinite(loss))
    assert all(bool(torch.isfinite(view.grad).all()) for view in (one, other) if view.grad is not None)


def test_monais_form_is_not_finite_there() -> None:
    """Why ours is another one."""
    one, _ = views(8, 4)
    assert not bool(torch.isfinite(ContrastiveLoss(temperature=0.01)(one, one)))


def test_autocast_does_not_change_the_value() -> None:
    one, other = views(16, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = NTXentLoss(0.05)(one, other)
    assert inside.item() == NTXentLoss(0.05)(one, other).item()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (view.requires_grad_() for view in views(dtype=torch.float64))
    whole = NTXentLoss(0.1)(one, other)
    gradient = torch.autograd.grad(whole, one)[0]
    monkeypatch.setattr(row_blocks, "BLOCK_ENTRIES", 30)  # two rows of 14 at a time
    blocks = NTXentLoss(0.1)(one, other)
    torch.testing.assert_close(blocks, whole)
    torch.testing.assert_close(torch.autograd.grad(blocks, one)[0], gradient)


def test_what_is_kept_for_the_backward_pass_grows_linearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "BLOCK_ENTRIES", 1024)

    def largest(cases: int) -> int:
        kept: list[int] = []

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            kept.append(tensor.numel())
            return tensor

        one, other = (view.requires_grad_() for view in views(cases, 4))
        with torch.autograd.graph.saved_tensors_hooks(pack, torch.Tensor.detach):
            NTXentLoss(0.1)(one, other)
        return max(kept)

    assert largest(512) == 2 * largest(256)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_reductions(reduction: str) -> None:
    one, other = views()
    each = NTXentLoss(0.1, "none")(one, other)
    assert each.shape == (14,)
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    torch.testing.assert_close(NTXentLoss(0.1, reduction)(one, other), expected)


@pytest.mark.parametrize("temperature", [0, -0.1, math.nan, math.inf, "warm"])
def test_a_temperature_that_is_none_is_refused(temperature: Any) -> None:
    with pytest.raises(ValueError, match=r"temperature: .*positive"):
        NTXentLoss(temperature)


def test_a_batch_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="batch of one case has no negatives"):
        NTXentLoss()(*views(1))


def test_views_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(B, F\)"):
        NTXentLoss()(torch.zeros(3, 4), torch.zeros(4, 4))
