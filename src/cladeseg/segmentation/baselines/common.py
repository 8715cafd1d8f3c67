"""What the published methods share: which cases count as unlabelled, hard pseudo labels, boxes to cut and paste."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cladeseg.taxonomy import FINE, Taxonomy
from cladeseg.tree_math import at_least_float32, log_probs_within


def fine_and_unlabelled(supervisions: Sequence[str]) -> tuple[list[int], list[int]]:
    """Split the indices of a batch: finely labelled cases, and those that count as unlabelled for leaves.

    Coarse cases are among the second: their node map is learnt from by the supervised loss, but says nothing of leaves.
    """
    fine = [i for i, supervision in enumerate(supervisions) if supervision == FINE]
    return fine, [i for i in range(len(supervisions)) if i not in fine]


class HardLabels(NamedTuple):
    """One leaf for each voxel.

    Attributes:
        nodes: integer (B, 1, *S), leaves only.
        confidence: float (B, 1, *S), probability of that leaf.
    """

    nodes: Tensor
    confidence: Tensor


@torch.no_grad()
def hard_labels(
    leaf_log_probs: Tensor, known: Tensor, taxonomy: Taxonomy, *, respect_nodes: bool = False
) -> HardLabels:
    """Most probable leaf and its probability.

    Args:
        leaf_log_probs: (B, L, *S) log p(leaf).
        known: integer (B, 1, *S) node map of what is known.
        taxonomy: the tree, with L leaves.
        respect_nodes: choose among the leaves of the known node only, with p(leaf | known node) as the confidence.
            The published methods know no superclasses, so a leaf may contradict the known node there.

    Returns:
        Labels of the type of ``known``.
    """
    log_p = at_least_float32(leaf_log_probs)
    if respect_nodes:
        log_p = log_probs_within(log_p, known[:, 0], taxonomy)
    confidence, leaf = log_p.max(dim=1, keepdim=True)
    return HardLabels(leaf.to(known.dtype), confidence.exp())


def random_box(shape: Sequence[int], sides: Sequence[int], generator: torch.Generator) -> Tensor:
    """A box wholly inside a volume, at a position that is uniform among all possible ones.

    Args:
        shape: spatial shape S of the volume, in voxels.
        sides: of the box, in voxels.
        generator: CPU generator; draws one number for each axis.

    Returns:
        Bool (*S) on the CPU, True inside the box.

    Raises:
        ValueError: a side is negative or longer than the volume.

    Example:
        >>> box = random_box((4, 6), (2, 3), torch.Generator().manual_seed(0))
        >>> box.shape, int(box.sum())
        (torch.Size([4, 6]), 6)
    """
    if len(sides) != len(shape) or any(not 0 <= side <= size for side, size in zip(sides, shape, strict=True)):
        raise ValueError(f"a box of sides {tuple(sides)} does not fit into a volume of shape {tuple(shape)}")
    box = torch.ones(tuple(shape), dtype=torch.bool)
    for axis, (side, size) in enumerate(zip(sides, shape, strict=True)):
        start = int(torch.randint(size - side + 1, (1,), generator=generator))
        index = torch.arange(size)
        within = (index >= start) & (index < start + side)
        box &= within.view([-1 if a == axis else 1 for a in range(len(shape))])
    return box
