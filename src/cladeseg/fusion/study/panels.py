"""Fusion beside single modalities as the genes become fewer, and with images that belong to other patients.

Each fold of each condition is a task of its own, so that a killed study goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cladeseg.classes import FIRST_CLASS, class_names, class_tree, flat_class_tree
from cladeseg.cohort import cross_folds
from cladeseg.files import DataError, read_json
from cladeseg.fusion.baselines import BASELINES, GENE_ROWS, IMAGE_ROWS, OURS, chosen_baselines, method_probabilities
from cladeseg.fusion.data import FusionCohort, read_fusion_dataset
from cladeseg.fusion.features import ImageSettings
from cladeseg.fusion.fitting import FitSettings, GeneSettings, fit_fusion
from cladeseg.fusion.workflow.cross_validation import split_folds
from cladeseg.statistics import SCORES, FoldBootstrap
from cladeseg.tasks import Task

#: Panels by name; ``all`` takes every gene, ``none`` hides expression.
ALL, NONE = "all", "none"
PANELS = (ALL, "50", "10", NONE)
#: Whose images a patient has.
OWN, OTHERS = "own", "others"
#: Labels: the classes as they are, or merged into fewer.
CLASSES, MERGED = "classes", "merged"
_DIGITS = 6


class Condition(NamedTuple):
    """One condition in one fold.

    Attributes:
        task: ``classes`` or ``merged``.
        panel: of :data:`PANELS`, or another number of genes.
        images: ``own``, or ``others``: those of another patient, which cannot tell anything.
        fold: that is tested.
    """

    task: str
    panel: str
    images: str
    fold: int

    @property
    def name(self) -> str:
        """Of its file."""
        return "_".join(map(str, self))


@dataclass(frozen=True)
class PanelStudy:
    """What all conditions share; computes one of them when called.

    Attributes:
        dataset_dir: see :func:`~cladeseg.fusion.data.read_fusion_dataset`.
        cache_dir: of features.
        tree: file of the class tree; empty for a flat one.
        merged: name → classes that it stands for; patients of other classes are left out of this task.
        folds: of the cross-validation.
        settings: of every fit but for the panel.
    """

    dataset_dir: str
    cache_dir: str
    tree: str = ""
    merged: Mapping[str, Sequence[str]] = field(default_factory=dict)
    folds: int = 5
    settings: FitSettings = field(default_factory=FitSettings)

    def conditions(self, panels: Sequence[str] = PANELS) -> list[Condition]:
        """All of them; images of others only where there is expression to be misled from, at most and at fewest."""
        tasks = [CLASSES, *([MERGED] if self.merged else [])]
        genes = [panel for panel in panels if panel != NONE]
        misled = dict.fromkeys(genes[:1] + genes[-1:])
        pairs = [*((panel, OWN) for panel in panels), *((panel, OTHERS) for panel in misled)]
        return [Condition(task, *pair, fold) for task in tasks for pair in pairs for fold in range(self.folds)]

    def tasks(self, conditions: Sequence[Condition], folder: Path) -> list[Task]:
        """One for each condition."""
        return [Task(one.name, one, folder / f"{one.name}.json") for one in conditions]

    def cohort(self, task: str) -> FusionCohort:
        """The labelled patients of a task.

        Raises:
            DataError: the data cannot be used, or hold no patient of the merged classes.
        """
        whole = _read(self.dataset_dir, self.cache_dir, self.tree)
        return whole.take(np.flatnonzero(whole.classes >= 0)) if task == CLASSES else merged_cohort(whole, self.merged)

    def __call__(self, argument: Condition) -> dict[str, Any]:
        """Patients, true classes, and each method's probabilities."""
        condition = Condition(*argument)
        cohort = with_images(self.cohort(condition.task), condition.images, seed=self.settings.seed)
        if condition.panel == NONE:
            cohort = cohort.without("expression")
        folds = cross_folds(_names(cohort), self.folds, seed=self.settings.seed)
        _, training, test = list(split_folds(cohort, folds))[condition.fold]
        p = _probabilities(training, test, self._settings(condition), _methods(condition, cohort))
        return {"patients": list(test.patients), "classes": test.classes.tolist(), "p": p}

    def _settings(self, condition: Condition) -> FitSettings:
        panel = None if condition.panel in (ALL, NONE) else int(condition.panel)
        genes = self.settings.genes.model_dump() | {"panel": panel}
        return self.settings.model_copy(update={"genes": GeneSettings(**genes)})


def _probabilities(
    training: FusionCohort, test: FusionCohort, settings: FitSettings, names: Sequence[str]
) -> dict[str, list[list[float]]]:
    ours = fit_fusion(training, settings)
    found = {OURS: ours.predict(test).log_p.exp().double().numpy()}
    found |= {name: method_probabilities(name, training, test, settings, ours=ours) for name in names}
    return {name: np.round(p, _DIGITS).tolist() for name, p in found.items()}


