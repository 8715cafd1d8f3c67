"""Writes every results page from the records of runs that the repository holds, and their list in docs/results.md.

From the records of measured times it writes docs/speed.md, and the profiles in bundles' pages.
python docs/_site/results_pages.py, or ``make results``; tests/docs compares what is there with what this writes.
"""

from __future__ import annotations

import csv
import shlex
from collections.abc import Iterator
from pathlib import Path

from cladeseg.benchmark import Grid, read_grid
from cladeseg.benchmark.omics import write_omics_results
from cladeseg.benchmark.results_page import write_results
from cladeseg.benchmark.runs import planned_runs
from cladeseg.benchmark.speed.page import profiles_paragraph, write_speed_page
from cladeseg.benchmark.speed.record import read_records
from cladeseg.benchmark.store import ResultStore
from cladeseg.files import atomic_write
from cladeseg.omics.study import read_study

REPOSITORY = Path(__file__).parents[2]
#: In docs/results.md, around the list.
BEGIN, END = "<!-- list of grids: written by make results -->", "<!-- end of the list -->"
#: In a bundle's page, around its profiles.
PROFILES, END_OF_PROFILES = "<!-- profiles: written by make results -->", "<!-- end of the profiles -->"
#: Folder of the records of measured times.
SPEED = Path("docs", "speed", "records")


def main(repository: Path = REPOSITORY, target: Path | None = None) -> list[Path]:
    """Write the pages.

    Args:
        repository: holds configs/benchmarks, bundles and docs/results.md.
        target: where the pages go, laid out as the repository is; the repository if ``None``.

    Returns:
        All files that hold a page.
    """
    target = target or repository
    pages = [_write(grid, config, repository, target) for config, grid in recorded_grids(repository)]
    index = target / "docs" / "results.md"
    text = (repository / "docs" / "results.md").read_text(encoding="utf-8")
    _write_text(index, between(text, BEGIN, END, table_of_grids(repository)))
    return [*pages, *_omics_pages(repository, target), *_speed_pages(repository, target), index]


def recorded_grids(repository: Path) -> Iterator[tuple[Path, Grid]]:
    """The shipped grids that keep their records in the repository, with a finished run of each method."""
    for config in sorted((repository / "configs" / "benchmarks").glob("*.json")):
        grid = read_grid(config)
        if grid.records is None or not grid.records.resolve().is_relative_to(repository.resolve()):
            continue
        store = ResultStore(grid.records)
        if {key.method for key in planned_runs(grid) if store.finished(key)} == set(grid.labels):
            yield config, grid


def _omics_pages(repository: Path, target: Path) -> list[Path]:
    """The page and the table of the omics study, where its records are."""
    folder = Path("bundles", "omics_subtype_classification", "docs", "results")
    results = read_study(repository / folder / "records")
    if results.empty:
        return []
    draws, seed = results["draw"].nunique(), results["seed"].iloc[0]
    quick = "" if (results["part"] != "main").any() else " --quick"
    command = f"cladeseg benchmark omics --dataset D --output S --draws {draws} --seed {seed}{quick}"
    return [write_omics_results(results, target / folder, title="Omics study of TCGA-BRCA", command=command)]


def _speed_pages(repository: Path, target: Path) -> list[Path]:
    """The page of times and the profiles in bundles' pages, where the folder of records is."""
    if not (repository / SPEED).is_dir():
        return []
    records, pages = read_records(repository / SPEED), []
    for source in sorted(repository.glob("bundles/*/docs/README.md")):
        text = source.read_text(encoding="utf-8")
        if PROFILES in text:
            pages.append(target / source.relative_to(repository))
            paragraph = profiles_paragraph(records, source.parents[1].name)
            _write_text(pages[-1], between(text, PROFILES, END_OF_PROFILES, paragraph))
    return [write_speed_page(repository / SPEED, target / SPEED.parents[1] / "speed.md"), *pages]


def between(text: str, begin: str, end: str, content: str) -> str:
    """A page with other content between two marks."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{content}{end}{after}"


def _write_text(file: Path, text: str) -> None:
    with atomic_write(file) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def table_of_grids(repository: Path) -> str:
    """A row for each results page, with what its table.csv says of the method that the grid calls ours."""
    lines = ["| grid | runs | fine patients | ours: mean leaf Dice [95 % CI] |", "|---|---:|---:|---:|"]
    for file in sorted(repository.glob("bundles/*/docs/results/*/table.csv")):
        with file.open(newline="", encoding="utf-8") as table:
            rows = list(csv.DictReader(table))
        config = repository / "configs" / "benchmarks" / f"{file.parent.name}.json"
        ours = _label_of_ours(config)
        link = f"[{file.parent.name}](../{(file.parent / 'README.md').relative_to(repository).as_posix()})"
        done, planned = (sum(int(row[name]) for row in rows) for name in ("finished", "planned"))
        shown = [row for row in rows if row["method"] == ours] or [{"n": "–", "dice": ""}]
        for row in shown:
            lines.append(f"| {link} | {done} of {planned} | {row['n']} | {_interval(row)} |")
    return "\n".join(lines) + "\n"


def _write(grid: Grid, config: Path, repository: Path, target: Path) -> Path:
    folder = grid.results or grid.bundle / "docs" / "results" / grid.name
    command = shlex.join(["cladeseg", "benchmark", "labels", f"benchmarks/{config.stem}", "--output", "R"])
    inside = folder.resolve().relative_to(repository.resolve())
    return write_results(grid, ResultStore(grid.records or ""), target / inside, command=command)


def _label_of_ours(config: Path) -> str:
    if not config.is_file():
        return ""
    grid = read_grid(config)
    return grid.labels.get(grid.ours or "", "")


def _interval(row: dict[str, str]) -> str:
    if not row["dice"]:
        return "–"
    mean = f"{float(row['dice']):.3f}"
    ends = [row.get("dice_low"), row.get("dice_high")]
    return f"{mean} [{float(ends[0]):.3f}, {float(ends[1]):.3f}]" if all(ends) else mean


if __name__ == "__main__":
    for page in main():
        print(page.relative_to(REPOSITORY))  # noqa: T201
