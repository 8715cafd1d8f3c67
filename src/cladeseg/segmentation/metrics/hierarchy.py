"""What only a tree of labels can get wrong: children within their parents."""

from __future__ import annotations

import numpy as np
import torch

from cladeseg.segmentation.metrics.masks import annotated_nodes, check_maps, dice, inside, status_of
from cladeseg.segmentation.metrics.record import HierarchyRecord
from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import node_log_probs


def hierarchy_of_case(case: str, predicted: np.ndarray, truth: np.ndarray, taxonomy: Taxonomy) -> list[HierarchyRecord]:
    """Dice of each structure below the top level, given that its parent is right.

    Only voxels count that truth and prediction both put into the parent, so that an error of the superclass outline is
    not blamed on the subclass decision.

    Args:
        case: identifier of the case.
        predicted: node indices (x, y, z).
        truth: node indices (x, y, z).
        taxonomy: the label tree.

    Returns:
        One record for each structure that has a parent other than the root and that the truth determines.

    Raises:
        DataError: the maps differ in shape or hold no node indices; the message starts with the case.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> truth = np.array([0, 1, 1, 2, 2]).reshape(5, 1, 1)
        >>> predicted = np.array([0, 0, 1, 1, 2]).reshape(5, 1, 1)  # a border voxel and a voxel inside are wrong
        >>> [(record.node, round(record.value, 3)) for record in hierarchy_of_case("a", predicted, truth, tree)]
        [('ventricle', 0.667), ('myocardium', 0.667)]
    """
    check_maps(case, predicted, truth, taxonomy)
    below = [v for v in annotated_nodes(truth, taxonomy) if taxonomy.parent[v] != taxonomy.root]
    records = []
    for v in below:
        parent = taxonomy.parent[v]
        right = inside(predicted, parent, taxonomy) & inside(truth, parent, taxonomy)
        masks = inside(predicted, v, taxonomy) & right, inside(truth, v, taxonomy) & right
        records.append(HierarchyRecord(case, taxonomy.names[v], dice(*masks), status_of(*masks)))
    return records


def nesting_violations(masks: np.ndarray, taxonomy: Taxonomy) -> int:
    """Number of voxels at which some structure lies outside its parent.

    Args:
        masks: bool (N, *spatial), one mask for each node, decided independently; the root's is not read.
        taxonomy: the label tree of N nodes.

    Raises:
        ValueError: the first dimension is not N.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> masks = np.zeros((tree.num_nodes, 1, 1, 2), dtype=bool)
        >>> masks[tree.index("ventricle")] = True
        >>> masks[tree.index("heart"), ..., 0] = True
        >>> nesting_violations(masks, tree)  # at the second voxel a ventricle lies outside the heart
        1
    """
    _check_channels(masks.shape[0], (taxonomy.num_nodes,), taxonomy)
    violated = np.zeros(masks.shape[1:], dtype=bool)
    for v, parent in _edges(taxonomy):
        violated |= masks[v] & ~masks[parent]
    return int(violated.sum())


def nesting_violations_of_log_probs(log_probs: torch.Tensor, taxonomy: Taxonomy, *, tolerance: float = 1e-6) -> int:
    """Number of voxels at which some structure is more probable than its parent.

    Args:
        log_probs: (L, *spatial) of the leaves, whose probabilities are summed to the nodes', or (N, *spatial) of the
            nodes, e.g. of independent heads; the root's are not read.
        taxonomy: the label tree of L leaves and N nodes.
        tolerance: excess of probability that is rounding.

    Raises:
        ValueError: the first dimension is neither L nor N.
    """
    _check_channels(log_probs.shape[0], (taxonomy.num_leaves, taxonomy.num_nodes), taxonomy)
    if len(log_probs) == taxonomy.num_leaves:
        log_probs = node_log_probs(log_probs[None], taxonomy)[0]
    probs = log_probs.exp()
    violated = torch.zeros_like(probs[0], dtype=torch.bool)
    for v, parent in _edges(taxonomy):
        violated |= probs[v] > probs[parent] + tolerance
    return int(violated.sum())


def _edges(taxonomy: Taxonomy) -> list[tuple[int, int]]:
    """(child, parent) index pairs; everything lies in the root, so it is no parent here."""
    return [(v, taxonomy.parent[v]) for v in range(taxonomy.root) if taxonomy.parent[v] != taxonomy.root]


def _check_channels(found: int, allowed: tuple[int, ...], taxonomy: Taxonomy) -> None:
    if found not in allowed:
        wanted = " or ".join(str(count) for count in allowed)
        raise ValueError(f"{found} channels do not fit the taxonomy '{taxonomy.name}', which has {wanted}")
