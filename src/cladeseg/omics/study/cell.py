"""One cell of the study: all methods on one draw of labels, trained once and scored under every condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from cladeseg.classes import FIRST_CLASS, class_tree, leaf_columns, node_names
from cladeseg.omics.baselines import BASELINES, TrainingRows, run_baseline
from cladeseg.omics.data import OmicsCohort, draw_labels, hide_below, read_dataset
from cladeseg.omics.model import FittedBlocks, ModelOptions, OmicsFit, OmicsModel, Scores, fit_blocks, top_features
from cladeseg.omics.study.conditions import Values, stress_conditions
from cladeseg.statistics import class_reliability, class_scores

OURS = "ours"
#: Trained on the patients alone whose class is known.
DROPPED = "ours, others dropped"
#: Conditions of ablations, beside missing omics.
FEW = ("clean", "noise 0.5 SD", "masked 50%")
#: Baselines that take a second; the others take ten.
LINEAR = ("lr", "pca_lr", "graph_lr", "tuned_graph_lr", "distilled_lr", "completed_lr")
#: Fits of six seconds, which are not repeated for each missing omics.
_SLOWEST = ("mogonet",)
_WITH_EMBEDDING = ("standardised", "contrastive")


@dataclass(frozen=True)
class CellKey:
    """Which cell.

    Attributes:
        share: of the training labels that are shown.
        draw: of the labels.
        seed: of the split.
        coarse: share of the others that show their superclass.
        part: ``"main"``, ours and the linear baselines; ``"slow"``, the other baselines; ``"ablations"``, ours with one
            part changed each.
    """

    share: float
    draw: int
    seed: int = 0
    coarse: float = 0.0
    part: str = "main"

    @property
    def name(self) -> str:
        """Name of the cell's file."""
        coarse = f"_coarse-{self.coarse:g}" if self.coarse else ""
        return f"{self.part}_seed-{self.seed}_share-{self.share:g}{coarse}_draw-{self.draw}"


@dataclass(frozen=True)
class StudyPlan:
    """What all cells have in common.

    Attributes:
        dataset_dir: the data.
        tree: file of the class tree; ``None`` for a flat one.
        test: share of held-out patients.
        options: of ours.
    """

    dataset_dir: str
    tree: str | None
    test: float = 0.25
    options: ModelOptions = field(default_factory=ModelOptions)


