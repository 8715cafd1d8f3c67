"""Patients with tiles, expression or both, and what is known of their class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cladeseg.classes import FIRST_CLASS
from cladeseg.files import DataError
from cladeseg.fusion.features import TileBag
from cladeseg.taxonomy import Taxonomy

#: In the order of the columns of weights.
MODALITIES = ("images", "expression")


@dataclass(frozen=True)
class FusionCohort:
    """Aligned patients.

    Attributes:
        patients: (N,), sorted by name.
        genes: (G,) names.
        expression: (N, G), NaN where missing; a whole row where a patient has none.
        bags: patient → tiles, of those who have some.
        labels: (N,) node of each patient; the root where nothing is known.
        tree: the classes.
        sites: patient → hospital, of those whose is known.
    """

    patients: tuple[str, ...]
    genes: tuple[str, ...]
    expression: np.ndarray
    bags: Mapping[str, TileBag]
    labels: np.ndarray
    tree: Taxonomy
    sites: Mapping[str, str]

    @property
    def has_expression(self) -> np.ndarray:
        """Bool (N,)."""
        return ~np.isnan(self.expression).all(axis=1)

    @property
    def has_images(self) -> np.ndarray:
        """Bool (N,)."""
        return np.array([patient in self.bags for patient in self.patients], dtype=bool)

    @property
    def classes(self) -> np.ndarray:
        """(N,) column of each patient's class; -1 where only a superclass is known, or nothing."""
        known = (self.labels >= FIRST_CLASS) & (self.labels < self.tree.num_leaves)
        return np.where(known, self.labels - FIRST_CLASS, -1)

    def rows(self, patients: Sequence[str]) -> np.ndarray:
        """Positions of patients, in the order in which they are named."""
        place = {patient: i for i, patient in enumerate(self.patients)}
        return np.array([place[patient] for patient in patients], dtype=int)

    def take(self, rows: np.ndarray) -> FusionCohort:
        """The cohort of some patients, in the order of their positions in ``rows``."""
        patients = tuple(self.patients[row] for row in rows)
        bags = {name: self.bags[name] for name in patients if name in self.bags}
        return replace(self, patients=patients, expression=self.expression[rows], bags=bags, labels=self.labels[rows])

    def without(self, modality: str) -> FusionCohort:
        """The same patients, who now lack a modality."""
        if modality == "images":
            return replace(self, bags={})
        return replace(self, expression=np.full_like(self.expression, np.nan))

    def counts(self) -> dict[str, int]:
        """Patients in all, with each modality, with both, with a label, and the tiles that were skipped, by reason."""
        skipped: dict[str, int] = {}
        for bag in self.bags.values():
            for reason, count in bag.skipped.items():
                skipped[f"tiles skipped as {reason}"] = skipped.get(f"tiles skipped as {reason}", 0) + count
        return {
            "patients": len(self.patients),
            "with images": int(self.has_images.sum()),
            "with expression": int(self.has_expression.sum()),
            "with both": int((self.has_images & self.has_expression).sum()),
            "labelled": int((self.labels != self.tree.root).sum()),
            **dict(sorted(skipped.items())),
        }


def join_modalities(
    expression: Mapping[str, np.ndarray],
    genes: Sequence[str],
    bags: Mapping[str, TileBag],
    labels: Mapping[str, int],
    *,
    tree: Taxonomy,
    sites: Mapping[str, str],
) -> FusionCohort:
    """Join by patient: whoever has tiles or expression is in.

    Args:
        expression: patient → (G,).
        genes: their names.
        bags: patient → tiles.
        labels: patient → node; others are unlabelled.
        tree: the classes.
        sites: patient → hospital.

    Raises:
        DataError: nobody has anything, or nobody who has a label does.
    """
    patients = tuple(sorted({*expression, *bags}))
    if not patients:
        raise DataError("data: no patient has images or expression")
    if labels and not set(labels) & set(patients):
        raise DataError(
            f"labels: none of the {len(labels)} labelled patients, e.g. '{next(iter(labels))}', has images or "
            f"expression, which e.g. '{patients[0]}' has; use the same names in all files"
        )
    gap = np.full(len(genes), np.nan)
    values = np.stack([expression.get(patient, gap) for patient in patients])
    nodes = np.array([labels.get(patient, tree.root) for patient in patients], dtype=int)
    return FusionCohort(patients, tuple(genes), values, bags, nodes, tree, sites)
