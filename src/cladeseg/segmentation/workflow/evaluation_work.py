"""Score one case and keep what its page may show: what an evaluation does with each case, in whatever process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cladeseg.segmentation.engines import Labeller, score_case
from cladeseg.segmentation.pages import keep_evaluated
from cladeseg.taxonomy import Taxonomy


@dataclass(frozen=True)
class EvaluationWork:
    """Callable with a case of the datalist.

    Args:
        predictor: from image file to label; goes to other processes.
        folder: of the evaluation, as an absolute path.
        taxonomy: the label tree.
        label_convention: file convention of the labels and of the predictor.
        tolerance_mm: of the normalised surface distance.
        lesion_wise: also score lesion by lesion.
    """

    predictor: Labeller
    folder: Path
    taxonomy: Taxonomy
    label_convention: str
    tolerance_mm: float = 2.0
    lesion_wise: bool = False

    def __call__(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """Score a case.

        Returns:
            ``scores``, see :meth:`cladeseg.segmentation.engines.Evaluation.content`, and ``page``, see
            :func:`cladeseg.segmentation.pages.keep_evaluated`.

        Raises:
            DataError: a file cannot be used; the message names it.
        """
        scores, seen = score_case(
            self.predictor,
            case,
            self.taxonomy,
            self.label_convention,
            tolerance_mm=self.tolerance_mm,
            lesion_wise=self.lesion_wise,
        )
        return {"scores": scores.content(), "page": keep_evaluated(self.folder, seen, self.taxonomy)}
