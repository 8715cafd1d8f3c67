"""How uncertain a trained network is about the leaves of a case within their superclass."""

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
from cladeseg.tree_math import conditional_entropy


def case_uncertainty(leaf_log_probs: Tensor, taxonomy: Taxonomy, nodes: Tensor | None = None) -> float:
    """Mean conditional entropy of a case over the voxels of its superclasses; see :func:`conditional_entropy`.

    With ``nodes`` the mean runs over the voxels labelled with an inner node other than the root: a voxel whose leaf is
    known, or of which nothing is known, does not count.  Without, each voxel counts as far as it is no background,
    Σ H(L | S) / max(1, Σ p(not background)): a large organ is not uncertain because it is large.

    Args:
        leaf_log_probs: (L, *S) log p(leaf), normalised over L.
        taxonomy: the tree, with L leaves.
        nodes: (*S) node indices that are known, long or uint8; ``None`` if there is no outline.

    Returns:
        Nats per voxel, 0 (certain everywhere, or no such voxel) … log L.

    Raises:
        ValueError: the shapes do not fit each other or the tree.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> leaf = torch.tensor([[0.5, 1.0], [0.25, 0.0], [0.25, 0.0]]).log()  # torn; certain
        >>> nodes = torch.tensor([tree.index("heart"), tree.background])
        >>> round(case_uncertainty(leaf, tree, nodes), 4)  # log 2
        0.6931
    """
    if nodes is not None:
        _check_shapes(leaf_log_probs, nodes, taxonomy)
        outlined = (nodes >= taxonomy.num_leaves) & (nodes < taxonomy.root)
        if not outlined.any():
            return 0.0
        return float(conditional_entropy(leaf_log_probs[None, :, outlined], taxonomy, nodes[None, outlined]).mean())
    inside = 1 - leaf_log_probs[taxonomy.background].double().exp()
    entropy = conditional_entropy(leaf_log_probs[None], taxonomy).double().sum()
    return float(entropy / inside.sum().clamp_min(1.0))


def uncertainties(
    predictor: Predictor, cases: Sequence[Mapping[str, Any]], load: SuperclassLoader, *, progress: bool = False
) -> np.ndarray:
    """The :func:`case_uncertainty` of each case given its outline, one after the other.

    Args:
        predictor: its network gives log p(leaf).
        cases: ``image`` and ``label`` with absolute paths.
        load: gives the superclass view of a case.
        progress: show a progress bar.

    Returns:
        float64 (cases,), in nats.
    """
    shown = tqdm(cases, desc="measuring uncertainty", unit="case", disable=not progress)
    found = [_uncertainty(predictor, case["image"], load(case), load.taxonomy) for case in shown]
    return np.array(found, dtype=np.float64)


def _uncertainty(predictor: Predictor, image: ImageFiles, view: SuperclassView, taxonomy: Taxonomy) -> float:
    scores = predictor.log_probs(image)
    return case_uncertainty(scores.as_tensor(), taxonomy, _on_grid_of(scores, view))


def _on_grid_of(scores: MetaTensor, view: SuperclassView) -> Tensor:
    """The superclass map on the grid of the network's scores, by nearest neighbour; long (x, y, z)."""
    nodes = MetaTensor(torch.from_numpy(view.nodes)[None].float(), affine=torch.from_numpy(view.affine))
    placed = ResampleToMatch(mode="nearest", padding_mode="zeros")(nodes, scores)
    return placed.as_tensor()[0].round().long()


def _check_shapes(leaf_log_probs: Tensor, nodes: Tensor, taxonomy: Taxonomy) -> None:
    wanted = (taxonomy.num_leaves, *nodes.shape)
    if leaf_log_probs.shape != wanted:
        raise ValueError(f"leaf_log_probs {tuple(leaf_log_probs.shape)} should be {wanted}, one row for each leaf")
