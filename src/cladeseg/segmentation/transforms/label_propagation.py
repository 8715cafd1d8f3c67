"""Propagate labels from finely labelled cases into regions of which only the superclass is known."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.transforms import MapTransform
from scipy.ndimage import distance_transform_edt, gaussian_filter

from cladeseg.segmentation.transforms.box_extent import box_extent
from cladeseg.taxonomy import Taxonomy


class _Pose(NamedTuple):
    """Where a region lies, in voxels."""

    centre: np.ndarray  # (D,)
    axes: np.ndarray  # (D, D): orthonormal columns
    extent: np.ndarray  # (D,) along those axes


class _Atlas(NamedTuple):
    """How one finely labelled case divides a superclass."""

    nodes: np.ndarray  # (*S): each voxel's nearest node below the superclass
    pose: _Pose  # of the divided region


class LabelPropagation:
    """Propagate the labels of finely labelled cases (atlases) to cases of which only the superclass is known.

    A voxel x inside a superclass s is mapped to the coordinates x' that lie alike in each atlas's region,

        (x' - centre') / extent'  =  (x - centre) / extent      along each axis,

    and takes the nearest node below s there as a vote.  The votes of all atlases are averaged and blurred, as patients
    differ in where a border lies.  The voxel is labelled with the deepest node that keeps the share ``min_agreement``
    of the votes; near borders there is none, and it stays s.  The image plays no part, so that a fine case of unusual
    contrast is as good an atlas as any other.

    The axes are the volume's, or each region's own principal ones, for organs that are turned differently in each
    patient: the longest goes to the longest, and each to the side on which the other's lies (less than 90° away).

    It needs parts that lie alike in every patient, as those of a healthy organ do; those of a tumour do not.

    Args:
        taxonomy: the tree.
        atlases: node maps (1, *S) of finely labelled cases, all of one voxel size, which is that of the calls too.
        sigma: standard deviation of the blurring Gaussian as a share of the region's extent along each axis.
        min_agreement: least share of the votes, above 0.5 and at most 1.
        axes: ``"volume"`` or ``"principal"``.

    Raises:
        ValueError: ``sigma`` is negative, ``min_agreement`` would let two nodes win, or there are no such ``axes``.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> atlas = torch.zeros(1, 12, 2, 2, dtype=torch.uint8)
        >>> atlas[:, 0:3], atlas[:, 3:6] = tree.index("ventricle"), tree.index("myocardium")
        >>> coarse = torch.zeros_like(atlas)
        >>> coarse[:, 2:12] = tree.index("heart")
        >>> LabelPropagation(tree, [atlas], sigma=0.05)(coarse)[0, :, 0, 0].tolist()
        [0, 0, 1, 1, 1, 1, 3, 3, 2, 2, 2, 2]
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        atlases: Sequence[torch.Tensor],
        *,
        sigma: float = 0.08,
        min_agreement: float = 0.9,
        axes: str = "volume",
    ) -> None:
        if sigma < 0:
            raise ValueError(f"sigma {sigma} is negative")
        if not 0.5 < min_agreement <= 1:
            raise ValueError(f"min_agreement {min_agreement} is no share above 0.5 and at most 1")
        if axes not in _POSES:
            raise ValueError(f"axes '{axes}' are unknown; known are {', '.join(_POSES)}")
        self.taxonomy = taxonomy
        self.sigma = sigma
        self.min_agreement = min_agreement
        self._pose = _POSES[axes]
        cases = [_voxels(atlas) for atlas in atlases]
        self._atlases = {
            s: [self._atlas(case, self._below(s)) for case in cases if self._below(s)[case].any()]
            for s in taxonomy.superclasses
        }

    def __call__(self, nodes: torch.Tensor) -> torch.Tensor:
        """Node map (1, *S) of the type of ``nodes`` (1, *S), each voxel of which is what it was or lies below it."""
        known = _voxels(nodes)
        propagated = known.copy()
        for s, atlases in self._atlases.items():
            if atlases and (known == s).any():
                self._propagate(propagated, known, s, atlases)
        return torch.from_numpy(propagated)[None].to(nodes.dtype)

    def _propagate(self, propagated: np.ndarray, known: np.ndarray, s: int, atlases: Sequence[_Atlas]) -> None:
        """Write into ``propagated`` what the voxels that are known as ``s`` probably are."""
        region = self.taxonomy.contains[s].numpy()[known]
        votes = self._votes(region, atlases)
        below = np.flatnonzero(self._below(s))
        for v in sorted(below, key=lambda v: len(self.taxonomy.path(int(v)))):  # parents first: the deepest stays
            inside = self.taxonomy.contains[v].numpy()
            share = sum((vote for node, vote in votes.items() if inside[node]), np.zeros(known.shape))
            propagated[(known == s) & (share >= self.min_agreement)] = v

    def _votes(self, region: np.ndarray, atlases: Sequence[_Atlas]) -> dict[int, np.ndarray]:
        """Share (*S) of the blurred votes that each node gets in the region; they add up to 1."""
        votes: dict[int, np.ndarray] = {}
        coordinates = np.argwhere(region)
        pose = self._pose(coordinates)
        for atlas in atlases:
            mapped = _map_coordinates(coordinates, pose, atlas.pose).round().astype(int)
            voted = atlas.nodes[tuple(mapped.clip(0, np.array(atlas.nodes.shape) - 1).T)]
            for node in np.unique(voted):
                vote = votes.setdefault(int(node), np.zeros(region.shape))
                vote[tuple(coordinates[voted == node].T)] += 1
        width = self.sigma * box_extent(coordinates.var(0))  # along the volume's axes, whichever the pose's are
        blurred = {node: gaussian_filter(vote, width) for node, vote in votes.items()}
        total = np.where(region, sum(blurred.values()), 1)
        return {node: vote / total for node, vote in blurred.items()}

    def _atlas(self, case: np.ndarray, below: np.ndarray) -> _Atlas:
        divided = below[case]
        nearest = distance_transform_edt(~divided, return_distances=False, return_indices=True)
        return _Atlas(case[tuple(nearest)], self._pose(np.argwhere(divided)))

    def _below(self, s: int) -> np.ndarray:
        """Bool (N,): the nodes strictly below ``s``."""
        below = self.taxonomy.contains[s].numpy().copy()
        below[s] = False
        return below


