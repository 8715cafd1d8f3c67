"""The page of a benchmark: figure, table, differences, and everything that a reader needs to judge or repeat it."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from cladeseg.benchmark.figure import Line, Point, write_figure
from cladeseg.benchmark.grid import Budget, Grid
from cladeseg.benchmark.runs import planned_runs, settings_of
from cladeseg.benchmark.statistics import cell_of, draw_means, mean_score, paired_difference
from cladeseg.benchmark.store import FAILED, FINISHED, CaseRow, ResultStore, RunRow
from cladeseg.benchmark.table import part_of, table_markdown, table_rows, with_interval, write_table_csv
from cladeseg.bundle.run_folder import versions
from cladeseg.files import whole_file


def write_results(grid: Grid, store: ResultStore, folder: str | Path, *, command: str) -> Path:
    """Write README.md, table.csv and dice.svg.

    Args:
        grid: the benchmark.
        store: its results so far.
        folder: where to.
        command: the command that makes this page.

    Returns:
        The page.
    """
    folder = Path(folder)
    runs, cases = part_of(grid, store)
    write_figure(figure_lines(grid, cases), folder / "dice.svg", title=f"{grid.name}: {grid.split} cases")
    rows = table_rows(grid, store)
    write_table_csv(rows, folder / "table.csv")
    page = _PAGE.format(
        name=grid.name,
        head=_head(grid, runs, cases, command),
        table=table_markdown(grid, rows),
        differences=_differences(grid, cases),
        failures=_failures(grid, runs),
        choices=_choices(grid),
        settings=_settings(grid),
    )
    with whole_file(folder / "README.md") as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return folder / "README.md"


def figure_lines(grid: Grid, cases: Sequence[CaseRow]) -> list[Line]:
    """The methods' scores as the figure takes them."""
    return [
        Line(label, tuple(point for n in method.n or grid.n for point in _points(cases, method.name, n)))
        for method, label in zip(grid.methods, grid.labels.values(), strict=True)
    ]


def _points(cases: Sequence[CaseRow], method: str, n: Budget) -> list[Point]:
    cell = cell_of(cases, method, n)
    score = mean_score(cell)
    low, high = score["ci95"]
    if score["mean"] is None or low is None or high is None:
        return []
    number = n if isinstance(n, int) else None
    return [Point(number, score["mean"], low, high, tuple(draw_means(cell).values()))]


def _head(grid: Grid, runs: Sequence[RunRow], cases: Sequence[CaseRow], command: str) -> str:
    finished = sum(row.status == FINISHED for row in runs)
    found = ", ".join(f"{name} {number}" for name, number in versions().items())
    data = "phantoms drawn by the runner" if grid.dataset_dir is None else f"`{grid.dataset_dir.name}`"
    scored = f"{len({row.case for row in cases})} {grid.split} cases of {len({row.patient for row in cases})} patients"
    lines = [
        f"made by `{command}`, {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        f"bundle `{grid.bundle.name}`, data: {data}; scored on {scored}",
        f"{finished} of {len(planned_runs(grid))} runs are finished",
        f"versions: {found}; {platform.machine()}, one core each run",
    ]
    return "".join(f"* {line}\n" for line in lines)


def _differences(grid: Grid, cases: Sequence[CaseRow]) -> str:
    """Paired differences of our method to every other one, where both have scores."""
    if grid.ours is None:
        return "No method is named `ours` in the grid.\n"
    lines = [
        line for n in grid.method(grid.ours).n or grid.n for name in grid.labels for line in _pair(grid, cases, name, n)
    ]
    header = f"| {grid.labels[grid.ours]} minus | n | Dice [95 % CI] | pairs |\n| --- | ---: | ---: | ---: |\n"
    return header + "".join(lines) if lines else "There is nothing to compare yet.\n"


def _pair(grid: Grid, cases: Sequence[CaseRow], name: str, n: Budget) -> list[str]:
    if name == grid.ours or grid.ours is None:
        return []
    ours = cell_of(cases, grid.ours, n)
    others = [(each, cell_of(cases, name, each)) for each in dict.fromkeys((n, *(grid.method(name).n or grid.n)))]
    matching = [cell for each, cell in others if cell.scores and each in (n, "all")]
    if not ours.scores or not matching:
        return []
    found = paired_difference(ours, matching[0])
    return [f"| {grid.labels[name]} | {n} | {with_interval(found, sign='+')} | {found['n']} |\n"]


def _failures(grid: Grid, runs: Sequence[RunRow]) -> str:
    failed = [f"* {row.name}: {row.message}\n" for row in runs if row.status == FAILED]
    return "\n## Failed runs\n\nThey have no scores and are tried again.\n\n" + "".join(failed) if failed else ""


def _choices(grid: Grid) -> str:
    """What a reader must know about who chose what on which cases."""
    notes = [
        "the last weights (the moving average of the student) are scored: no epoch is selected on any case",
        "validation cases show the trainings their superclass outline only",
        *grid.notes,
    ]
    if grid.split == "validation":
        notes.append("these are validation cases, for choosing between methods: no result of the test part is here")
    return "".join(f"* {note}\n" for note in notes)


def _settings(grid: Grid) -> str:
    first = {
        method.name: next(key for key in planned_runs(grid) if key.method == method.name) for method in grid.methods
    }
    settings = {name: settings_of(grid, key) for name, key in first.items()}
    shared = {
        key: value
        for key, value in settings[grid.methods[0].name].items()
        if all(key in other and other[key] == value for other in settings.values())
    }
    own = {
        name: {k: v for k, v in each.items() if k not in {*shared, "fine_patients"}} for name, each in settings.items()
    }
    lines = [f"| {grid.labels[name]} | `{json.dumps(each)}` |\n" for name, each in own.items()]
    return f"Every run: `{json.dumps(shared)}`\n\n| method | besides |\n| --- | --- |\n" + "".join(lines)


_PAGE = """# {name}

{head}
![Dice against the number of finely labelled patients](dice.svg)

Bands are 95 % bootstrap intervals over patients, small circles the single draws.

{table}
n: finely labelled patients. Dice and IoU: mean over leaves. HD95: where truth and prediction both hold the structure;
*missed* counts those that were not found. Differences are paired over (draw, seed, case); intervals resample patients.
Peak MiB: resident memory of the process, without a GPU's. Seconds include interrupted attempts.

## Differences

{differences}{failures}
## What was chosen on which cases

{choices}
## Settings

{settings}"""
