"""A folder of tables, or one npz file with all of them → a cohort."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cladeseg.classes import class_names, flat_class_tree
from cladeseg.files import DataError
from cladeseg.omics.data.cohort import OmicsCohort, join_tables
from cladeseg.omics.data.table import MULTIPLE, TABLES, OmicsTable, checked_table, read_frame, read_table, read_tables
from cladeseg.taxonomy import Taxonomy

logger = logging.getLogger(__name__)

#: Names of files, without their endings, that hold patient and label.
LABELS = "labels"
#: What a label may say of a patient of whom nothing is known.
UNKNOWN = ("", "unlabelled", "root", "nan")
_PATIENT, _CLASS, _CLASSES, _NAMES = "patient", "y", "classes", "_names"


def read_dataset(
    folder: str | Path, tree: Taxonomy | None = None, *, allow_missing: bool = False, need_labels: bool = False
) -> OmicsCohort:
    """Read every omics of a folder and its labels.

    Args:
        folder: holds a table for each omics, named after it, or MuData files with one for each modality, and
            ``labels.csv`` with the columns patient and label; or one npz file with a matrix ``NAME`` and texts
            ``NAME_names`` for each omics, ``patient``, ``y`` and ``classes``.  The npz file itself will do as well.
        tree: the classes; where there is none, the labels that are found are the classes.
        allow_missing: take single missing values.
        need_labels: whether labels must be there.

    Raises:
        DataError: something is missing, cannot be read or does not fit together; one message about the first thing.
    """
    root = Path(folder)
    tables, labels = read_npz(_npz(root), allow_missing) if _npz(root) else _read_folder(root, allow_missing)
    if need_labels and not labels:
        raise DataError(f"{root}: has no labels; add {LABELS}.csv with the columns patient and label")
    found = tree or flat_class_tree(sorted({label for label in labels.values() if label not in UNKNOWN}))
    cohort = join_tables(tables, label_nodes(labels, found, root), found)
    counts = ", ".join(f"{count} {name}" for name, count in cohort.counts().items())
    outside = len(set(labels) - set(cohort.patients))
    logger.info("%s: %s%s", root, counts, f"; {outside} labelled patients have no omics" if outside else "")
    return cohort


def _npz(root: Path) -> Path | None:
    """The npz file that holds everything, if there is one."""
    if root.suffix == ".npz":
        return root
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    found = sorted(root.glob("*.npz"))
    if len(found) > 1:
        raise DataError(
            f"{root}: holds {len(found)} npz files, {found[0].name} and {found[1].name}; name the one to use"
        )
    return found[0] if found else None


def _read_folder(root: Path, allow_missing: bool) -> tuple[dict[str, OmicsTable], dict[str, str]]:
    files = [file for file in sorted(root.iterdir()) if file.suffix.lower() in TABLES and not file.name.startswith(".")]
    stems = [file.stem for file in files]
    for stem in stems:
        if stems.count(stem) > 1:
            both = " and ".join(file.name for file in files if file.stem == stem)
            raise DataError(f"{root}: '{stem}' is there as {both}; keep one of them")
    tables = {
        f.stem: read_table(f, allow_missing=allow_missing) for f in files if f.stem not in (LABELS, "predictions")
    }
    for file in sorted(root.glob(f"[!.]*{MULTIPLE}")):
        for name, table in read_tables(file, allow_missing=allow_missing).items():
            if name in tables:
                raise DataError(f"{root}: '{name}' is there as {tables[name].source} and in {file.name}; keep one")
            tables[name] = table
    if not tables:
        raise DataError(
            f"{root}: holds no table; an omics is a file such as mrna.csv ({', '.join(TABLES)}, {MULTIPLE}), or one npz"
        )
    labels = next((file for file in files if file.stem == LABELS), None)
    return tables, {} if labels is None else read_labels(labels)


def read_labels(path: Path) -> dict[str, str]:
    """Patient → what is written of them in a table of two columns; empty where there is a gap.

    Raises:
        DataError: it cannot be read, has other columns, or a patient is there twice.
    """
    frame = read_frame(path)
    if frame.shape[1] != 1:
        raise DataError(f"{path}: has {frame.shape[1] + 1} columns; it should have two, patient and label")
    patients = [str(name) for name in frame.index]
    twice = next((name for name in patients if patients.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path}: patient '{twice}' is there twice; keep one of each")
    column = frame.iloc[:, 0]
    values = ["" if gap else str(value) for value, gap in zip(column, column.isna(), strict=True)]
    return dict(zip(patients, values, strict=True))


def read_npz(path: Path | None, allow_missing: bool) -> tuple[dict[str, OmicsTable], dict[str, str]]:
    """Omics → table, and patient → label, of one file; see :func:`read_dataset`.

    Raises:
        DataError: it cannot be read, or its arrays do not fit together.
    """
    content = _arrays(Path(str(path)))
    if _PATIENT not in content:
        raise DataError(f"{path}: has no array '{_PATIENT}' with the patients' names")
    patients = [str(name) for name in content[_PATIENT]]
    tables = {}
    for name in sorted(set(content) - {_PATIENT, _CLASS, _CLASSES}):
        if name.endswith(_NAMES):
            continue
        names = content.get(f"{name}{_NAMES}")
        if content[name].ndim != 2 or names is None or content[name].shape != (len(patients), len(names)):
            raise DataError(
                f"{path}: array '{name}' has shape {content[name].shape}; it should be ({len(patients)} patients, "
                f"as many features as '{name}{_NAMES}' lists)"
            )
        source = f"{path}: {name}"
        tables[name] = checked_table(
            source, patients, list(map(str, names)), content[name], allow_missing=allow_missing
        )
    return tables, _npz_labels(path, content, patients)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as content:
            return dict(content)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as an npz file of plain arrays ({error})") from error


def _npz_labels(path: Path | None, content: Mapping[str, np.ndarray], patients: list[str]) -> dict[str, str]:
    if _CLASS not in content:
        return {}
    if _CLASSES not in content or len(content[_CLASS]) != len(patients):
        raise DataError(f"{path}: 'y' should hold an index into 'classes' for each of the {len(patients)} patients")
    classes = [str(name) for name in content[_CLASSES]]
    outside = [int(y) for y in content[_CLASS] if not -1 <= int(y) < len(classes)]
    if outside:
        raise DataError(f"{path}: 'y' holds {outside[0]}, but 'classes' has {len(classes)} entries; -1 is unlabelled")
    return {name: "" if y < 0 else classes[int(y)] for name, y in zip(patients, content[_CLASS], strict=True)}


def label_nodes(labels: Mapping[str, str], tree: Taxonomy, root: Path) -> dict[str, int]:
    """Patient → node; who is of unknown class is left out.

    Raises:
        DataError: a label is no node of the tree.
    """
    known = {name: tree.index(name) for name in tree.names if name not in ("background", "root")}
    unknown = {patient: label for patient, label in labels.items() if label not in known and label not in UNKNOWN}
    if unknown:
        patient, label = next(iter(unknown.items()))
        inner = ", ".join(sorted(set(known) - set(class_names(tree)))) or "no superclass"
        raise DataError(
            f"{root}: patient '{patient}' is labelled '{label}', which the tree '{tree.name}' does not have; it has "
            f"{', '.join(class_names(tree))} and {inner}"
        )
    return {patient: known[label] for patient, label in labels.items() if label in known}
