"""Guess the parts of a region from where finely labelled cases have them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.transforms import MapTransform
from scipy.ndimage import distance_transform_edt, gaussian_filter

from cladeseg.segmentation.transforms.box_extent import box_extent
from cladeseg.taxonomy import Taxonomy


class _Frame(NamedTuple):
    """Where a region lies, in voxels."""

    centre: np.ndarray  # (D,)
    axes: np.ndarray  # (D, D): orthonormal columns
    extent: np.ndarray  # (D,) along those axes


class _Model(NamedTuple):
    """How one finely labelled case divides a superclass."""

    parts: np.ndarray  # (*S): each voxel's nearest node below the superclass
    frame: _Frame  # of the divided region


class LabelPropagation:
    """Carry the parts of finely labelled cases over to cases of which only the superclass is known.

    A voxel x inside a superclass s looks at the place x' of each finely labelled case that lies alike in its region,

        (x' - centre') / extent'  =  (x - centre) / extent      along each axis,

    and takes the nearest node below s there as a vote.  The votes of all cases are averaged and blurred, as patients
    differ in where a border lies.  The voxel is guessed to be the deepest node that keeps the share ``sure`` of the
    votes; near borders nothing is guessed, and it stays s.  No image is looked at, so that a fine case of unusual
    contrast teaches the place of its parts as well as any other.

    The axes are the volume's, or each region's own principal ones, for organs that are turned differently in each
    patient: the longest goes to the longest, and each to the side on which the other's lies (less than 90° away).

    It needs parts that lie alike in every patient, as those of a healthy organ do; those of a tumour do not.

    Args:
        taxonomy: the tree.
        models: node maps (1, *S) of finely labelled cases, all of one voxel size, which is that of the calls too.
        blur: standard deviation of the Gaussian as a share of the region's extent along each axis.
        sure: least share of the votes, above 0.5 and at most 1.
        axes: ``"volume"`` or ``"principal"``.

    Raises:
        ValueError: ``blur`` is negative, ``sure`` would let two nodes win, or there are no such ``axes``.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        models: Sequence[torch.Tensor],
        *,
        blur: float = 0.08,
        sure: float = 0.9,
        axes: str = "volume",
    ) -> None:
        if blur < 0:
            raise ValueError(f"blur {blur} is negative")
        if not 0.5 < sure <= 1:
            raise ValueError(f"sure {sure} is no share above 0.5 and at most 1")
        if axes not in _FRAMES:
            raise ValueError(f"axes '{axes}' are unknown; known are {', '.join(_FRAMES)}")
        self.taxonomy = taxonomy
        self.blur = blur
        self.sure = sure
        self._frame = _FRAMES[axes]
        cases = [_voxels(model) for model in models]
        self._models = {
            s: [self._model(case, self._below(s)) for case in cases if self._below(s)[case].any()]
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
        votes = self._votes(region, models)
        below = np.flatnonzero(self._below(s))
        for v in sorted(below, key=lambda v: len(self.taxonomy.path(int(v)))):  # parents first: the deepest stays
            inside = self.taxonomy.contains[v].numpy()
            share = sum((vote for node, vote in votes.items() if inside[node]), np.zeros(known.shape))
            guess[(known == s) & (share >= self.sure)] = v

    def _votes(self, region: np.ndarray, models: Sequence[_Model]) -> dict[int, np.ndarray]:
        """Share (*S) of the blurred votes that each node gets in the region; they add up to 1."""
        votes: dict[int, np.ndarray] = {}
        places = np.argwhere(region)
        frame = self._frame(places)
        for model in models:
            there = _carry(places, frame, model.frame).round().astype(int)
            voted = model.parts[tuple(there.clip(0, np.array(model.parts.shape) - 1).T)]
            for node in np.unique(voted):
                vote = votes.setdefault(int(node), np.zeros(region.shape))
                vote[tuple(places[voted == node].T)] += 1
        width = self.blur * box_extent(places.var(0))  # along the volume's axes, whichever the frame's are
        blurred = {node: gaussian_filter(vote, width) for node, vote in votes.items()}
        total = np.where(region, sum(blurred.values()), 1)
        return {node: vote / total for node, vote in blurred.items()}

    def _model(self, case: np.ndarray, below: np.ndarray) -> _Model:
        divided = below[case]
        nearest = distance_transform_edt(~divided, return_distances=False, return_indices=True)
        return _Model(case[tuple(nearest)], self._frame(np.argwhere(divided)))

    def _below(self, s: int) -> np.ndarray:
        """Bool (N,): the nodes strictly below ``s``."""
        below = self.taxonomy.contains[s].numpy().copy()
        below[s] = False
        return below


class PropagateLabelsd(MapTransform):
    """Add the key ``guess``: the node map as deep as a :class:`LabelPropagation` is sure of it.

    Args:
        transfer: guesses the parts.
        keys: the key of the node map.
        output_key: where the guess goes.
    """

    def __init__(self, transfer: LabelPropagation, *, keys: str = "nodes", output_key: str = "guess") -> None:
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


def _volume_frame(places: np.ndarray) -> _Frame:
    return _Frame(places.mean(0), np.eye(places.shape[1]), box_extent(places.var(0)))


def _principal_frame(places: np.ndarray) -> _Frame:
    variances, axes = np.linalg.eigh(np.cov(places.T, bias=True))
    return _Frame(places.mean(0), axes, box_extent(variances.clip(0)))


#: How the axes of a region, given by its voxels' places (V, D), are found, by name.
_FRAMES: dict[str, Callable[[np.ndarray], _Frame]] = {"volume": _volume_frame, "principal": _principal_frame}


def _carry(places: np.ndarray, here: _Frame, there: _Frame) -> np.ndarray:
    """Move places (V, D) of one region to where they lie alike in the other."""
    same_side = np.where((here.axes * there.axes).sum(0) < 0, -1, 1)
    relative = (places - here.centre) @ here.axes / here.extent
    return (relative * there.extent) @ (there.axes * same_side).T + there.centre
