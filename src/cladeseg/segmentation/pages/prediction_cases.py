"""What a prediction keeps for its quality control, case by case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import label as components_of

from cladeseg.files import write_json
from cladeseg.segmentation.inferers import Prediction
from cladeseg.segmentation.pages.page_record import CASES, FORMAT, RECORD, read_record, tree_content
from cladeseg.segmentation.pages.stored_case import keep_case, probabilities_in, structure_box, write_case
from cladeseg.taxonomy import Taxonomy

#: Folder inside that of the masks.
FOLDER = "qc"
#: Cases whose pictures are kept; the table lists all.
_MOST_CASES = 40


class PredictionCases:
    """Keeps what the page of quality control shows of each predicted case.

    Args:
        out: folder of the masks.
        taxonomy: the label tree.
        facts: what the page's head says.
        going_on: keep the cases that an earlier run left there.
    """

    def __init__(self, out: Path, taxonomy: Taxonomy, facts: Mapping[str, Any], *, going_on: bool = False) -> None:
        self.folder = out / FOLDER
        self.taxonomy = taxonomy
        self.facts = dict(facts)
        earlier = read_record(self.folder)[0]["cases"] if going_on and (self.folder / RECORD).is_file() else []
        self._cases: dict[str, dict[str, Any]] = {case["name"]: case for case in earlier}

    def add(self, name: str, image: np.ndarray, found: Prediction) -> None:
        """Keep one case and write the record, so that an interrupted run loses nothing.

        Args:
            name: of the case.
            image: (x, y, z) intensities.
            found: its prediction.
        """
        tree, affine = self.taxonomy, np.asarray(found.label.affine, dtype=float)
        nodes = _nodes(found, tree)
        box = structure_box([nodes], affine, tree)
        probabilities = probabilities_in(found, box)
        number = len(self._cases)
        row: dict[str, Any] = {"name": name, "file": f"{number:04d}.npz" if number < _MOST_CASES else None}
        if row["file"]:
            kept = keep_case(image, nodes, affine, tree, box=box, probabilities=probabilities)
            write_case(kept, self.folder / CASES / row["file"])
        row["nodes"] = _measures(nodes[box], found.voxel_ml, tree)
        row["uncertainty"] = _mean_uncertainty(probabilities, nodes[box], tree)
        self._cases[name] = row
        self.finish({})

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Write the record, with what else the head of the page says."""
        self.facts |= facts
        tree = self.taxonomy
        content = {"format": FORMAT, "kind": "prediction", "taxonomy": tree_content(tree), **self.facts}
        write_json({**content, "cases": list(self._cases.values())}, self.folder / RECORD)


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
