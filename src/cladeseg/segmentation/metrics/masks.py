"""The masks of a structure in two node maps: where it is, the size of its voxels in mm, and how far they overlap."""

from __future__ import annotations

import numpy as np
from nibabel.affines import voxel_sizes

from cladeseg.files import DataError
from cladeseg.segmentation.metrics.record import Status
from cladeseg.taxonomy import Taxonomy

_STATUS: dict[tuple[bool, bool], Status] = {
    (True, True): "ok",
    (False, False): "both_empty",
    (False, True): "missed",
    (True, False): "spurious",
}


def check_maps(case: str, predicted: np.ndarray, truth: np.ndarray, taxonomy: Taxonomy) -> None:
    """Refuse node maps that cannot be compared.

    Raises:
        DataError: shapes differ or are not (x, y, z), or values are not node indices; the message names the case.
    """
    if predicted.shape != truth.shape or truth.ndim != 3:
        raise DataError(
            f"{case}: prediction {predicted.shape} and truth {truth.shape} must be (x, y, z) of the same shape"
        )
    for what, nodes in (("prediction", predicted), ("truth", truth)):
        if not np.issubdtype(nodes.dtype, np.integer):
            raise DataError(f"{case}: {what} holds {nodes.dtype}, not node indices")
        if nodes.size and not 0 <= nodes.min() <= nodes.max() < taxonomy.num_nodes:
            raise DataError(
                f"{case}: {what} holds {nodes.min()}…{nodes.max()}; nodes of '{taxonomy.name}' are "
                f"0…{taxonomy.num_nodes - 1}"
            )


def inside(nodes: np.ndarray, v: int, taxonomy: Taxonomy) -> np.ndarray:
    """Bool mask, of the shape of the node map, of the voxels known to lie inside node ``v``.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> inside(np.array([tree.index(name) for name in ("ventricle", "heart", "root")]), tree.index("heart"), tree)
        array([ True,  True, False])
    """
    return taxonomy.contains[v].numpy()[nodes]


def annotated_nodes(truth: np.ndarray, taxonomy: Taxonomy) -> list[int]:
    """Structures whose outline the truth determines: no voxel is labelled with a strict ancestor of them.

    The root and the background are no structures and are left out.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> outline = np.array([tree.background, tree.index("heart")])
        >>> [tree.names[v] for v in annotated_nodes(outline, tree)]
        ['heart']
    """
    present = set(np.unique(truth).tolist())
    return [v for v in range(1, taxonomy.root) if present.isdisjoint(taxonomy.path(v)[:-1])]


def status_of(prediction: np.ndarray, truth: np.ndarray) -> Status:
    """Which of two bool masks hold any voxel."""
    return _STATUS[bool(prediction.any()), bool(truth.any())]


def spacing_of(case: str, affine: np.ndarray) -> list[float]:
    """Voxel edge lengths in mm along x, y, z from a (4, 4) affine voxel → mm.

    Raises:
        DataError: the affine is not finite or flattens a voxel; the message starts with the case.
    """
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not (voxel_sizes(matrix) > 0).all():
        raise DataError(f"{case}: {matrix.tolist()} is not a (4, 4) affine with voxels of positive size")
    return voxel_sizes(matrix).tolist()


def dice(prediction: np.ndarray, truth: np.ndarray) -> float | None:
    """Dice coefficient 2|P∩T| / (|P| + |T|) of two bool masks of one shape; ``None`` if both are empty.

    Example:
        >>> prediction, truth = np.array([True, True, False]), np.array([False, True, True])
        >>> dice(prediction, truth)
        0.5
        >>> dice(prediction[:0], truth[:0]) is None
        True
    """
    total = np.count_nonzero(prediction) + np.count_nonzero(truth)
    return float(2 * np.count_nonzero(prediction & truth) / total) if total else None


def iou(prediction: np.ndarray, truth: np.ndarray) -> float | None:
    """Jaccard index |P∩T| / |P∪T| of two bool masks of one shape; ``None`` if both are empty.

    Example:
        >>> iou(np.array([True, True, False, False]), np.array([False, True, True, True]))
        0.25
    """
    union = np.count_nonzero(prediction | truth)
    return float(np.count_nonzero(prediction & truth) / union) if union else None
