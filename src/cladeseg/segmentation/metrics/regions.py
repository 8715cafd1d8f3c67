"""What a node map says about a structure: where it is, and whether the map can tell at all."""

from __future__ import annotations

import numpy as np

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
    """Bool mask, of the shape of the node map, of the voxels known to lie inside node ``v``."""
    return taxonomy.contains[v].numpy()[nodes]


def annotated_nodes(truth: np.ndarray, taxonomy: Taxonomy) -> list[int]:
    """Structures whose outline the truth determines: no voxel is labelled with a strict ancestor of them.

    The root and the background are no structures and are left out.
    """
    present = set(np.unique(truth).tolist())
    return [v for v in range(1, taxonomy.root) if present.isdisjoint(taxonomy.path(v)[:-1])]


def status_of(prediction: np.ndarray, truth: np.ndarray) -> Status:
    """Which of two bool masks hold any voxel."""
    return _STATUS[bool(prediction.any()), bool(truth.any())]
