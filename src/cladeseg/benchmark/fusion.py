"""The study of panels from the command line: all conditions, one table as CSV and one to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from cladeseg.benchmark.store import write_csv
from cladeseg.bundle.run_folder import configure_logging
from cladeseg.files import DataError, atomic_write
from cladeseg.fusion.baselines import OURS
from cladeseg.fusion.fitting import FitSettings
from cladeseg.fusion.study.panels import PANELS, PanelStudy, study_table
from cladeseg.report import interval_text
from cladeseg.tasks import IN_PROCESS, Machines, missing_tasks, raise_failures, run_tasks

TABLE, PAGE = "table.csv", "study.md"


def run_fusion_benchmark(
    dataset: str | Path,
    output: str | Path,
    *,
    tree: str | Path | None,
    merge: str = "",
    panels: Sequence[str] = PANELS,
    folds: int = 5,
    settings: FitSettings | None = None,
    machines: Machines = IN_PROCESS,
) -> Path:
    """Compute what is missing, and write ``table.csv`` and ``study.md``.

    Args:
        dataset: see :func:`~cladeseg.fusion.data.read_fusion_dataset`.
        output: its ``cells`` folder keeps one small file for each condition and fold, ``features`` those of tiles.
        tree: file of the class tree; ``None`` for a flat one.
        merge: a second task, e.g. ``Luminal=LumA+LumB,other=Basal+HER2``.
        panels: numbers of genes, ``all`` or ``none``.
        folds: of the cross-validation.
        settings: of every fit.
        machines: where the conditions run.

    Returns:
        The table to read.

    Raises:
        DataError: the data cannot be used, or a condition failed.
    """
    configure_logging()
    root = Path(output)
    study = PanelStudy(
        str(dataset),
        str(root / "features"),
        "" if tree is None else str(tree),
        merged=merged_classes(merge),
        folds=folds,
        settings=settings or FitSettings(),
    )
    conditions = study.conditions(panels)
    study.cohort(conditions[0].task)  # images become features once, before processes share them
    tasks = study.tasks(conditions, root / "cells")
    raise_failures(list(run_tasks(study, missing_tasks(tasks), machines)))
    table = study_table(conditions, root / "cells")
    write_csv(table, root / TABLE)
    with atomic_write(root / PAGE) as temporary:
        temporary.write_text("\n".join(study_markdown(table)), encoding="utf-8")
    Console().print("\n".join(study_markdown(table)), markup=False, highlight=False, soft_wrap=True)
    return root / PAGE


def merged_classes(text: str) -> dict[str, list[str]]:
    """``A=x+y,B=z`` → {"A": ["x", "y"], "B": ["z"]}; nothing for an empty text.

    Raises:
        DataError: it is written otherwise, or has one class.

    Example:
        >>> merged_classes("Luminal=LumA+LumB,other=Basal")
        {'Luminal': ['LumA', 'LumB'], 'other': ['Basal']}
    """
    if not text:
        return {}
    pairs = [part.partition("=") for part in text.split(",")]
    found = {name.strip(): [one.strip() for one in members.split("+") if one.strip()] for name, _, members in pairs}
    if len(found) < 2 or not all(name and members for name, members in found.items()):
        raise DataError(f"merge: '{text}' should read NAME=CLASS+CLASS,NAME=CLASS with two names at least")
    return found


def study_markdown(table: pd.DataFrame) -> Iterator[str]:
    """A table for each task and whose images there are: F1 of every method at every panel, and fusion's gain."""
    yield "# Fusion as the genes become fewer"
    for (task, images), part in table.groupby(["task", "images"], sort=False):
        panels = list(dict.fromkeys(part["panel"]))
        yield f"\n## Task {task}, images of {'the patient' if images == 'own' else 'other patients'}: macro-F1 (ECE)\n"
        yield f"| method | {' | '.join(f'{panel} genes' for panel in panels)} |"
        yield f"|---|{'---|' * len(panels)}"
        for method in dict.fromkeys(part["method"]):
            cells = [_cell(part[(part["panel"] == panel) & (part["method"] == method)]) for panel in panels]
            yield f"| {method} | {' | '.join(cells)} |"


def _cell(rows: pd.DataFrame) -> str:
    """F1, and behind it fusion minus it with its interval."""
    if rows.empty:
        return "–"
    row = rows.iloc[0]
    shown = f"{row['f1']:.3f} ({row['ece']:.3f})"
    if row["method"] == OURS:
        return f"**{shown}**"
    ends = (row["gain_f1_low"], row["gain_f1_high"])
    return f"{shown}, {interval_text(row['gain_f1'], ends, sign='+')}"
