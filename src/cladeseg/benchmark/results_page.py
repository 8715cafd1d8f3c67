"""The page of a benchmark: figure, table, differences, and everything that a reader needs to judge or repeat it."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from cladeseg.benchmark.cells import scores_of
from cladeseg.benchmark.claims import claims, claims_markdown
from cladeseg.benchmark.differences import differences_markdown
from cladeseg.benchmark.figure import write_figure
from cladeseg.benchmark.grid import SELECT, Budget, Grid
from cladeseg.benchmark.runs import RunKey, chosen_patients, planned_runs, settings_of
from cladeseg.benchmark.select_arm import among_draws, random_counterpart
from cladeseg.benchmark.store import FAILED, FINISHED, CaseRow, ResultStore, RunRow
from cladeseg.benchmark.svg import Line, Point
from cladeseg.benchmark.table import TableRow, gap_markdown, part_of, table_markdown, table_rows, write_table_csv
from cladeseg.bundle.run_folder import versions
from cladeseg.files import atomic_write
from cladeseg.statistics.differences import mean_score
from cladeseg.statistics.paired import draw_means

#: A bootstrap of fewer draws than this cannot tell how far draws spread.
_FEW_DRAWS = 5


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
    parts = [
        ("", _head(grid, runs, cases, command)),
        ("", _FIGURE),
        ("Which claims hold", _claims(grid, runs, cases)),
        ("Scores", f"{table_markdown(rows)}\n{_SCORES}"),
        ("Intervals", _INTERVALS + _few_draws(grid, rows)),
        ("Between lower and upper", gap_markdown(grid, rows)),
        ("Differences", _differences(grid, cases)),
        ("What each part brings", _ablations(grid, cases)),
        ("Patients chosen by select", _selected(grid, store, cases)),
        ("Failed runs", _failures(runs)),
        ("What was chosen on which cases", _choices(grid)),
        ("Settings", _settings(grid)),
    ]
    page = f"# {grid.name}\n" + "".join(_section(title, body) for title, body in parts if body)
    with atomic_write(folder / "README.md") as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return folder / "README.md"


def figure_lines(grid: Grid, cases: Sequence[CaseRow]) -> list[Line]:
    """The methods' scores as the figure takes them."""
    return [
        Line(label, tuple(p for n in grid.budgets_of(name) for p in _points(grid, cases, name, n)), name == grid.ours)
        for name, label in grid.labels.items()
    ]


def _points(grid: Grid, cases: Sequence[CaseRow], method: str, n: Budget) -> list[Point]:
    cell = scores_of(grid, cases, method, n)
    score = mean_score(cell)
    mean = score["mean"]
    if mean is None:
        return []
    low, high = (mean if end is None else end for end in score["ci95"])  # one draw of one patient: a point alone
    return [Point(n if isinstance(n, int) else None, mean, low, high, tuple(draw_means(cell.scores).values()))]


def _section(title: str, body: str) -> str:
    return f"\n## {title}\n\n{body}" if title else f"\n{body}"


def _head(grid: Grid, runs: Sequence[RunRow], cases: Sequence[CaseRow], command: str) -> str:
    finished = sum(row.status == FINISHED for row in runs)
    found = ", ".join(f"{name} {number}" for name, number in versions().items())
    data = "phantoms drawn by the runner" if grid.dataset_dir is None else f"`{grid.dataset_dir.name}`"
    scored = f"{len({row.case for row in cases})} {grid.split} cases of {len({row.patient for row in cases})} patients"
    what = {
        "test": "scored on **test cases**; below stands what was chosen on which cases",
        "validation": "scored on **validation cases**, to choose between methods: no result of the test part is here",
    }
    lines = [
        what[grid.split],
        f"made by `{command}`, {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        f"bundle `{grid.bundle.name}`, data: {data}; scored on {scored}",
        f"{finished} of {len(planned_runs(grid))} runs are finished",
        f"versions: {found}; {platform.machine()}, one core each run",
    ]
    return "".join(f"* {line}\n" for line in lines)


def _claims(grid: Grid, runs: Sequence[RunRow], cases: Sequence[CaseRow]) -> str:
    found = claims(grid, cases)
    missing = len(planned_runs(grid)) - sum(row.status == FINISHED for row in runs)
    so_far = f"\n{missing} runs are missing: this is how it stands so far.\n" if missing else ""
    return f"{claims_markdown(found)}{so_far}\n{_RULES}" if found else ""


