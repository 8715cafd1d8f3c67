"""Evaluate a predictor on the cases' own grids, against their labels as they lie on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
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

    def add(self, other: Evaluation) -> None:
        """Take in what was measured of other cases."""
        self.records += other.records
        self.hierarchy += other.hierarchy
        self.nesting_violations += other.nesting_violations
        self.patients |= other.patients

    def content(self) -> dict[str, Any]:
        """The same as plain values, which :meth:`of` reads."""
        return asdict(self)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Evaluation:
        """What :meth:`content` gave, also after a way through a JSON file.

        Raises:
            TypeError, KeyError: it is something else.
        """
        return cls(
            records=[Record(**one) for one in content["records"]],
            hierarchy=[HierarchyRecord(**one) for one in content["hierarchy"]],
            nesting_violations=content["nesting_violations"],
            patients=dict(content["patients"]),
        )


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

    Raises:
        DataError: a file cannot be used; the message names it.
    """
    result = Evaluation()
    options: dict[str, Any] = {"tolerance_mm": tolerance_mm, "lesion_wise": lesion_wise}
    for case in tqdm(cases, desc="evaluating", unit="case", disable=not progress):
        result.add(score_case(predictor, case, taxonomy, label_convention, **options)[0])
    return result


def score_case(
    predictor: Labeller,
    case: Mapping[str, Any],
    taxonomy: Taxonomy,
    label_convention: str,
    *,
    tolerance_mm: float = 2.0,
    lesion_wise: bool = False,
) -> tuple[Evaluation, EvaluatedCase]:
    """Predict and score one case; see :func:`evaluate`.

    Raises:
        DataError: a file cannot be used; the message names it.
    """
    label = read_volume(case["label"])
    truth = taxonomy.to_nodes(label.voxels, label_convention, source=str(case["label"]))
    found = predictor.predict(case["image"]) if isinstance(predictor, Predictor) else None
    mask = predictor(case["image"]) if found is None else found.label
    predicted = taxonomy.to_nodes(mask[0].cpu().numpy(), label_convention, source="prediction")
    name, affine = case["case"], label.grid.affine
    result = Evaluation(patients={name: case["patient"]})
    result.records += evaluate_case(name, predicted, truth, taxonomy, affine=affine, tolerance_mm=tolerance_mm)
    if lesion_wise:
        result.records += lesion_records(name, predicted, truth, taxonomy, affine=affine)
    result.hierarchy += hierarchy_of_case(name, predicted, truth, taxonomy)
    result.nesting_violations += nesting_violations(taxonomy.contains.numpy()[:, predicted], taxonomy)
    return result, EvaluatedCase(name, _first_channel(case["image"]), affine, truth, predicted, found)


def _first_channel(image: ImageFiles) -> np.ndarray:
    """Voxels (x, y, z) of the first channel that is there."""
    voxels = read_volume(volume_files(image)[0]).voxels
    return voxels if voxels.ndim == 3 else voxels[..., 0]
