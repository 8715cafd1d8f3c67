"""Evaluate a predictor on the cases' own grids, against their labels as they lie on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from torch import Tensor
from tqdm import tqdm

from cladeseg.segmentation.data import ImageFiles, volume_files
from cladeseg.segmentation.inferers import Prediction, Predictor
from cladeseg.segmentation.metrics import (
    HierarchyRecord,
    Record,
    evaluate_case,
    hierarchy_of_case,
    lesion_records,
    nesting_violations,
)
from cladeseg.taxonomy import Taxonomy
from cladeseg.volumes import read_volume


class Labeller(Protocol):
    """Whatever labels an image on its own grid, such as a :class:`~cladeseg.segmentation.inferers.Predictor`."""

    def __call__(self, image: ImageFiles, /) -> Tensor:
        """Integers (1, x, y, z) of a label convention."""


@dataclass
class Evaluation:
    """What was measured: one record per (case, node, metric).

    Attributes:
        records: overlap and distance metrics.
        hierarchy: child-given-correct-parent.
        nesting_violations: voxels where a structure leaves its parent, over all cases.
        patients: case → patient.
    """

    records: list[Record] = field(default_factory=list)
    hierarchy: list[HierarchyRecord] = field(default_factory=list)
    nesting_violations: int = 0
    patients: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EvaluatedCase:
    """One case as it was scored.

    Attributes:
        name: of the case.
        image: (x, y, z) intensities; of several channels the first that is there.
        affine: (4, 4) voxel → RAS mm.
        truth: (x, y, z) node indices.
        prediction: (x, y, z) node indices.
        found: what the prediction was taken from; ``None`` where the predictor gives labels alone.
    """

    name: str
    image: np.ndarray
    affine: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    found: Prediction | None = None


def evaluate(
    predictor: Labeller,
    cases: Sequence[Mapping[str, Any]],
    taxonomy: Taxonomy,
    label_convention: str,
    *,
    tolerance_mm: float = 2.0,
    lesion_wise: bool = False,
    progress: bool = True,
    on_case: Callable[[EvaluatedCase], None] | None = None,
) -> Evaluation:
    """Predict and score every case.

    Args:
        predictor: from image file to label on the image's grid, in ``label_convention``.
        cases: with ``case``, ``patient``, ``image`` (a path, or a list with one per channel) and ``label``.
        taxonomy: the label tree.
        label_convention: file convention of the labels and of the predictor.
        tolerance_mm: of the normalised surface distance.
        lesion_wise: also score lesion by lesion, see :func:`cladeseg.segmentation.metrics.lesion_records`.
        progress: show a bar with the time left.
        on_case: called with each case, e.g. to draw a picture.

    Raises:
        DataError: a file cannot be used; the message names it.
    """
    result = Evaluation()
    for case in tqdm(cases, desc="evaluating", unit="case", disable=not progress):
        label = read_volume(case["label"])
        truth = taxonomy.to_nodes(label.voxels, label_convention, source=str(case["label"]))
        found = predictor.predict(case["image"]) if isinstance(predictor, Predictor) else None
        mask = predictor(case["image"]) if found is None else found.label
        predicted = taxonomy.to_nodes(mask[0].cpu().numpy(), label_convention, source="prediction")
        name = case["case"]
        result.patients[name] = case["patient"]
        result.records += evaluate_case(
            name, predicted, truth, taxonomy, affine=label.grid.affine, tolerance_mm=tolerance_mm
        )
        if lesion_wise:
            result.records += lesion_records(name, predicted, truth, taxonomy, affine=label.grid.affine)
        result.hierarchy += hierarchy_of_case(name, predicted, truth, taxonomy)
        result.nesting_violations += nesting_violations(taxonomy.contains.numpy()[:, predicted], taxonomy)
        if on_case is not None:
            image = _first_channel(case["image"])
            on_case(EvaluatedCase(name, image, label.grid.affine, truth, predicted, found))
    return result


def _first_channel(image: ImageFiles) -> np.ndarray:
    """Voxels (x, y, z) of the first channel that is there."""
    voxels = read_volume(volume_files(image)[0]).voxels
    return voxels if voxels.ndim == 3 else voxels[..., 0]
