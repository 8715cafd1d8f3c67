"""Guess the parts of a region from where finely labelled cases have them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.transforms import MapTransform
from scipy.ndimage import distance_transform_edt, gaussian_filter

from cladeseg.taxonomy import Taxonomy


class _Model(NamedTuple):
    """How one finely labelled case divides a superclass."""

    parts: np.ndarray  # (*S): each voxel's nearest node below the superclass
    centre: np.ndarray  # (D,) of the divided region, in voxels
    extent: np.ndarray  # (D,)


class RegionTransfer:
    """Carry the parts of finely labelled cases over to cases of which only the superclass is known.

    A voxel x inside a superclass s looks at the place x' of each finely labelled case that lies alike in its region,

        (x' - centre') / extent'  =  (x - centre) / extent      along each axis,

    and takes the nearest node below s there as a vote.  The votes of all cases are averaged and blurred, as patients
    differ in where a border lies.  The voxel is guessed to be the deepest node that keeps the share ``sure`` of the
    votes; near borders nothing is guessed, and it stays s.  No image is looked at, so that a fine case of unusual
    contrast teaches the place of its parts as well as any other.

    It needs parts that lie alike in every patient, as those of a healthy organ do; those of a tumour do not.

    Args:
        taxonomy: the tree.
        models: node maps (1, *S) of finely labelled cases, all of one voxel size, which is that of the calls too.
        blur: standard deviation of the Gaussian as a share of the region's extent along each axis.
        sure: least share of the votes, above 0.5 and at most 1.

    Raises:
        ValueError: ``blur`` is negative, or ``sure`` would let two nodes win.
    """

    def __init__(
        self, taxonomy: Taxonomy, models: Sequence[torch.Tensor], *, blur: float = 0.08, sure: float = 0.9
    ) -> None:
        if blur < 0:
            raise ValueError(f"blur {blur} is negative")
        if not 0.5 < sure <= 1:
            raise ValueError(f"sure {sure} is no share above 0.5 and at most 1")
        self.taxonomy = taxonomy
        self.blur = blur
        self.sure = sure
        cases = [_voxels(model) for model in models]
        self._models = {
            s: [_model(case, self._below(s)) for case in cases if self._below(s)[case].any()]
            for s in taxonomy.superclasses
        }

    def __call__(self, nodes: torch.Tensor) -> torch.Tensor:
        """Node map (1, *S) of the type of ``nodes`` (1, *S), each voxel of which is what it was or lies below it."""
        known = _voxels(nodes)
        guess = known.copy()
        for s, models in self._models.items():
            if models and (known == s).any():
                self._divide(guess, known, s, models)
        return torch.from_numpy(guess)[None].to(nodes.dtype)

    def _divide(self, guess: np.ndarray, known: np.ndarray, s: int, models: Sequence[_Model]) -> None:
        """Write into ``guess`` what the voxels that are known as ``s`` probably are."""
        region = self.taxonomy.contains[s].numpy()[known]
        centre, extent = _centre_and_extent(region)
        votes = self._votes(np.argwhere(region), region, centre, extent, models)
        below = np.flatnonzero(self._below(s))
        for v in sorted(below, key=lambda v: len(self.taxonomy.path(int(v)))):  # parents first: the deepest stays
            inside = self.taxonomy.contains[v].numpy()
            share = sum((vote for node, vote in votes.items() if inside[node]), np.zeros(known.shape))
            guess[(known == s) & (share >= self.sure)] = v

    def _votes(
        self, places: np.ndarray, region: np.ndarray, centre: np.ndarray, extent: np.ndarray, models: Sequence[_Model]
    ) -> dict[int, np.ndarray]:
        """Share (*S) of the blurred votes that each node gets in the region; they add up to 1."""
        votes: dict[int, np.ndarray] = {}
        for model in models:
            there = ((places - centre) / extent * model.extent + model.centre).round().astype(int)
            there = there.clip(0, np.array(model.parts.shape) - 1)
            voted = model.parts[tuple(there.T)]
            for node in np.unique(voted):
                vote = votes.setdefault(int(node), np.zeros(region.shape))
                vote[tuple(places[voted == node].T)] += 1
        blurred = {node: gaussian_filter(vote, self.blur * extent) for node, vote in votes.items()}
        total = np.where(region, sum(blurred.values()), 1)
        return {node: vote / total for node, vote in blurred.items()}

    def _below(self, s: int) -> np.ndarray:
        """Bool (N,): the nodes strictly below ``s``."""
        below = self.taxonomy.contains[s].numpy().copy()
        below[s] = False
        return below


class GuessPartsd(MapTransform):
    """Add the key ``guess``: the node map as deep as a :class:`RegionTransfer` is sure of it.

    Args:
        transfer: guesses the parts.
        keys: the key of the node map.
        output_key: where the guess goes.
    """

    def __init__(self, transfer: RegionTransfer, *, keys: str = "nodes", output_key: str = "guess") -> None:
        super().__init__(keys)
        self.transfer = transfer
        self.output_key = output_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with its guess."""
        item = dict(data)
        item[self.output_key] = self.transfer(item[self.first_key(item)])
        return item


def _voxels(nodes: torch.Tensor) -> np.ndarray:
    return nodes.as_subclass(torch.Tensor)[0].cpu().numpy().astype(np.int64)


def _model(case: np.ndarray, below: np.ndarray) -> _Model:
    divided = below[case]
    nearest = distance_transform_edt(~divided, return_distances=False, return_indices=True)
    return _Model(case[tuple(nearest)], *_centre_and_extent(divided))


def _centre_and_extent(region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroid, and sides of the box with the region's variances, √(12 σ² + 1): both (D,), in voxels."""
    places = np.argwhere(region)
    return places.mean(0), np.sqrt(12 * places.var(0) + 1)
