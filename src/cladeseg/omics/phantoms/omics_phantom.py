"""A cohort by seed: classes in a tree, and omics that tell them apart well, somewhat and hardly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cladeseg.files import atomic_write

#: Classes of the PAM50 tree with their frequencies.
CLASSES = {"LumA": 0.4, "LumB": 0.2, "Basal": 0.2, "HER2": 0.1, "Normal-like": 0.1}
#: Distance between class means in units of the noise, over all informative features together.
INFORMATIVENESS = {"mrna": 6.0, "meth": 4.0, "mirna": 2.5}
_FEATURES, _INFORMATIVE, _HIDDEN = 60, 20, 4


def generate_omics(
    patients: int = 160, *, seed: int = 0, informativeness: Mapping[str, float] | None = None
) -> tuple[dict[str, pd.DataFrame], pd.Series]:
    """Tables by omics, and the label of each patient.

    Half of a class's distance from the others is shared with its superclass, so that the tree means something; four
    hidden factors that have nothing to do with the classes make features correlate.

    Args:
        patients: how many.
        seed: of everything.
        informativeness: omics → distance of its classes; 0 for an omics that tells nothing.

    Example:
        >>> tables, labels = generate_omics(10, seed=1)
        >>> sorted(tables), tables["mrna"].shape, labels.name
        (['meth', 'mirna', 'mrna'], (10, 60), 'label')
    """
    random = np.random.default_rng(seed)
    names = [f"P{i:03d}" for i in range(patients)]
    classes = random.choice(len(CLASSES), patients, p=list(CLASSES.values()))
    tables = {}
    for omics, distance in (informativeness or INFORMATIVENESS).items():
        means = _class_means(random, distance)
        factors = random.normal(size=(patients, _HIDDEN)) @ random.normal(size=(_HIDDEN, _FEATURES)) * 0.5
        values = random.normal(size=(patients, _FEATURES)) + factors
        values[:, :_INFORMATIVE] += means[classes]
        columns = [f"{omics}_{j:02d}" for j in range(_FEATURES)]
        tables[omics] = pd.DataFrame(values, index=pd.Index(names, name="patient"), columns=columns)
    labels = pd.Series([list(CLASSES)[c] for c in classes], index=pd.Index(names, name="patient"), name="label")
    return tables, labels


def _class_means(random: np.random.Generator, distance: float) -> np.ndarray:
    luminal = np.array([True, True, False, False, False])
    own = random.normal(size=(len(CLASSES), _INFORMATIVE))
    shared = np.where(luminal[:, None], *random.normal(size=(2, 1, _INFORMATIVE)))
    return distance / np.sqrt(2 * _INFORMATIVE) * (own + shared)


def write_omics_phantom(folder: str | Path, patients: int = 160, *, seed: int = 0) -> Path:
    """Write a cohort as a folder of tables with ``labels.csv``; one CSV, one TSV, one CSV.

    Raises:
        DataError: a file cannot be written.
    """
    tables, labels = generate_omics(patients, seed=seed)
    for omics, table in tables.items():
        suffix, separator = (".tsv", "\t") if omics == "meth" else (".csv", ",")
        with atomic_write(Path(folder) / f"{omics}{suffix}") as temporary:
            table.to_csv(temporary, sep=separator, float_format="%.5g", lineterminator="\n")
    with atomic_write(Path(folder) / "labels.csv") as temporary:
        labels.to_csv(temporary, lineterminator="\n")
    return Path(folder)
