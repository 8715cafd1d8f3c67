"""Omics of one cohort, joined by patient: whoever has any omics is in it, with gaps where one is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cladeseg.files import DataError
from cladeseg.omics.data.table import OmicsTable
from cladeseg.taxonomy import Taxonomy


@dataclass(frozen=True)
class OmicsCohort:
    """Aligned tables.

    Attributes:
        patients: (N,), sorted by name, so that the order of the files does not matter.
        values: omics → (N, D), NaN where missing; a whole row where the patient lacks the omics.
        features: omics → (D,) names.
        labels: (N,) node of each patient; the root where nothing is known.
        tree: the classes.
    """

    patients: tuple[str, ...]
    values: Mapping[str, np.ndarray]
    features: Mapping[str, tuple[str, ...]]
    labels: np.ndarray
    tree: Taxonomy

    @property
    def omics(self) -> tuple[str, ...]:
        """Names of the omics, sorted."""
        return tuple(self.values)

    def has(self, omics: str) -> np.ndarray:
        """Bool (N,): who has at least one value of an omics."""
        return ~np.isnan(self.values[omics]).all(axis=1)

    def rows(self, patients: Sequence[str]) -> np.ndarray:
        """Positions of patients, in the order in which they are named."""
        place = {patient: i for i, patient in enumerate(self.patients)}
        return np.array([place[patient] for patient in patients], dtype=int)

    def take(self, rows: np.ndarray) -> OmicsCohort:
        """The cohort of some patients, in the order of their positions in ``rows``."""
        values = {name: table[rows] for name, table in self.values.items()}
        return replace(self, patients=tuple(self.patients[i] for i in rows), values=values, labels=self.labels[rows])

    def without(self, omics: Sequence[str]) -> OmicsCohort:
        """The same patients, who now lack some omics."""
        values = {name: np.full_like(x, np.nan) if name in omics else x for name, x in self.values.items()}
        return replace(self, values=values)

    def counts(self) -> dict[str, int]:
        """Patients in all, with each omics, with all of them, and with a label."""
        present = np.stack([self.has(name) for name in self.omics])
        each = {name: int(row.sum()) for name, row in zip(self.omics, present, strict=True)}
        labelled = int((self.labels != self.tree.root).sum())
        return {
            "patients": len(self.patients),
            **each,
            "complete": int(present.all(axis=0).sum()),
            "labelled": labelled,
        }


def join_tables(tables: Mapping[str, OmicsTable], labels: Mapping[str, int], tree: Taxonomy) -> OmicsCohort:
    """Join omics and labels by patient.

    Args:
        tables: omics → its table.
        labels: patient → node; others are unlabelled.
        tree: the classes.

    Raises:
        DataError: there is no omics, two of them have no patient in common, or nobody who has a label has an omics.
    """
    if not tables:
        raise DataError("omics: there is no table; name one file for each omics, e.g. mrna.csv")
    names = sorted(tables)
    for name in names[1:]:
        _refuse_disjoint(tables[names[0]], tables[name])
    patients = tuple(sorted(set().union(*(table.patients for table in tables.values()))))
    if labels and not set(labels) & set(patients):
        raise DataError(
            f"labels: none of the {len(labels)} labelled patients, e.g. '{next(iter(labels))}', has an omics, "
            f"e.g. '{patients[0]}'; use the same names in all files"
        )
    nodes = np.array([labels.get(patient, tree.root) for patient in patients], dtype=int)
    values = {name: _aligned(tables[name], patients) for name in names}
    return OmicsCohort(patients, values, {name: tables[name].features for name in names}, nodes, tree)


def _refuse_disjoint(one: OmicsTable, other: OmicsTable) -> None:
    if not set(one.patients) & set(other.patients):
        raise DataError(
            f"{other.source}: none of its {len(other.patients)} patients, e.g. '{other.patients[0]}', "
            f"is in {one.source}, which has e.g. '{one.patients[0]}'; use the same names in all files"
        )


def _aligned(table: OmicsTable, patients: Sequence[str]) -> np.ndarray:
    place = {patient: i for i, patient in enumerate(table.patients)}
    values = np.full((len(patients), len(table.features)), np.nan)
    for row, patient in enumerate(patients):
        if patient in place:
            values[row] = table.values[place[patient]]
    return values
