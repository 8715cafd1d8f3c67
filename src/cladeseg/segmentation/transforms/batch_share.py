"""The part of a batch that one of several processes trains on, and random numbers that fit it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor


class BatchShare(NamedTuple):
    """Some places of a batch that several processes share.

    Random numbers are drawn for the whole batch, so that a case gets the same ones however many processes there are.

    Attributes:
        places: of this process's cases in the whole batch.
        whole: cases in the whole batch.
    """

    places: Sequence[int]
    whole: int

    def draw(self, draw: Callable[[int], Tensor]) -> Tensor:
        """This process's rows of ``draw(whole)``.

        Example:
            >>> import torch
            >>> BatchShare((1, 3), 4).draw(lambda cases: torch.arange(cases) * 10).tolist()
            [10, 30]
        """
        return draw(self.whole)[list(self.places)]


def whole_batch(cases: int) -> BatchShare:
    """The share of a process that trains alone."""
    return BatchShare(range(cases), cases)
