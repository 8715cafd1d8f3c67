"""How well weights divide the fine cases that they were trained on: whether a low test score is one of the method."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from cladeseg.segmentation.data import cases_of, load_datalist, volume_files
from cladeseg.segmentation.engines import Labeller, evaluate
from cladeseg.segmentation.metrics import summarise
from cladeseg.segmentation.workflow.held_out import split_of
from cladeseg.taxonomy import FINE, Taxonomy

logger = logging.getLogger(__name__)

#: Fine training cases that are scored; the first ones, as more would say the same.
MAX_CASES = 4
#: Mean leaf Dice on these below which a training has not learnt what it was shown.
TRAINED = 0.75


class TrainedLabeller(Labeller, Protocol):
    """A labeller that was trained.

    Attributes:
        weights: a file beside which the split lies that it was trained with.
    """

    weights: Path


def training_fit(
    predictor: TrainedLabeller, dataset_dir: str | Path, taxonomy: Taxonomy, label_convention: str
) -> dict[str, Any]:
    """Score weights on a few of the finely labelled cases that they were trained on.

    Args:
        predictor: with these weights; the split beside the weights says which cases those are.
        dataset_dir: folder of the data that the weights were trained on.
        taxonomy: the label tree.
        label_convention: of the labels and of the predictor.

    Returns:
        ``cases``: how many were scored, and ``dice``: the mean over their leaves' means; nothing where the weights'
        split or their fine training cases are not there.

    Raises:
        DataError: a case cannot be used; the message names its file.
    """
    split = split_of(predictor.weights)
    cases = [] if split is None else _fine_cases(cases_of(load_datalist(split), "training", dataset_dir))
    if not cases:
        return {}
    found = evaluate(predictor, cases, taxonomy, label_convention, progress=False)
    summary = summarise(
        found.records,
        taxonomy,
        patients=found.patients,
        nesting_violations=found.nesting_violations,
        tolerance_mm=0.0,
        resamples=1,
    )
    fit = {"cases": len(cases), "dice": summary["mean_leaf"]["dice"]}
    if fit["dice"] is not None and fit["dice"] < TRAINED:
        logger.warning(
            "%s: mean leaf Dice %.3f on its own fine training cases; train for longer before judging the method",
            predictor.weights,
            fit["dice"],
        )
    return fit


def _fine_cases(cases: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    fine = [case for case in cases if case["supervision"] == FINE]
    return [case for case in fine if all(Path(file).is_file() for file in _files(case))][:MAX_CASES]


def _files(case: Mapping[str, Any]) -> list[Any]:
    return [*volume_files(case["image"]), case["label"]]
