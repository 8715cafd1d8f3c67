"""What a prediction keeps for its quality control, case by case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import label as components_of

from cladeseg.files import write_json
from cladeseg.segmentation.inferers import Prediction
from cladeseg.segmentation.pages.page_record import CASES, FORMAT, RECORD, tree_content
from cladeseg.segmentation.pages.stored_case import keep_case, probabilities_in, structure_box, write_case
from cladeseg.taxonomy import Taxonomy

#: Folder inside that of the masks.
FOLDER = "qc"
#: Cases whose pictures are kept; the table lists all.
MOST_PICTURED = 40


def keep_prediction(
    out: Path, name: str, image: np.ndarray, found: Prediction, taxonomy: Taxonomy, *, pictured: bool = True
) -> dict[str, Any]:
    """Keep what the page shows of one case, and say what its table does.

    Args:
        out: folder of the masks.
        name: of the case.
        image: (x, y, z) intensities.
        found: its prediction.
        taxonomy: the label tree.
        pictured: whether its volumes are kept.

    Returns:
        The case's entry of the page's record.
    """
    affine = np.asarray(found.label.affine, dtype=float)
    nodes = _nodes(found, taxonomy)
    box = structure_box([nodes], affine, taxonomy)
    probabilities = probabilities_in(found, box)
    file = f"{sha256(name.encode()).hexdigest()[:16]}.npz" if pictured else None
    if file is not None:
        kept = keep_case(image, nodes, affine, taxonomy, box=box, probabilities=probabilities)
        write_case(kept, out / FOLDER / CASES / file)
    measures = _measures(nodes[box], found.voxel_ml, taxonomy)
    uncertainty = _mean_uncertainty(probabilities, nodes[box], taxonomy)
    return {"name": name, "file": file, "nodes": measures, "uncertainty": uncertainty}


def record_predictions(
    out: Path, taxonomy: Taxonomy, cases: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
) -> None:
    """Write the record of the page.

    Args:
        out: folder of the masks.
        taxonomy: the label tree.
        cases: entries of :func:`keep_prediction`.
        facts: what the page's head says.

    Raises:
        DataError: it cannot be written.
    """
    content = {"format": FORMAT, "kind": "prediction", "taxonomy": tree_content(taxonomy), **facts}
    write_json({**content, "cases": list(cases)}, out / FOLDER / RECORD)


def _nodes(found: Prediction, taxonomy: Taxonomy) -> np.ndarray:
    label = found.label.as_tensor()[0].cpu().numpy()
    nodes = np.zeros(label.shape, taxonomy.node_dtype)
    for leaf, value in enumerate(found.values):
        nodes[label == value] = leaf
    return nodes


def _measures(nodes: np.ndarray, voxel_ml: float, taxonomy: Taxonomy) -> dict[str, dict[str, float]]:
    """Volume and number of face-connected components of each structure."""
    measures = {}
    for v in range(1, taxonomy.root):
        mask = taxonomy.contains[v].numpy()[nodes]
        measures[taxonomy.names[v]] = {
            "volume_ml": float(mask.sum() * voxel_ml),
            "components": int(components_of(mask)[1]),
        }
    return measures


def _mean_uncertainty(probabilities: np.ndarray, nodes: np.ndarray, taxonomy: Taxonomy) -> float | None:
    """One minus the probability of the most probable leaf, averaged over the voxels of structures."""
    held = nodes != taxonomy.background
    return float(1 - probabilities.max(axis=0)[held].mean()) if held.any() else None
