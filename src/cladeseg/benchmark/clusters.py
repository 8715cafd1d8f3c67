"""The clustering study from the command line: all draws, one table as CSV and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from cladeseg.benchmark.store import write_csv
from cladeseg.bundle.run_folder import configure_logging
from cladeseg.clustering.model import ModelOptions
from cladeseg.clustering.study import (
    StudyPlan,
    candidate_page,
    read_candidates,
    read_study_objects,
    run_study,
    study_draws,
    study_page,
    study_table,
)
from cladeseg.files import atomic_write


def run_cluster_benchmark(
    dataset: str | Path,
    output: str | Path,
    *,
    unseen: Sequence[str] = (),
    seeds: int = 3,
    draws: int = 0,
    left_out: int = 3,
    test: float = 0.0,
    twin_steps: int = 0,
    match: bool = True,
    max_pairs: Sequence[int] = (),
    device: str = "auto",
) -> Path:
    """Compute what is missing; write ``table.csv`` and ``study.md``.

    Args:
        dataset: see :func:`~cladeseg.clustering.study.read_study_objects`.
        output: its ``draws`` folder keeps one small file for each draw.
        unseen: sets of classes that are kept back, each as ``"A,B"``.
        seeds: trainings for each set.
        draws: further draws of classes that are kept back.
        left_out: classes of each of these.
        test: share of the sources of seen classes that is scored as well.
        twin_steps: of the twin network's optimiser; 0 trains none.
        match: whether key points are matched.
        max_pairs: numbers of pairs that key points are matched for as well, beside all of them.
        device: of the twin network.

    Returns:
        ``study.md``.

    Raises:
        DataError: the data cannot be used, or draws there were made with other settings.
    """
    configure_logging()
    output = Path(output)
    objects = read_study_objects(dataset)
    sets = [[name.strip() for name in group.split(",")] for group in unseen]
    wanted = study_draws(list(objects.classes.values()), unseen=sets, seeds=seeds, draws=draws, left_out=left_out)
    plan = StudyPlan(_options(twin_steps, match), test=test, max_pairs=tuple(max_pairs))
    table = study_table(run_study(objects, plan, wanted, output / "draws", device=device))
    write_csv(table, output / "table.csv")
    page = study_page(table) + candidate_page(read_candidates(output / "draws", wanted))
    with atomic_write(output / "study.md") as temporary:
        temporary.write_text(page, encoding="utf-8")
    Console().print(page, soft_wrap=True, highlight=False, markup=False)
    return output / "study.md"


def _options(twin_steps: int, match: bool) -> ModelOptions:
    """Few and short trainings without classes, so that CPUs come to an end."""
    twin: dict[str, object] = {"enabled": twin_steps > 0}
    if twin_steps:
        twin |= {"steps": twin_steps, "fold_steps": max(1, twin_steps // 3), "folds": 3}
    return ModelOptions.model_validate({"pqap": {"enabled": match}, "twin": twin})