class PropagateLabelsd(MapTransform):
    """Add the key ``propagated``: the node map as deep as the atlases of a :class:`LabelPropagation` agree.

    Args:
        propagation: labels what the atlases agree on.
        keys: the key of the node map.
        output_key: where the propagated labels go.
    """

    def __init__(self, propagation: LabelPropagation, *, keys: str = "nodes", output_key: str = "propagated") -> None:
        super().__init__(keys)
        self.propagation = propagation
        self.output_key = output_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with its propagated labels."""
        item = dict(data)
        item[self.output_key] = self.propagation(item[self.first_key(item)])
        return item


def _voxels(nodes: torch.Tensor) -> np.ndarray:
    return nodes.as_subclass(torch.Tensor)[0].cpu().numpy().astype(np.int64)


def _volume_pose(coordinates: np.ndarray) -> _Pose:
    return _Pose(coordinates.mean(0), np.eye(coordinates.shape[1]), box_extent(coordinates.var(0)))


def _principal_pose(coordinates: np.ndarray) -> _Pose:
    variances, axes = np.linalg.eigh(np.cov(coordinates.T, bias=True))
    return _Pose(coordinates.mean(0), axes, box_extent(variances.clip(0)))


#: How the axes of a region, given by its voxels' coordinates (V, D), are found, by name.
_POSES: dict[str, Callable[[np.ndarray], _Pose]] = {"volume": _volume_pose, "principal": _principal_pose}


def _map_coordinates(coordinates: np.ndarray, pose: _Pose, other: _Pose) -> np.ndarray:
    """Coordinates (V, D) of one region → those that lie alike in the other."""
    same_side = np.where((pose.axes * other.axes).sum(0) < 0, -1, 1)
    relative = (coordinates - pose.centre) @ pose.axes / pose.extent
    return (relative * other.extent) @ (other.axes * same_side).T + other.centre