def _methods(condition: Condition, cohort: FusionCohort) -> tuple[str, ...]:
    """Image rows do not depend on the panel: they are computed where there is none, once."""
    if condition.images == OTHERS:
        return GENE_ROWS
    known = chosen_baselines("all", cohort)
    return tuple(name for name in known if (condition.panel == NONE) == (name in IMAGE_ROWS))


@cache
def _read(dataset_dir: str, cache_dir: str, tree: str) -> FusionCohort:
    """Once in each process."""
    classes = class_tree(tree) if tree else None
    return read_fusion_dataset(dataset_dir, classes, images=ImageSettings(), cache_dir=cache_dir, need_labels=True)


def _names(cohort: FusionCohort) -> dict[str, str]:
    names = class_names(cohort.tree)
    return {patient: names[one] for patient, one in zip(cohort.patients, cohort.classes.tolist(), strict=True)}


def merged_cohort(cohort: FusionCohort, merged: Mapping[str, Sequence[str]]) -> FusionCohort:
    """Patients of some classes under fewer names.

    Raises:
        DataError: a class is not in the tree, or nobody is left.
    """
    names = class_names(cohort.tree)
    unknown = [name for members in merged.values() for name in members if name not in names]
    if unknown:
        raise DataError(f"merge: '{unknown[0]}' is no class; there are {', '.join(names)}")
    new = {names.index(name): i for i, members in enumerate(merged.values()) for name in members}
    rows = np.flatnonzero(np.isin(cohort.classes, list(new)))
    if not len(rows):
        raise DataError("merge: no patient is of these classes")
    labels = np.array([new[one] + FIRST_CLASS for one in cohort.classes[rows].tolist()])
    return replace(cohort.take(rows), labels=labels, tree=flat_class_tree(list(merged)))


def with_images(cohort: FusionCohort, whose: str, *, seed: int) -> FusionCohort:
    """The cohort as it is, or everybody with the tiles of somebody else."""
    if whose == OWN:
        return cohort
    owners = np.random.default_rng(seed).permutation([name for name in cohort.patients if name in cohort.bags])
    return replace(
        cohort, bags={name: cohort.bags[other] for name, other in zip(owners, np.roll(owners, 1), strict=True)}
    )


def study_table(conditions: Sequence[Condition], folder: Path) -> pd.DataFrame:
    """One row for each task, panel, images and method: scores with intervals, and what fusion gains.

    Raises:
        DataError: a condition is not finished.
    """
    groups = dict.fromkeys(one._replace(fold=0) for one in conditions)
    stored = {group: _stored(group, conditions, folder) for group in groups}
    rows: list[dict[str, object]] = []
    for group, (classes, folds, found) in stored.items():
        images = stored.get(group._replace(panel=NONE))
        if group.images == OWN and group.panel != NONE and images is not None:
            shared = {name: images[2][name] for name in IMAGE_ROWS if name in images[2]}
            rows += _rows(group, classes, folds, {**found, **shared})
        else:
            rows += _rows(group, classes, folds, found)
    return pd.DataFrame(rows)


_Stored = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]


def _stored(group: Condition, conditions: Sequence[Condition], folder: Path) -> _Stored:
    """True classes (N,), folds (N,), and method → (N, C)."""
    parts = [read_json(folder / f"{one.name}.json") for one in conditions if one._replace(fold=0) == group]
    folds = np.concatenate([np.full(len(part["classes"]), number) for number, part in enumerate(parts)])
    names = list(parts[0]["p"])
    p = {name: np.concatenate([np.array(part["p"][name], dtype=float) for part in parts]) for name in names}
    return np.concatenate([part["classes"] for part in parts]), folds, p


def _rows(group: Condition, classes: np.ndarray, folds: np.ndarray, found: Mapping[str, np.ndarray]) -> list[dict]:
    bootstrap = FoldBootstrap(folds)
    rows = []
    for name in (OURS, *(name for name in BASELINES if name in found)):
        scores = bootstrap.scores(found[name], classes)["mean"]
        row: dict[str, object] = {"task": group.task, "panel": group.panel, "images": group.images, "method": name}
        for score in SCORES:
            row |= {score: scores[score]["mean"], f"{score}_low": scores[score]["ci95"][0]}
            row[f"{score}_high"] = scores[score]["ci95"][1]
        differences = bootstrap.differences(found[OURS], found[name], classes)
        for score in ("f1", "auc"):
            low, high = differences[score]["ci95"]
            row |= {f"gain_{score}": differences[score]["mean"], f"gain_{score}_low": low, f"gain_{score}_high": high}
        rows.append(row)
    return rows
