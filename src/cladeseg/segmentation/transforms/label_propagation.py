"""Propagate labels from finely labelled cases into regions of which only the superclass is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, gaussian_filter

from cladeseg.segmentation.transforms.box_extent import box_extent
from cladeseg.segmentation.transforms.pose import AXES, Pose, map_coordinates, pose_of_voxels
from cladeseg.taxonomy import Taxonomy


class _Atlas(NamedTuple):
    """How one finely labelled case divides a superclass."""

    nodes: np.ndarray  # (*S): each voxel's nearest node below the superclass
    pose: Pose  # of the divided region


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
        if axes not in AXES:
            raise ValueError(f"axes '{axes}' are unknown; known are {', '.join(AXES)}")
        self.taxonomy = taxonomy
        self.sigma = sigma
        self.min_agreement = min_agreement
        self.axes = axes
        cases = [voxels_of(atlas) for atlas in atlases]
        self._atlases = {
            s: [self._atlas(case, self._below(s)) for case in cases if self._below(s)[case].any()]
            for s in taxonomy.superclasses
        }

    def __call__(self, nodes: torch.Tensor) -> torch.Tensor:
        """Node map (1, *S) of the type of ``nodes`` (1, *S), each voxel of which is what it was or lies below it."""
        known = voxels_of(nodes)
        propagated = known.copy()
        for s in self.superclasses:
            if (known == s).any():
                label_confident(propagated, known, s, self.votes(known, s), self.taxonomy, self.min_agreement)
        return torch.from_numpy(propagated)[None].to(nodes.dtype)

    @property
    def superclasses(self) -> tuple[int, ...]:
        """Superclasses that an atlas divides, parents before children."""
        return tuple(s for s, atlases in self._atlases.items() if atlases)

    def votes(self, known: np.ndarray, s: int) -> dict[int, np.ndarray]:
        """Share (*S) of the blurred votes that each node below ``s`` gets in its region; they add up to 1 there.

        Args:
            known: integer (*S), the node that each voxel is known as; some are inside ``s``.
            s: one of :attr:`superclasses`.
        """
        region = self.taxonomy.contains[s].numpy()[known]
        votes: dict[int, np.ndarray] = {}
        coordinates = np.argwhere(region)
        places = torch.from_numpy(coordinates).double()
        pose = pose_of_voxels(places, self.axes)
        for atlas in self._atlases[s]:
            mapped = map_coordinates(places, pose, atlas.pose).numpy().round().astype(int)
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
        pose = pose_of_voxels(torch.from_numpy(np.argwhere(divided)).double(), self.axes)
        return _Atlas(case[tuple(nearest)], pose)

    def _below(self, s: int) -> np.ndarray:
        """Bool (N,): the nodes strictly below ``s``."""
        below = self.taxonomy.contains[s].numpy().copy()
        below[s] = False
        return below


def voxels_of(nodes: torch.Tensor) -> np.ndarray:
    """Node map (1, *S) → integers (*S)."""
    return nodes.as_subclass(torch.Tensor)[0].cpu().numpy().astype(np.int64)


def label_confident(  # noqa: PLR0917
    labelled: np.ndarray,
    known: np.ndarray,
    s: int,
    shares: Mapping[int, np.ndarray],
    taxonomy: Taxonomy,
    min_agreement: float,
) -> None:
    """Write the deepest node with a large enough share into ``labelled``, at the voxels that are known as ``s``.

    Args:
        labelled: integer (*S), changed in place.
        known: integer (*S), the node that each voxel is known as.
        s: the superclass.
        shares: node below ``s`` → its share (*S), a probability.
        taxonomy: the tree.
        min_agreement: least share of a node with all below it, above 0.5.
    """
    below = [v for v in np.flatnonzero(taxonomy.contains[s].numpy()).tolist() if v != s]
    for v in sorted(below, key=lambda v: len(taxonomy.path(v))):  # parents first: the deepest stays
        inside = taxonomy.contains[v].numpy()
        share = sum((value for node, value in shares.items() if inside[node]), np.zeros(known.shape))
        labelled[(known == s) & (share >= min_agreement)] = v
