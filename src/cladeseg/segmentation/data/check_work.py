"""Check one case as a training reads it: what a check does with each of its cases, in whatever process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cladeseg.files import DataError, file_stamp, read_json
from cladeseg.segmentation.data.finding import Finding, Inspection
from cladeseg.segmentation.data.integrity import default_workers, inspect_case
from cladeseg.segmentation.data.load_check import Load, load_findings
from cladeseg.segmentation.data.volume_files import channel_files
from cladeseg.tasks import Machines, Task, drop_stale, missing_tasks, raise_failures, run_tasks
from cladeseg.taxonomy import Taxonomy


@dataclass(frozen=True)
class CheckWork:
    """Callable with a task's argument; :meth:`examine` is what it does with its case.

    Args:
        dataset_dir: folder that the cases' paths are relative to.
        taxonomy: the tree of its labels.
        label_convention: file convention of the labels.
        channels: of every image.
        load: a training's preprocessing.
    """

    dataset_dir: Path
    taxonomy: Taxonomy
    label_convention: str
    channels: int
    load: Load

    def __call__(self, argument: Mapping[str, Any]) -> dict[str, Any]:
        """What is found in ``case``, and ``made_from``."""
        found = self.examine(argument["case"])
        return {"made_from": argument["made_from"], "inspection": asdict(found)}

    def examine(self, case: Mapping[str, Any]) -> Inspection:
        """Read a case, and if nothing fatal is found prepare it too."""
        seen = inspect_case(case, self.dataset_dir, self.taxonomy, self.label_convention, channels=self.channels)
        more = [] if seen.found("fatal") else load_findings(case, self.dataset_dir, self.load)
        return replace(seen, findings=(*seen.findings, *more))


def examine_in_threads(
    work: CheckWork, cases: Sequence[Mapping[str, Any]], *, workers: int | None, progress: bool
) -> list[Inspection]:
    """Examine cases in this process, some at a time; one inspection each, in their order."""
    with ThreadPoolExecutor(workers or default_workers()) as pool:
        found = pool.map(work.examine, cases)
        return list(tqdm(found, total=len(cases), desc="reading cases", unit="case", disable=not progress))


def examine_as_tasks(
    work: CheckWork, cases: Sequence[Mapping[str, Any]], results: Path, machines: Machines, *, progress: bool
) -> list[Inspection]:
    """Examine cases in whatever processes, each with a result file, which is good until one of its files changes.

    Args:
        work: what is done with each.
        cases: as the layout lists them.
        results: folder of the result files.
        machines: where.
        progress: show a progress bar.

    Returns:
        One inspection for each case, in the same order.

    Raises:
        DataError: a case could not be checked; the others were, and their results are kept.
    """
    tasks = [_task(case, work, results.absolute()) for case in cases]
    drop_stale(tasks)
    missing = missing_tasks(tasks)
    ends = run_tasks(work, missing, machines)
    raise_failures(list(tqdm(ends, total=len(missing), desc="reading cases", unit="case", disable=not progress)))
    return [_read(task.file) for task in tasks]


def _task(case: Mapping[str, Any], work: CheckWork, results: Path) -> Task:
    files = [file for file in (*channel_files(case["image"]), case.get("label")) if file is not None]
    paths = [Path(work.dataset_dir, file) for file in files]
    stamps = [file_stamp(path) if path.is_file() else [str(path)] for path in paths]
    made_from = {"files": stamps, "convention": work.label_convention, "channels": work.channels}
    made_from["tree"] = list(work.taxonomy.names)
    name = f"{sha256(case['case'].encode()).hexdigest()[:16]}.json"
    return Task(case["case"], {"case": dict(case), "made_from": made_from}, results / name)


def _read(file: Path) -> Inspection:
    content = read_json(file)
    try:
        found = dict(content["inspection"])
        found["findings"] = tuple(Finding(**one) for one in found["findings"])
        found["affine"] = tuple(map(tuple, found["affine"]))
        found |= {name: tuple(found[name]) for name in ("shape", "spacing")}
        return Inspection(**found)
    except (TypeError, KeyError) as error:
        raise DataError(f"{file}: is no result of a check; delete it and check again") from error
