"""Whether features still tell places apart: alignment, uniformity, effective rank."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events
from torch import Tensor

from cladeseg.files import DataError
from cladeseg.pretraining.losses.row_blocks import unit_rows

#: Features that are looked at, at most; more tell no more.
_MOST = 512
_SPREAD = 2.0


class CollapseError(DataError):
    """Features that became the same everywhere."""


def alignment(one: Tensor, other: Tensor) -> Tensor:
    """Mean squared distance of unit vectors (N, F) that belong together; 0 is perfect, 2 is chance.

    Wang and Isola, ICML 2020, arXiv 2005.10242, with α = 2.

    Example:
        >>> alignment(torch.eye(2), torch.eye(2)).item(), alignment(torch.eye(2), torch.eye(2).flip(0)).item()
        (0.0, 2.0)
    """
    return (unit_rows(one) - unit_rows(other)).square().sum(dim=1).mean()


def uniformity(features: Tensor) -> Tensor:
    """Log of the mean Gaussian potential of pairs of unit vectors (N, F); 0 if all are one, -4 if they are opposite.

    Wang and Isola, as above, with t = 2.

    Example:
        >>> uniformity(torch.ones(3, 2)).item()
        0.0
    """
    squared = torch.nn.functional.pdist(unit_rows(features)).square()
    return (-_SPREAD * squared).logsumexp(dim=0) - torch.log(torch.tensor(float(len(squared))))


def effective_rank(features: Tensor) -> Tensor:
    """Number of directions that unit vectors (N, F) spread over: the exponential of their spectrum's entropy.

    Roy and Vetterli, EUSIPCO 2007, on singular values of the centred vectors; 1 if nothing varies.

    Example:
        >>> round(effective_rank(torch.eye(4)).item(), 3)  # centring takes one direction away
        3.0
    """
    rows = unit_rows(features)
    singular = torch.linalg.svdvals(rows - rows.mean(dim=0))
    share = singular / singular.sum().clamp(min=1e-12)
    return torch.special.entr(share).sum().exp()


@torch.no_grad()
def measure(features: Tensor, compared: Tensor) -> dict[str, Tensor]:
    """The three figures of a batch.

    Args:
        features: (V, N, F) of places in each view.
        compared: bool (V, N), which show something.

    Returns:
        By name; without two places in two views nothing can be said, and it is empty.
    """
    both = (compared[0] & compared[-1]).nonzero().flatten()[:_MOST]
    if len(both) < 2:
        return {}
    one, other = features[0][both], features[-1][both]
    return {
        "alignment": alignment(one, other),
        "uniformity": uniformity(one),
        "effective_rank": effective_rank(one),
    }


class StopOnCollapse:
    """Handler that ends a training whose features have collapsed, before its state is written.

    Args:
        min_rank: least effective rank, averaged over an epoch.
        run: what the message begins with.
    """

    def __init__(self, min_rank: float, run: str) -> None:
        self.min_rank = min_rank
        self.run = run

    def attach(self, engine: Engine) -> None:
        """Attach after the epoch's losses and before the training state."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._check)

    def _check(self, engine: Engine) -> None:
        rank = engine.state.epoch_losses.get("effective_rank")
        if rank is not None and rank < self.min_rank:
            raise CollapseError(
                f"{self.run}: the features have collapsed in epoch {engine.state.epoch}: their effective rank is "
                f"{rank:.2f}, below diagnostics.min_rank = {self.min_rank}; lower optimizer.learning_rate, raise "
                "contrast.points or batch.cases, or switch reconstruction on"
            )
