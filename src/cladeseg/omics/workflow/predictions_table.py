"""``predictions.csv``: one row for each patient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cladeseg.classes import class_names, leaf_columns, node_names
from cladeseg.files import atomic_write
from cladeseg.omics.model import Predictions
from cladeseg.taxonomy import Taxonomy


def predictions_frame(
    patients: Sequence[str], found: Predictions, tree: Taxonomy, omics: Sequence[str]
) -> pd.DataFrame:
    """Columns patient, predicted, ``p_<node>``, ``confidence_<omics>``, ``taught_<omics>_by_<omics>``, uncertain.

    A node is as likely as the classes below it together.  A patient without any omics has no prediction.
    """
    p = np.exp(found.log_p)
    given = ~np.isnan(p).any(axis=1)
    names = np.array(class_names(tree))
    best = np.nan_to_num(p).argmax(axis=1)
    columns: dict[str, object] = {"patient": list(patients), "predicted": np.where(given, names[best], "")}
    members = leaf_columns(tree).numpy()
    columns |= {f"p_{name}": p[:, members[tree.index(name)]].sum(axis=1) for name in node_names(tree)}
    columns |= {f"confidence_{name}": found.confidence[:, i] for i, name in enumerate(omics)}
    for a, teacher in enumerate(omics):
        columns |= {f"taught_{pupil}_by_{teacher}": found.taught[:, a, b] for b, pupil in enumerate(omics) if a != b}
    columns["uncertain"] = found.uncertain
    return pd.DataFrame(columns)


def write_predictions(frame: pd.DataFrame, path: Path) -> None:
    """Write the table whole or not at all."""
    with atomic_write(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