def arms(options: ModelOptions) -> dict[str, ModelOptions]:
    """Ours with one part changed each; those that add pre-training replace what the others leave out."""
    linear = replace(options.contrast, encoder="linear")
    return {
        "ours, no confidence": replace(options, confidence=False),
        "ours, no unlabelled patients": replace(options, unlabelled=False),
        "ours, no completion": replace(options, complete=False),
        "ours, no graph": replace(options, strength=0.0),
        "ours, soft targets": replace(options, targets="soft"),
        "ours, teacher without class frequencies": replace(options, prior=0.0),
        "ours, pairs teach by confidence difference": replace(
            options, pair_weight=1.0, taught_weight=0.0, self_weight=0.0
        ),
        "ours + pre-training (GCN)": replace(options, blocks=_WITH_EMBEDDING),
        "ours + pre-training (linear)": replace(options, blocks=_WITH_EMBEDDING, contrast=linear),
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
    few = {n: x for n, x in conditions.items() if n in FEW or n.startswith("without")}
    if key.part == "slow":
        slow = [name for name in BASELINES if name not in LINEAR]
        return [row for name in slow for row in _baseline(name, training, conditions, classes, key.draw)]
    if key.part == "ablations":
        return _ablations(plan.options, training, few, classes)
    rows = _ours(OURS, plan.options, training, conditions, classes)
    if key.coarse:
        known = training.take(np.flatnonzero(_class_known(training)))
        return rows + _ours(DROPPED, plan.options, known, few, classes)
    return rows + [row for name in LINEAR for row in _baseline(name, training, conditions, classes, key.draw)]


def _ours(
    name: str, options: ModelOptions, training: OmicsCohort, conditions: Mapping[str, Values], classes: np.ndarray
) -> list[dict[str, Any]]:
    """All conditions are predicted together: nobody changes what another patient gets."""
    possible = leaf_columns(training.tree)[training.labels]
    fit = OmicsFit(training.values, possible, options, _blocks(training, options))
    model = fit.run()
    rows = _rows(name, model, conditions, classes)
    if name == OURS:
        rows[0]["features"] = _speaking(model, training)
    if name == OURS and fit.untaught is not None:
        rows += _rows(f"{OURS}, no distillation", fit.untaught, conditions, classes)
    return rows


def _ablations(
    options: ModelOptions, training: OmicsCohort, conditions: Mapping[str, Values], classes: np.ndarray
) -> list[dict[str, Any]]:
    """Arms that differ in teaching alone share one fit to labels."""
    possible = leaf_columns(training.tree)[training.labels]
    fit = OmicsFit(training.values, possible, options, _blocks(training, options))
    fit.run()
    rows = []
    for name, one in arms(options).items():
        if options.same_labels_fit(one):
            rows += _rows(name, fit.taught_otherwise(one), conditions, classes)
        else:
            rows += _ours(name, one, training, conditions, classes)
    return rows


def _speaking(model: OmicsModel, training: OmicsCohort) -> dict[str, list[str]]:
    """Node → the features that speak most for it."""
    tree = training.tree
    members = leaf_columns(tree)[FIRST_CLASS : tree.root]
    table = top_features(model, training.values, members, node_names(tree), training.features)
    return {node: [f"{row.omics} {row.feature}" for row in one.itertuples()] for node, one in table.groupby("node")}


def _rows(name: str, model: OmicsModel, conditions: Mapping[str, Values], classes: np.ndarray) -> list[dict[str, Any]]:
    predicted = model.predict_scores(_scores(model, conditions))
    parts = np.split(np.exp(predicted.log_p), len(conditions))
    rows = [_scored(name, n, p, classes) for n, p in zip(conditions, parts, strict=True)]
    for i, omics in enumerate(model.omics):
        own = np.exp(predicted.of_omics[: len(classes), i])
        rows.append(
            {"method": f"{name}: {omics} head", "condition": next(iter(conditions)), **class_scores(own, classes)}
        )
    return rows


def _scored(method: str, condition: str, p: np.ndarray, classes: np.ndarray) -> dict[str, Any]:
    """Scores, and without stress the reliability by tenth, from which calibration is pooled over draws."""
    row = {"method": method, "condition": condition, **class_scores(p, classes)}
    if condition == "clean":
        row["bins"] = [[b["patients"], b["probability"], b["right"]] for b in class_reliability(p, classes)]
    return row


def _together(conditions: Mapping[str, Values]) -> Values:
    omics = next(iter(conditions.values()))
    return {name: np.vstack([values[name] for values in conditions.values()]) for name in omics}


def _baseline(
    name: str, training: OmicsCohort, conditions: Mapping[str, Values], classes: np.ndarray, seed: int
) -> list[dict[str, Any]]:
    """Conditions with the same omics share one training."""
    labels = np.where(_class_known(training), training.labels - FIRST_CLASS, -1)
    rows = TrainingRows(training.values, labels, leaf_columns(training.tree).shape[1])
    if name in _SLOWEST:
        conditions = {n: x for n, x in conditions.items() if not n.startswith("without")}
    whole = {n: x for n, x in conditions.items() if not n.startswith("without")}
    found = []
    for group in [whole, *({n: x} for n, x in conditions.items() if n not in whole)]:
        parts = np.split(run_baseline(name, rows, _together(group), seed=seed), len(group))
        found += [_scored(name, n, p, classes) for n, p in zip(group, parts, strict=True)]
    return found


def _class_known(training: OmicsCohort) -> np.ndarray:
    """Bool (N,)."""
    return (training.labels >= FIRST_CLASS) & (training.labels < training.tree.num_leaves)


@lru_cache(maxsize=4)
def _cohort(dataset_dir: str, tree: str | None) -> OmicsCohort:
    return read_dataset(dataset_dir, None if tree is None else class_tree(tree), need_labels=True)


_FITTED: dict[Any, FittedBlocks] = {}
_SCORED: dict[Any, Scores] = {}


def _blocks(training: OmicsCohort, options: ModelOptions) -> FittedBlocks:
    """Blocks see no label, so that all draws of one split share them."""
    key = (training.patients, options.forms, options.components, options.contrast)
    if key not in _FITTED:
        _FITTED[key] = fit_blocks(training.values, options)
    return _FITTED[key]


def _scores(model: OmicsModel, conditions: Mapping[str, Values]) -> Scores:
    """Scores of the test patients under all conditions; draws of one split share them."""
    # The blocks stay in _FITTED, so that no other ones get their identity.
    key = (tuple(id(block) for block in model.blocks.values()), tuple(conditions))
    if key not in _SCORED:
        _SCORED[key] = model.scores_of(_together(conditions))
    return _SCORED[key]
