"""How much a trained network doubts which leaf it sees where the superclass is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import ResampleToMatch
from torch import Tensor
from tqdm import tqdm

from cladeseg.segmentation.data import ImageFiles
from cladeseg.segmentation.inferers import Predictor
from cladeseg.segmentation.selection.superclass_view import SuperclassLoader, SuperclassView
from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32


def leaf_doubt(log_probs: Tensor, nodes: Tensor, taxonomy: Taxonomy) -> float:
    """Mean entropy in nats of the leaf, given the node that is known.

    At a voxel labelled with superclass v it is −Σ p(l | v) log p(l | v) over the leaves l under v, where
    p(l | v) = p(l) / p(v): what the network thinks of other structures does not matter.  The mean runs over the voxels
    labelled with an inner node other than the root; a voxel whose leaf is known, or nothing, has no say.

    Args:
        log_probs: (L, *S) log p(leaf).
        nodes: (*S) node indices, long or uint8.
        taxonomy: the label tree.

    Returns:
        0 (certain everywhere, or no such voxel) to log(number of leaves of the superclass).

    Raises:
        ValueError: shapes do not fit each other or the tree.
    """
    if log_probs.shape != (taxonomy.num_leaves, *nodes.shape):
        wanted = (taxonomy.num_leaves, *nodes.shape)
        raise ValueError(f"log_probs {tuple(log_probs.shape)} should be {wanted}, one row for each leaf")
    known = (nodes >= taxonomy.num_leaves) & (nodes < taxonomy.root)
    if not known.any():
        return 0.0
    rows = at_least_float32(log_probs[:, known])
    possible = taxonomy.membership.to(rows.device)[nodes[known].long()].T
    conditional = rows.masked_fill(~possible, -torch.inf).log_softmax(dim=0)
    # p log p is 0 at p = 0, where the logarithm alone is infinite.
    return float(torch.special.entr(conditional.exp()).sum(dim=0).mean())


def doubts(
    predictor: Predictor, cases: Sequence[Mapping[str, Any]], load: SuperclassLoader, *, progress: bool = False
) -> np.ndarray:
    """The :func:`leaf_doubt` of each case, one after the other.

    Args:
        predictor: its network gives log p(leaf).
        cases: ``image`` and ``label`` with absolute paths.
        load: gives the superclass view of a case.
        progress: show a progress bar.

    Returns:
        float64 (cases,), in nats.
    """
    shown = tqdm(cases, desc="asking the network", unit="case", disable=not progress)
    return np.array([_doubt(predictor, case["image"], load(case), load.taxonomy) for case in shown], dtype=np.float64)


def _doubt(predictor: Predictor, image: ImageFiles, view: SuperclassView, taxonomy: Taxonomy) -> float:
    scores = predictor.log_probs(image)
    return leaf_doubt(scores.as_tensor(), _on_grid_of(scores, view), taxonomy)


def _on_grid_of(seen: MetaTensor, view: SuperclassView) -> Tensor:
    """The superclass map, by nearest neighbour, where the network looked; long (x, y, z)."""
    nodes = MetaTensor(torch.from_numpy(view.nodes)[None].float(), affine=torch.from_numpy(view.affine))
    placed = ResampleToMatch(mode="nearest", padding_mode="zeros")(nodes, seen)
    return placed.as_tensor()[0].round().long()
