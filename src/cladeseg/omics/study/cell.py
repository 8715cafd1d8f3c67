"""One cell of the study: all methods on one draw of labels, trained once and scored under every condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from cladeseg.omics.baselines import BASELINES, TrainingRows, run_baseline
from cladeseg.omics.data import OmicsCohort, draw_labels, hide_below, leaf_columns, read_dataset
from cladeseg.omics.data.class_tree import FIRST_CLASS, class_tree
from cladeseg.omics.metrics import class_scores
from cladeseg.omics.model import ModelOptions, OmicsFit, OmicsModel, fit_blocks
from cladeseg.omics.study.conditions import Values, stress_conditions

OURS = "ours"
_ALL_BLOCKS = ("raw", "standardised", "contrastive")


@dataclass(frozen=True)
class CellKey:
    """Which cell.

    Attributes:
        share: of the training labels that are shown.
        draw: of the labels.
        seed: of the split.
        coarse: share of the others that show their superclass.
    """

    share: float
    draw: int
    seed: int = 0
    coarse: float = 0.0

    @property
    def name(self) -> str:
        """Name of the cell's file."""
        coarse = f"_coarse-{self.coarse:g}" if self.coarse else ""
        return f"seed-{self.seed}_share-{self.share:g}{coarse}_draw-{self.draw}"


@dataclass(frozen=True)
class StudyPlan:
    """What all cells have in common.

    Attributes:
        dataset_dir: the data.
        tree: file of the class tree; ``None`` for a flat one.
        test: share of held-out patients.
        options: of ours.
        ablations: whether ours is also fitted with one part changed each.
        baselines: their names.
    """

    dataset_dir: str
    tree: str | None
    test: float = 0.25
    options: ModelOptions = ModelOptions()
    ablations: bool = True
    baselines: tuple[str, ...] = BASELINES


def arms(options: ModelOptions) -> dict[str, ModelOptions]:
    """Ours with one part changed each; those that add pre-training replace what the others leave out."""
    linear = replace(options.contrast, encoder="linear")
    return {
        "ours, no distillation": replace(options, rounds=0),
        "ours, no confidence": replace(options, confidence=False),
        "ours, no unlabelled patients": replace(options, unlabelled=False),
        "ours, no graph": replace(options, strengths=(0.0,)),
        "ours, soft targets": replace(options, targets="soft"),
        "ours + pre-training (GCN)": replace(options, blocks=_ALL_BLOCKS),
        "ours + pre-training (linear)": replace(options, blocks=_ALL_BLOCKS, contrast=linear),
    }


def run_cell(plan: StudyPlan, key: CellKey) -> list[dict[str, Any]]:
    """Rows of method, condition and scores.

    Raises:
        DataError: the data cannot be used.
    """
    cohort = _cohort(plan.dataset_dir, plan.tree)
    drawn = draw_labels(
        cohort, test=plan.test, label_share=key.share, coarse_share=key.coarse, seed=key.seed, draw=key.draw
    )
    training, test = hide_below(cohort, drawn), cohort.take(cohort.rows(drawn.test))
    classes = test.labels - FIRST_CLASS
    conditions = stress_conditions(training.values, test.values, key.seed)
    rows = _ours(plan, training, conditions, classes)
    if not key.coarse:
        rows += [row for name in plan.baselines for row in _baseline(name, training, conditions, classes, key.draw)]
    return rows


def _ours(plan: StudyPlan, training: OmicsCohort, conditions: Mapping[str, Values], classes: np.ndarray) -> list[dict[str, Any]]:
    possible = leaf_columns(training.tree)[training.labels]
    found = []
    methods = {OURS: plan.options, **(arms(plan.options) if plan.ablations else {})}
    for name, options in methods.items():
        model = OmicsFit(training.values, possible, options, _blocks(training, options)).run()
        few = conditions if name == OURS else {n: x for n, x in conditions.items() if n == "clean" or n.startswith("without")}
        found += [row for n, x in few.items() for row in _model_rows(name, n, model, x, classes)]
    return found


def _model_rows(name: str, condition: str, model: OmicsModel, values: Values, classes: np.ndarray) -> list[dict[str, Any]]:
    predicted = model.predict(values)
    rows = [{"method": name, "condition": condition, **class_scores(np.exp(predicted.log_p), classes)}]
    if condition == "clean":
        rows += [
            {"method": f"{name}: {omics} head", "condition": condition, **class_scores(np.exp(predicted.of_omics[:, i]), classes)}
            for i, omics in enumerate(model.omics)
        ]
    return rows


def _baseline(
    name: str, training: OmicsCohort, conditions: Mapping[str, Values], classes: np.ndarray, seed: int
) -> list[dict[str, Any]]:
    """Conditions with the same omics share one training: their patients are predicted together."""
    labels = np.where((training.labels >= FIRST_CLASS) & (training.labels < training.tree.num_leaves), training.labels - FIRST_CLASS, -1)
    rows = TrainingRows(training.values, labels, leaf_columns(training.tree).shape[1])
    whole = [n for n in conditions if not n.startswith("without")]
    groups = [whole, *([n] for n in conditions if n.startswith("without"))]
    found = []
    for group in groups:
        values = {omics: np.vstack([conditions[n][omics] for n in group]) for omics in training.omics}
        parts = np.split(run_baseline(name, rows, values, seed=seed), len(group))
        found += [{"method": name, "condition": n, **class_scores(p, classes)} for n, p in zip(group, parts, strict=True)]
    return found


@lru_cache(maxsize=4)
def _cohort(dataset_dir: str, tree: str | None) -> OmicsCohort:
    return read_dataset(dataset_dir, None if tree is None else class_tree(tree), need_labels=True)


_FITTED: dict[Any, Any] = {}


def _blocks(training: OmicsCohort, options: ModelOptions) -> Any:
    """Blocks see no label, so that all draws of one split share them."""
    key = (training.patients, options.blocks, options.components, options.contrast)
    if key not in _FITTED:
        _FITTED[key] = fit_blocks(training.values, options)
    return _FITTED[key]
