"""The losses block by block are those of the whole matrix, and so is their gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cladeseg.pretraining.losses import row_blocks
from cladeseg.pretraining.losses.row_blocks import PairWeights, anchor_losses

TEMPERATURE = 0.2


class Weighted:
    """Positives and factors of any size; the last anchor has no positive."""

    def __init__(self, anchors: int, keys: int) -> None:
        draw = torch.Generator().manual_seed(1)
        self.positives = torch.rand(anchors, keys, generator=draw, dtype=torch.float64)
        self.positives[-1] = 0
        self.factors = torch.rand(anchors, keys, generator=draw, dtype=torch.float64)

    def __call__(self, rows: Tensor, logits: Tensor) -> PairWeights:
        return PairWeights(self.positives[rows].to(logits.dtype), self.factors[rows].log().to(logits.dtype))


def features(count: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=dtype).requires_grad_()


def of_the_whole_matrix(queries: Tensor, keys: Tensor, pairs: Weighted) -> Tensor:
    """The formula of the module, with autograd's gradient."""
    unit = (torch.nn.functional.normalize(x, dim=1) for x in (queries, keys))
    cosines = torch.matmul(next(unit), next(unit).T)
    denominator = (pairs.factors * (cosines / TEMPERATURE).exp()).sum(dim=1).log()
    share = pairs.positives[:-1] / pairs.positives[:-1].sum(dim=1, keepdim=True)
    return denominator[:-1] - (share * cosines[:-1]).sum(dim=1) / TEMPERATURE


@pytest.mark.parametrize("entries", [5, 10, 1000], ids=["a row", "two rows", "all"])
def test_value_and_gradient_are_those_of_the_whole_matrix(monkeypatch: pytest.MonkeyPatch, entries: int) -> None:
    monkeypatch.setattr(row_blocks, "BLOCK_ENTRIES", entries)
    queries, keys, pairs = features(4, 0), features(5, 2), Weighted(4, 5)
    outer = torch.tensor([1.0, -2.0, 3.0, 5.0], dtype=torch.float64)
    found = anchor_losses(queries, keys, pairs, TEMPERATURE)
    wanted = of_the_whole_matrix(queries, keys, pairs)
    torch.testing.assert_close(found.values[:-1], wanted)
    assert found.valid.tolist() == [True, True, True, False]
    torch.testing.assert_close(
        torch.autograd.grad(found.values, (queries, keys), outer),
        torch.autograd.grad(wanted, (queries, keys), outer[:-1]),
    )


def test_an_anchor_without_positives_has_no_gradient_however_cold_it_is() -> None:
    """Its exponentials overflow at this temperature, and count nothing."""
    x = features(4, 0, torch.float32)
    found = anchor_losses(x[-1:], x, Weighted(1, 4), 0.001)
    (gradient,) = torch.autograd.grad(found.values.sum(), x)
    assert torch.equal(gradient, torch.zeros_like(gradient))
