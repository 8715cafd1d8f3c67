"""One omics as a file: a table with a row for each patient and a column for each feature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cladeseg.files import DataError, one_line

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
#: Endings of files that hold one omics.
TABLES = (*_SEPARATORS, ".parquet", ".h5ad")
#: Ending of a file that holds several omics.
MULTIPLE = ".h5mu"
_SHOWN = 3


@dataclass(frozen=True)
class OmicsTable:
    """Values of one omics; a patient whose row is empty lacks it.

    Attributes:
        source: the file, for messages.
        patients: (N,).
        features: (D,) names of genes, probes and the like.
        values: (N, D) float64, NaN where a value is missing.
    """

    source: str
    patients: tuple[str, ...]
    features: tuple[str, ...]
    values: np.ndarray


def read_table(path: str | Path, *, allow_missing: bool = False, allow_constant: bool = False) -> OmicsTable:
    """Read one omics.

    Args:
        path: CSV, TSV or Parquet with the patients in the first column (of Parquet also the index), or an AnnData file.
        allow_missing: take single missing values; empty rows are patients without this omics anyway.
        allow_constant: take columns that are the same for all, as they may be where new patients are few.

    Raises:
        DataError: it cannot be read, or holds a patient or a feature twice, a column that holds no numbers or is
            constant, or a missing value that is not allowed; the message names the file, then the first one.
    """
    return _table(str(path), read_frame(path), allow_missing, allow_constant)


def read_tables(path: str | Path, *, allow_missing: bool = False) -> dict[str, OmicsTable]:
    """Read a MuData file: modality → its table, with the faults of :func:`read_table`.

    Raises:
        DataError: it cannot be read, or a table in it has a fault.
    """
    try:
        import mudata

        modalities = mudata.read_h5mu(path).mod
    except ImportError as error:
        raise DataError(f"{path}: needs a package that is missing ({error}); pip install 'cladeseg[omics]'") from error
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read as MuData ({one_line(error, 200)})") from error
    return {name: _table(f"{path}: {name}", one.to_df(), allow_missing) for name, one in modalities.items()}


def _table(source: str, frame: pd.DataFrame, allow_missing: bool, allow_constant: bool = False) -> OmicsTable:
    if frame.shape[1] < 1 or not len(frame):
        raise DataError(
            f"{source}: holds {len(frame)} patients and {frame.shape[1]} features; an omics needs some of each"
        )
    patients, features = [str(name) for name in frame.index], [str(name) for name in frame]
    return checked_table(source, patients, features, frame, allow_missing=allow_missing, allow_constant=allow_constant)


def read_frame(path: str | Path) -> pd.DataFrame:
    """A table by patient.

    Raises:
        DataError: it cannot be read.
    """
    suffix = Path(path).suffix.lower()
    try:
        if suffix == ".h5ad":
            return _anndata(path)
        if suffix == ".parquet":
            frame = pd.read_parquet(path)
            plain = isinstance(frame.index, pd.RangeIndex)
            return frame.set_index(frame.columns[0]) if plain else frame
        header = pd.read_csv(path, sep=_SEPARATORS[suffix], nrows=0, dtype=str).columns
        # Pandas would rename a second 'TP53' to 'TP53.1', so that nobody noticed.
        names = pd.read_csv(path, sep=_SEPARATORS[suffix], nrows=1, header=None, dtype=str).iloc[0].tolist()
        frame = pd.read_csv(path, sep=_SEPARATORS[suffix], dtype={header[0]: str})
    except ImportError as error:
        raise DataError(f"{path}: needs a package that is missing ({error}); pip install 'cladeseg[omics]'") from error
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise DataError(f"{path}: cannot be read as a table ({one_line(error, 200)})") from error
    frame.columns = pd.Index(names)
    return frame.set_index(names[0]) if names.count(names[0]) == 1 else frame.set_index(frame.iloc[:, 0])


def _anndata(path: str | Path) -> pd.DataFrame:
    import anndata

    return anndata.read_h5ad(path).to_df()


def checked_table(
    source: str,
    patients: Sequence[str],
    features: Sequence[str],
    values: object,
    *,
    allow_missing: bool,
    allow_constant: bool = False,
) -> OmicsTable:
    """A table whose faults were looked for; see :func:`read_table`."""
    _refuse_twice(source, "patient", patients)
    _refuse_twice(source, "feature", features)
    numbers = _numbers(source, features, pd.DataFrame(values))
    if not allow_constant:
        _refuse_constant(source, features, numbers)
    if not allow_missing:
        _refuse_missing(source, patients, features, numbers)
    return OmicsTable(source, tuple(patients), tuple(features), numbers)


def _refuse_twice(source: str, what: str, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        more = f" and {len(twice) - 1} more" if len(twice) > 1 else ""
        raise DataError(f"{source}: {what} '{twice[0]}'{more} is there twice; keep one of each")


def _numbers(source: str, features: Sequence[str], frame: pd.DataFrame) -> np.ndarray:
    frame = frame.set_axis(range(frame.shape[1]), axis=1)
    for column, name in enumerate(features):
        kind = frame[column].dtype
        if not (pd.api.types.is_numeric_dtype(kind) or frame[column].isna().all()):
            first = next(value for value in frame[column] if pd.to_numeric(value, errors="coerce") != value)
            raise DataError(
                f"{source}: column '{name}' holds {first!r}, which is no number; remove or encode the column"
            )
    numbers = frame.to_numpy(dtype=float)
    infinite = np.argwhere(np.isinf(numbers))
    if len(infinite):
        raise DataError(f"{source}: column '{features[infinite[0][1]]}' holds an infinite value; limit or remove it")
    return numbers


def _refuse_constant(source: str, features: Sequence[str], values: np.ndarray) -> None:
    known = ~np.isnan(values)
    low, high = np.where(known, values, np.inf).min(axis=0), np.where(known, values, -np.inf).max(axis=0)
    constant = [features[i] for i in np.flatnonzero(low >= high).tolist()]
    if constant and len(values) > 1:
        more = f" and {len(constant) - 1} more" if len(constant) > 1 else ""
        raise DataError(f"{source}: column '{constant[0]}'{more} is constant or empty; remove it, it can tell nothing")


def _refuse_missing(source: str, patients: Sequence[str], features: Sequence[str], values: np.ndarray) -> None:
    missing = np.isnan(values)
    partly = missing & ~missing.all(axis=1, keepdims=True)
    if partly.any():
        row, column = np.argwhere(partly)[0]
        raise DataError(
            f"{source}: {int(partly.sum())} values are missing, the first for patient '{patients[row]}' in column "
            f"'{features[column]}'; fill them in, or allow them with --settings#data#allow_missing True"
        )
