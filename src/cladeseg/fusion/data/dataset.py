"""A folder with ``slides/`` or ``tiles/``, an expression table, ``labels.csv`` and ``sites.csv`` → a cohort."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from cladeseg.classes import flat_class_tree
from cladeseg.files import DataError
from cladeseg.fusion.data.cohort import FusionCohort, join_modalities
from cladeseg.fusion.features import ImageSettings, tile_bags
from cladeseg.omics.data import UNKNOWN, OmicsTable, label_nodes, read_labels, read_npz, read_table
from cladeseg.taxonomy import Taxonomy

logger = logging.getLogger(__name__)

#: Names of files, without or with their endings.
EXPRESSION, LABELS, SITES = "expression", "labels.csv", "sites.csv"
_ENDINGS = (".csv", ".tsv", ".parquet", ".h5ad", ".npz")
#: Matrix of an npz file that is taken, where it is not called expression.
_MRNA = "mrna"


def read_fusion_dataset(
    folder: str | Path,
    tree: Taxonomy | None = None,
    *,
    images: ImageSettings,
    cache_dir: str | Path,
    need_labels: bool = False,
    allow_missing: bool = False,
    allow_constant: bool = False,
) -> FusionCohort:
    """Read what a folder has of each patient; each file may be missing.

    Args:
        folder: holds ``slides/`` or ``tiles/<patient>/``, ``expression.csv|tsv|parquet|h5ad`` with the patients in the
            first column, or ``expression.npz`` as the omics bundle takes it, ``labels.csv`` (patient, label) and
            ``sites.csv`` (patient, site).
        tree: the classes; where there is none, the labels that are found are the classes.
        images: how tiles become features.
        cache_dir: where features are kept.
        need_labels: whether labels must be there.
        allow_missing: take single missing values of expression.
        allow_constant: take genes that are the same for all patients.

    Raises:
        DataError: something is missing, cannot be read or does not fit together; one message about the first thing.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    table, labels = _expression(root, allow_missing=allow_missing, allow_constant=allow_constant)
    if (root / LABELS).is_file():
        labels = read_labels(root / LABELS)
    if need_labels and not labels:
        raise DataError(f"{root}: has no labels; add {LABELS} with the columns patient and label")
    sites = read_labels(root / SITES) if (root / SITES).is_file() else {}
    found = tree or flat_class_tree(sorted({label for label in labels.values() if label not in UNKNOWN}))
    nodes = label_nodes(labels, found, root / LABELS)
    bags = tile_bags(root, settings=images, cache_dir=Path(cache_dir))
    if table is None and not bags:
        raise DataError(f"{root}: holds neither slides/ nor tiles/ nor expression.csv; one of them must be there")
    values = _rows(table)
    genes = () if table is None else table.features
    places = {name: site for name, site in sites.items() if site}
    cohort = join_modalities(values, genes, bags, nodes, tree=found, sites=places)
    outside = len(set(labels) - set(cohort.patients))
    counts = ", ".join(f"{count} {name}" for name, count in cohort.counts().items())
    logger.info("%s: %s%s", root, counts, f"; {outside} labelled patients have neither" if outside else "")
    return cohort


def _rows(table: OmicsTable | None) -> dict[str, np.ndarray]:
    """Patient → expression, of those who have some."""
    rows = {} if table is None else dict(zip(table.patients, table.values, strict=True))
    return {name: row for name, row in rows.items() if not np.isnan(row).all()}


def _expression(root: Path, *, allow_missing: bool, allow_constant: bool) -> tuple[OmicsTable | None, dict[str, str]]:
    """The table, and the labels that an npz file holds too."""
    files = [root / f"{EXPRESSION}{ending}" for ending in _ENDINGS if (root / f"{EXPRESSION}{ending}").is_file()]
    if len(files) > 1:
        raise DataError(f"{root}: expression is there as {files[0].name} and {files[1].name}; keep one of them")
    if not files:
        return None, {}
    if files[0].suffix == ".npz":
        return _of_npz(files[0], allow_missing=allow_missing)
    return read_table(files[0], allow_missing=allow_missing, allow_constant=allow_constant), {}


def _of_npz(path: Path, *, allow_missing: bool) -> tuple[OmicsTable, dict[str, str]]:
    """The matrix ``expression``, or ``mrna`` of a file with several omics."""
    tables, labels = read_npz(path, allow_missing)
    name = next((name for name in (EXPRESSION, _MRNA) if name in tables), None)
    if name is None:
        raise DataError(f"{path}: has no matrix '{EXPRESSION}' or '{_MRNA}' but {', '.join(tables) or 'none'}")
    return tables[name], labels
