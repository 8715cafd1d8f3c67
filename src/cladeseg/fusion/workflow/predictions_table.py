"""``predictions.csv``: one row for each patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cladeseg.classes import class_names, leaf_columns, node_names
from cladeseg.files import DataError, atomic_write
from cladeseg.fusion.data import MODALITIES
from cladeseg.taxonomy import Taxonomy


def predictions_frame(
    patients: Sequence[str],
    p: np.ndarray,
    weights: np.ndarray,
    tree: Taxonomy,
    *,
    folds: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Columns patient, predicted, ``p_<node>`` and ``weight_<modality>``, maybe fold.

    Args:
        patients: N names.
        p: (N, C) probabilities of classes; NaN for a patient of whom the model can say nothing.
        weights: (N, 2) of images and expression.
        tree: of the classes.
        folds: patient → fold that they were tested in.
    """
    given = ~np.isnan(p).any(axis=1)
    names, members = np.array(class_names(tree)), leaf_columns(tree).numpy()
    best = np.nan_to_num(p).argmax(axis=1)
    columns: dict[str, object] = {"patient": list(patients), "predicted": np.where(given, names[best], "")}
    columns |= {f"p_{name}": p[:, members[tree.index(name)]].sum(axis=1) for name in node_names(tree)}
    columns |= {f"weight_{name}": weights[:, i] for i, name in enumerate(MODALITIES)}
    if folds is not None:
        columns["fold"] = [folds[patient] for patient in patients]
    return pd.DataFrame(columns)


def write_predictions(frame: pd.DataFrame, path: Path) -> None:
    """Write the table whole or not at all."""
    with atomic_write(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.8g", lineterminator="\n")


def read_predictions(path: Path, tree: Taxonomy) -> pd.DataFrame:
    """A table that :func:`write_predictions` wrote, by patient.

    Raises:
        DataError: it is missing or was changed.
    """
    try:
        frame = pd.read_csv(path, dtype={"patient": str, "predicted": str}).set_index("patient")
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({error}); run training with this --output_dir first") from error
    missing = [f"p_{name}" for name in class_names(tree) if f"p_{name}" not in frame]
    if missing:
        raise DataError(f"{path}: has no column '{missing[0]}'; it was made with other classes, so train anew")
    return frame
