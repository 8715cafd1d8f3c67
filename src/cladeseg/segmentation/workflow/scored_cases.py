"""Score the cases of an evaluation, in this process or on others, going on where an interrupted one stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cladeseg.bundle.run_folder import backup_existing
from cladeseg.files import DataError, read_json, write_json
from cladeseg.segmentation.engines import Evaluation
from cladeseg.segmentation.workflow.evaluation_work import EvaluationWork
from cladeseg.tasks import Machines, Task, missing_tasks, raise_failures, run_tasks

#: What decides the results, beside them; and the file that ends an evaluation.
REQUEST, FINISHED = "request.json", "metrics.json"
RESULTS = "results"


def begin_evaluation(folder: Path, request: Mapping[str, Any]) -> None:
    """Set aside what an earlier evaluation left, unless it was the same one and was interrupted.

    Args:
        folder: of the evaluation.
        request: everything that decides its results.

    Raises:
        DataError: a file cannot be written.
    """
    file = folder / REQUEST
    goes_on = file.is_file() and not (folder / FINISHED).exists() and read_json(file) == request
    if not goes_on:
        backup_existing(folder)
        write_json(request, file)


def scored_cases(
    work: EvaluationWork, cases: Sequence[Mapping[str, Any]], machines: Machines
) -> tuple[Evaluation, list[dict[str, Any]]]:
    """Score what is missing of some cases, and read all results.

    Args:
        work: what is done with each.
        cases: with ``case``, ``patient``, ``image`` and ``label``.
        machines: where.

    Returns:
        What was measured, and the entries of the page; both in the order of the cases.

    Raises:
        DataError: a case cannot be scored; the others are, and are kept.
    """
    tasks = [Task(case["case"], case, _result(work.folder, case["case"])) for case in cases]
    missing = missing_tasks(tasks)
    ends = list(tqdm(run_tasks(work, missing, machines), total=len(missing), desc="evaluating", unit="case"))
    raise_failures(ends)
    together, entries = Evaluation(), []
    for task in tasks:
        scores, entry = _read(task.file)
        together.add(scores)
        entries.append(entry)
    return together, entries


def _result(folder: Path, case: str) -> Path:
    return folder / RESULTS / f"{sha256(case.encode()).hexdigest()[:16]}.json"


def _read(file: Path) -> tuple[Evaluation, dict[str, Any]]:
    content = read_json(file)
    try:
        return Evaluation.of(content["scores"]), content["page"]
    except (TypeError, KeyError) as error:
        raise DataError(f"{file}: is no result of an evaluation; delete it and evaluate again") from error
