"""Networks that were each stopped on another inner fold, and what they say of the patients they did not see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cladeseg.fusion.fitting.inputs import Batch, InputScaling
from cladeseg.fusion.fitting.options import FitSettings
from cladeseg.fusion.fitting.training import build_network, run_network, train_network
from cladeseg.fusion.model import FusionNetwork, FusionOutput

_CHUNK = 64


@dataclass(frozen=True)
class NetworkEnsemble:
    """Networks of the same inputs, averaged.

    Attributes:
        networks: at least one, in evaluation mode.
    """

    networks: tuple[FusionNetwork, ...]

    @torch.no_grad()
    def output(self, batch: Batch) -> FusionOutput:
        """Mean probabilities and weights; NaN for patients who have nothing."""
        rows = batch.present.any(dim=1).nonzero()[:, 0]
        chunks = [self._mean(batch.take(chunk)) for chunk in rows.split(_CHUNK)]
        return _spread(chunks, rows, len(batch))

    def _mean(self, batch: Batch) -> FusionOutput:
        found = [run_network(network, batch) for network in self.networks]
        maps = [
            None if getattr(found[0], name) is None else torch.stack([getattr(one, name) for one in found]).mean(dim=0)
            for name in ("tiles_over_groups", "groups_over_tiles")
        ]
        return FusionOutput(
            log_p=torch.stack([one.log_p for one in found]).logsumexp(dim=0).log_softmax(dim=1),
            modalities=torch.stack([one.modalities for one in found]).mean(dim=0),
            tiles=torch.stack([one.tiles for one in found]).mean(dim=0),
            groups=torch.stack([one.groups for one in found]).mean(dim=0),
            tiles_over_groups=maps[0],
            groups_over_tiles=maps[1],
        )


def _spread(chunks: list[FusionOutput], rows: Tensor, count: int) -> FusionOutput:
    """Rows at their place among all patients."""

    def placed(name: str) -> Tensor | None:
        parts = [getattr(one, name) for one in chunks]
        if not parts or parts[0] is None:
            return None
        joined = torch.cat(parts)
        whole = torch.full((count, *joined.shape[1:]), torch.nan)
        whole[rows] = joined
        return whole

    names = ("log_p", "modalities", "tiles", "groups", "tiles_over_groups", "groups_over_tiles")
    return FusionOutput(**{name: placed(name) for name in names})  # type: ignore[arg-type]


#: Which modalities a prediction may use: both, images alone, expression alone.
PATTERNS = {"both": (True, True), "images": (True, False), "expression": (False, True)}


def fit_ensemble(
    batch: Batch, possible: Tensor, folds: np.ndarray, scaling: InputScaling, settings: FitSettings
) -> tuple[NetworkEnsemble, dict[str, Tensor]]:
    """One network for each inner fold.

    Args:
        batch: training patients, each with something.
        possible: bool (N, C), classes below the node that is known of each.
        folds: (N,) inner fold of each patient, -1 for those who are trained on by all.
        scaling: that made the batch.
        settings: of the fit.

    Returns:
        The networks, and for each of :data:`PATTERNS` log p (N, C) by the network that did not see the patient; NaN for
        those whom all saw, or who lack a modality of the pattern.
    """
    networks = []
    held_out = {name: torch.full(possible.shape, torch.nan) for name in PATTERNS}
    for fold in range(int(folds.max()) + 1):
        kept, out = (torch.from_numpy(np.flatnonzero(rows)) for rows in (folds != fold, folds == fold))
        with torch.random.fork_rng(devices=[]):
            seed = settings.seed * 1000 + fold
            torch.manual_seed(seed)
            network = build_network(scaling, possible.shape[1], settings)
            pairs = [(batch.take(rows), possible[rows]) for rows in (kept, out)]
            networks.append(train_network(network, pairs[0], pairs[1], settings=settings, seed=seed))
        for name, pattern in PATTERNS.items():
            held_out[name][out] = _with_pattern(networks[-1], pairs[1][0], pattern)
    return NetworkEnsemble(tuple(networks)), held_out


def _with_pattern(network: FusionNetwork, batch: Batch, pattern: tuple[bool, bool]) -> Tensor:
    """Log p of patients who have all that the pattern uses, from that alone; NaN for others."""
    wanted = torch.tensor(pattern)
    seen = batch.kept(wanted.expand(len(batch), 2))
    usable = (batch.present | ~wanted).all(dim=1, keepdim=True)
    if not usable.any():
        return torch.full((len(batch), network.leaves), torch.nan)
    return torch.where(usable, NetworkEnsemble((network,)).output(seen).log_p, torch.nan)
