"""The page of a benchmark: figure, table, differences, and everything that a reader needs to judge or repeat it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from cladeseg.benchmark.claims import LEAST, claims
from cladeseg.benchmark.differences import differences_to_others
from cladeseg.benchmark.figure import Line, Point, label_efficiency_curve, write_figure
from cladeseg.benchmark.forest_plot import forest_plot
from cladeseg.benchmark.grid import SELECT, Grid
from cladeseg.benchmark.method_scores import GridScores
from cladeseg.benchmark.page_templates import page_templates
from cladeseg.benchmark.runs import planned_runs, pretraining_of, settings_of
from cladeseg.benchmark.select_arm import among_draws, random_counterpart
from cladeseg.benchmark.store import FAILED, ResultStore, write_csv
from cladeseg.benchmark.table import GridRows, results_table, rows_of
from cladeseg.files import atomic_write
from cladeseg.segmentation.workflow.training_fit import TRAINED

#: A bootstrap of fewer draws than this cannot say how far draws spread.
_ENOUGH_DRAWS = 5


def write_results(grid: Grid, store: ResultStore, folder: str | Path, *, command: str) -> Path:
    """Write README.md, table.csv and dice.svg; the same records give the same files, wherever and whenever.

    Args:
        grid: the benchmark.
        store: its results so far; rows of methods that the grid does not name are counted and left out.
        folder: where to.
        command: the command that makes this page.

    Returns:
        The page.
    """
    folder = Path(folder)
    rows = rows_of(grid, store)
    scores = GridScores(grid, rows.cases)
    table = results_table(grid, rows, scores)
    lines = figure_lines(grid, table, scores)
    numbers = {point.n for line in lines for point in line.points} - {None}
    draw = label_efficiency_curve if len(numbers) > 1 else forest_plot
    write_figure(draw(lines, title=f"{grid.name}: {grid.split} cases"), folder / "dice.svg")
    write_csv(table, folder / "table.csv")
    page = (
        page_templates()
        .get_template("results.md.jinja")
        .render(_setting(grid, rows, command) | _results(grid, scores, table) | _selections(grid, store))
    )
    with atomic_write(folder / "README.md") as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return folder / "README.md"


def figure_lines(grid: Grid, table: pd.DataFrame, scores: GridScores) -> list[Line]:
    """The methods' scores as the figures take them."""
    points: dict[str, list[Point]] = {name: [] for name in grid.labels}
    for (name, n), row in table.dropna(subset=["dice"]).iterrows():
        interval = None if pd.isna(row["dice_low"]) else (row["dice_low"], row["dice_high"])
        draws = tuple(scores.of(name, n).draw_means)
        points[name].append(Point(None if n == "all" else int(n), row["dice"], interval, draws))
    return [Line(label, tuple(points[name]), name == grid.ours) for name, label in grid.labels.items()]


# ---- what the page shows ---------------------------------------------------------------------------------------------


def _setting(grid: Grid, rows: GridRows, command: str) -> dict[str, Any]:
    """What was run, how and with what success."""
    shared, own = _training_settings(grid)
    return {
        "grid": grid,
        "labels": grid.labels,
        "command": command,
        "rows": rows,
        "planned": len(planned_runs(grid)),
        "cases": rows.cases["case"].nunique(),
        "patients": rows.cases["patient"].nunique(),
        "failed": rows.runs[rows.runs["status"] == FAILED].to_dict("records"),
        "shared": shared,
        "own": own,
    }


def _results(grid: Grid, scores: GridScores, table: pd.DataFrame) -> dict[str, Any]:
    differences = differences_to_others(grid, scores)
    ablation = differences["name"].isin(grid.ablations)
    selecting = [method.name for method in grid.methods if method.patients == SELECT]
    drawn = table[(table["n"] != "all") & ~table.index.isin(selecting, level=0)]
    few = drawn.loc[drawn["draws"].between(1, _ENOUGH_DRAWS - 1), "method"]
    placed = among_draws(grid, scores)
    return {
        "table": table.to_dict("records"),
        "others": differences[~ablation].to_dict("records"),
        "parts": differences[ablation].to_dict("records"),
        "placed": placed,
        "claims": claims(grid, scores, table=table, differences=differences, placed=placed),
        "least": LEAST,
        "trained": TRAINED,
        "few_draws": [label for label in grid.labels.values() if label in set(few)],
        "enough_draws": _ENOUGH_DRAWS,
    }


def _selections(grid: Grid, store: ResultStore) -> dict[str, Any]:
    """Who was selected."""
    selecting = [method for method in grid.methods if method.patients == SELECT]
    keys = [key for key in planned_runs(grid) if grid.method(key.method).patients == SELECT]
    alone = [grid.labels[method.name] for method in selecting if random_counterpart(grid, method) is None]
    chosen = [{"key": key, "patients": store.settings(key).get("fine_patients")} for key in keys]
    return {"selections": chosen, "without_counterpart": alone}


def _training_settings(grid: Grid) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    """The settings that all methods share, and with its label what each has besides."""
    first = {key.method: key for key in reversed(planned_runs(grid))}
    settings = [settings_of(grid, first[method.name]) for method in grid.methods]
    ours = [each for method, each in zip(grid.methods, settings, strict=True) if method.nnunet is None] or settings
    shared = {k: v for k, v in ours[0].items() if all(k in each and each[k] == v for each in ours)}
    own = []
    for method, each in zip(grid.methods, settings, strict=True):
        besides = {k: v for k, v in each.items() if k not in {*shared, "fine_patients"}}
        if method.nnunet is not None:
            besides |= {"nnunet": method.nnunet.model_dump(mode="json")}
        besides |= pretraining_of(grid, first[method.name])
        own.append((grid.labels[method.name], besides | ({"patients": SELECT} if method.patients == SELECT else {})))
    return shared, own
