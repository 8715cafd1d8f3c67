"""Kill a worker of a prediction at a random moment, many times: nothing lost, nothing twice, the same table."""

from __future__ import annotations

import csv
import io
import logging
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from cladeseg.benchmark.cohorts.small_bundle import small_bundle
from cladeseg.benchmark.measured import measured_now
from cladeseg.files import DataError, read_json, write_json
from cladeseg.segmentation.phantoms import write_msd_phantoms

logger = logging.getLogger(__name__)

#: How processes that Dask's nannies start can be told from the others.
_WORKER = "spawn_main"
_LOOK_EVERY_S = 0.02


def kill_study(
    output: str | Path, *, bundle: str | Path | None = None, cases: int = 200, workers: int = 2, rounds: int = 20
) -> dict[str, Any]:
    """Predict phantoms in one process, then again and again with workers of which one is killed.

    A round that is there already is kept, so that the study goes on where it was stopped.

    Args:
        output: folder of phantoms, predictions and ``kills.json``.
        bundle: whose weights predict; one with a small network of random weights if ``None``.
        cases: how many phantoms.
        workers: of each round.
        rounds: how often one is killed.

    Returns:
        ``cases``, ``workers``, ``seconds`` of the one process, and for each of the ``rounds`` what :func:`_round` says.

    Raises:
        DataError: a prediction fails.
    """
    folder, measured = Path(output).absolute(), measured_now()
    root = small_bundle(folder) if bundle is None else Path(bundle).absolute()
    images = folder / "phantoms"
    write_msd_phantoms(images, cases=cases)
    alone, found = folder / "alone", []
    seconds = _seconds_alone(images / "imagesTr", alone, root)
    for number in range(rounds):
        file = folder / f"round_{number}.json"
        if not file.is_file():
            write_json(_round(images / "imagesTr", alone, folder / f"round_{number}", root, workers, number), file)
        found.append(read_json(file))
        logger.info("round %d of %d: %s", number + 1, rounds, found[-1])
    result = {"cases": cases, "workers": workers, "seconds": seconds, "rounds": found}
    write_json({**measured, "kills": result}, folder / "kills.json")
    return result


def _seconds_alone(images: Path, out: Path, bundle: Path) -> float:
    """Predict in one process, unless that was done before; what it took is kept."""
    file = out.with_suffix(".json")
    if not file.is_file():
        begin = time.perf_counter()
        _wait(_predict(images, out, bundle, "--resume"), out)
        write_json({"seconds": time.perf_counter() - begin}, file)
    return float(read_json(file)["seconds"])


def _round(images: Path, alone: Path, out: Path, bundle: Path, workers: int, seed: int) -> dict[str, Any]:  # noqa: PLR0917
    """One prediction with one kill, anew where an earlier call was stopped within the round.

    Returns:
        ``killed_after``: number of cases that were finished then; ``seconds``; ``lost`` and ``twice``: numbers of cases
        without rows in the table and with more than their rows; ``equal``: whether table and masks are those of the
        one process, byte by byte.
    """
    total, draw = len(list(alone.glob("*.nii.gz"))), random.Random(seed)
    shutil.rmtree(out, ignore_errors=True)
    begin = time.perf_counter()
    process = _predict(images, out, bundle, "--workers", str(workers))
    finished = _kill_one(process, out / "results", at=draw.randrange(1, total - workers), draw=draw)
    _wait(process, out)
    seconds = time.perf_counter() - begin
    rows = Counter(row[0] for row in csv.reader(io.StringIO((out / "volumes.csv").read_text(encoding="utf-8"))))
    wanted = Counter(row[0] for row in csv.reader(io.StringIO((alone / "volumes.csv").read_text(encoding="utf-8"))))
    return {
        "killed_after": finished,
        "seconds": seconds,
        "lost": sum(case not in rows for case in wanted),
        "twice": sum(count > wanted[case] for case, count in rows.items()),
        "equal": _written(out) == _written(alone),
    }


def _predict(images: Path, out: Path, bundle: Path, *more: str) -> subprocess.Popen[str]:
    code = "from cladeseg.cli import app; app()"
    command = [sys.executable, "-c", code, "predict", str(images), str(out), "--bundle", str(bundle), "--quiet", *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _kill_one(process: subprocess.Popen[str], results: Path, *, at: int, draw: random.Random) -> int:
    """Kill a random worker once so many results are there, and a random moment later; the number there are then."""
    while process.poll() is None:
        if len(list(results.glob("[!.]*.json"))) >= at:
            time.sleep(draw.uniform(0, 0.5))
            children = psutil.Process(process.pid).children(recursive=True)
            running = [child for child in children if _WORKER in " ".join(child.cmdline())]
            draw.choice(running).kill()
            return len(list(results.glob("[!.]*.json")))
        time.sleep(_LOOK_EVERY_S)
    raise DataError(f"{results.parent}: the prediction ended before a worker was killed")


def _wait(process: subprocess.Popen[str], out: Path) -> None:
    _, messages = process.communicate()
    if process.returncode:
        raise DataError(f"{out}: the prediction failed ({' '.join(messages.split())[-500:]})")


def _written(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in out.iterdir() if file.name.endswith((".nii.gz", ".csv"))}


def kill_table(result: Mapping[str, Any]) -> str:
    """The result as a Markdown table, one row for each round."""
    lines = ["| round | killed after | s | lost | twice | equal to one process |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {number + 1} | {row['killed_after']} cases | {row['seconds']:.0f} | {row['lost']} | {row['twice']} "
        f"| {'yes' if row['equal'] else 'no'} |"
        for number, row in enumerate(result["rounds"])
    ]
    equal, rounds = sum(row["equal"] for row in result["rounds"]), len(result["rounds"])
    said = (
        f"{result['cases']} cases on {result['workers']} workers, of which one was killed: {equal} of {rounds} rounds"
    )
    return "\n".join([*lines, "", f"{said} gave the table and the masks of one process, byte by byte."])