def _few_draws(grid: Grid, rows: Sequence[TableRow]) -> str:
    drawn = {row.method for row in rows if row.n != "all" and 0 < row.draws < _FEW_DRAWS}
    drawn -= {grid.labels[method.name] for method in grid.methods if method.patients == SELECT}
    names = ", ".join(label for label in grid.labels.values() if label in drawn)
    return f"\nFewer than {_FEW_DRAWS} draws, so that intervals tell little: {names}.\n" if drawn else ""


def _differences(grid: Grid, cases: Sequence[CaseRow]) -> str:
    """Paired differences of our method to every other one but its ablations."""
    if grid.ours is None:
        return "No method is named `ours` in the grid.\n"
    found = differences_markdown(grid, cases, [name for name in grid.labels if name not in grid.ablations])
    return f"{found}\n{_DIFFERENCES}" if found else "There is nothing to compare yet.\n"


def _ablations(grid: Grid, cases: Sequence[CaseRow]) -> str:
    found = differences_markdown(grid, cases, grid.ablations)
    return f"{found}\nAbove zero: ours is better than this form of it.\n" if found else ""


def _selected(grid: Grid, store: ResultStore, cases: Sequence[CaseRow]) -> str:
    """Who was chosen, and how that did among random draws."""
    keys = [key for key in planned_runs(grid) if grid.method(key.method).patients == SELECT]
    lines = [_who(grid, store, key) for key in keys]
    for found in among_draws(grid, cases):
        label, twin, draws = grid.labels[found.method], grid.labels[found.twin], len(found.draws)
        lines.append(
            f"{label}, n = {found.n}: Dice {found.dice:.3f}, not below {found.reached} of {draws} random draws of "
            f"{twin} (percentile {found.percentile:.0f}; they reach {found.draws[0]:.3f} to {found.draws[-1]:.3f})"
        )
    alone = [
        method for method in grid.methods if method.patients == SELECT and random_counterpart(grid, method) is None
    ]
    lines += [f"{grid.labels[method.name]}: no method of the grid trains like it on random draws" for method in alone]
    return "".join(f"* {line}\n" for line in lines)


def _who(grid: Grid, store: ResultStore, key: RunKey) -> str:
    patients = chosen_patients(store.run_file.parent, key)
    names = "not chosen yet" if patients is None else ", ".join(patients)
    return f"{grid.labels[key.method]}, n = {key.n}, seed {key.seed}: {names}"


def _failures(runs: Sequence[RunRow]) -> str:
    failed = [f"* {row.name}: {row.message}\n" for row in runs if row.status == FAILED]
    return "They have no scores and are tried again.\n\n" + "".join(failed) if failed else ""


def _choices(grid: Grid) -> str:
    """What a reader must know about who chose what on which cases."""
    notes = [
        "the last weights are scored, their moving average where a method keeps one: no epoch is selected on any case",
        "validation cases show the trainings their superclass outline only",
        *grid.notes,
    ]
    if any(method.patients == SELECT for method in grid.methods):
        notes.insert(2, "select looks at images and superclass outlines of training patients only")
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
    for method in grid.methods:
        own[method.name] |= {"patients": SELECT} if method.patients == SELECT else {}
    lines = [f"| {grid.labels[name]} | `{json.dumps(each)}` |\n" for name, each in own.items()]
    return f"Every run: `{json.dumps(shared)}`\n\n| method | besides |\n| --- | --- |\n" + "".join(lines)


_FIGURE = """![Dice against the number of finely labelled patients](dice.svg)

Bars and bands are 95 % intervals over draws and patients, circles the single draws.
"""
_RULES = """Shares and percentiles are judged by their point estimates. Nothing is corrected for the number of
comparisons.
"""
_SCORES = """n: finely labelled patients. Draws: choices of those patients, one for each draw and seed. Dice and IoU:
mean over leaves, cases and runs; *worst draw* is the lowest of the draws' means. HD95: where truth and prediction both
hold the structure; *missed* counts those that were not found. Peak MiB: resident memory of the process, without a
GPU's. Seconds include interrupted attempts.
"""
_INTERVALS = """All are 95 % percentile bootstraps (2000 resamples) that resample the draws of the fine patients and,
independently, the scored patients with all their cases; with one draw alone, patients only, and one draw of one
patient has none. A draw comes with its seed, so that the luck of the first weights is part of it. A bootstrap of few
draws is too narrow: where the draws decide, a t interval would be 2.7 times as wide with 3 draws, 1.6 times with 5 and
1.2 times with 10.
"""
_DIFFERENCES = """Paired over (draw, seed, case). A method without draws (all patients fine, or chosen by select) is
compared with ours case by case at every draw, i.e. with the mean over draws. *Better in* counts draws.
"""
