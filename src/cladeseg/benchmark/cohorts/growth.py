"""Memory and time of commands on more and more links to the same few phantoms: what grows is the bookkeeping."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.benchmark.cohorts.small_bundle import small_bundle
from cladeseg.benchmark.measured import measured_now
from cladeseg.files import DataError, read_json, write_json
from cladeseg.segmentation.phantoms import write_msd_phantoms

logger = logging.getLogger(__name__)

SIZES = (10, 100, 1000, 10_000)
_PHANTOMS = 10
_SHAPE = (20, 24, 18)
#: One step and no cache, so that what is measured is the start.
_SHORT_TRAINING = ("epochs=1", "optimizer.steps_per_epoch=1", "data.cache_gigabytes=0", "propagation.enabled=false")
Command = Callable[[Path, Path, Path], list[str]]


def growth_study(
    output: str | Path, *, sizes: Sequence[int] = SIZES, commands: Sequence[str] | None = None
) -> dict[str, Any]:
    """Run each command on each number of cases, in a process of its own.

    A measurement that is there already is kept, so that the study goes on where it was stopped.

    Args:
        output: folder of phantoms, measurements and ``growth.json``.
        sizes: numbers of cases.
        commands: keys of :data:`COMMANDS`; all of them if ``None``.

    Returns:
        command → number of cases → ``cpu_seconds``, which other work on the machine does not change, ``seconds`` and
        ``peak_mb`` of the process.

    Raises:
        DataError: a command fails.
    """
    folder, measured = Path(output).absolute(), measured_now()
    bundle, phantoms = small_bundle(folder), folder / "phantoms"
    write_msd_phantoms(phantoms, cases=_PHANTOMS, affines="ras", shape=_SHAPE, spacing=(2.0, 2.0, 2.0))
    found: dict[str, Any] = {}
    for name in commands or COMMANDS:
        for size in sizes:
            file = folder / "measured" / f"{name}_{size}.json"
            if not file.is_file():
                write_json(_measured(COMMANDS[name], bundle, _links(phantoms, folder, size)), file)
            found.setdefault(name, {})[str(size)] = read_json(file)
            logger.info("%s, %d cases: %s", name, size, found[name][str(size)])
    write_json({**measured, "growth": found}, folder / "growth.json")
    return found


def _links(phantoms: Path, folder: Path, size: int) -> Path:
    """A folder in the Decathlon's layout whose cases are links to a few phantoms in turn.

    Hard ones: several symbolic links to one image are one case to a prediction.
    """
    data = folder / f"links_{size}"
    if data.is_dir():
        return data
    names = sorted(file.name for file in (phantoms / "imagesTr").iterdir())
    listed = []
    for part in ("imagesTr", "labelsTr"):
        (data / part).mkdir(parents=True)
    for number in range(size):
        name = f"hippocampus_{number:05d}.nii.gz"
        for part in ("imagesTr", "labelsTr"):
            (data / part / name).hardlink_to(phantoms / part / names[number % len(names)])
        listed.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    write_json({**read_json(phantoms / "dataset.json"), "training": listed, "numTraining": size}, data / "dataset.json")
    return data


def _measured(command: Command, bundle: Path, data: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="cladeseg-growth.") as out:
        arguments = command(bundle, data, Path(out, "out"))
        call = [sys.executable, "-c", "from cladeseg.cli import app; app()", *arguments, "--quiet"]
        with Path(out, "messages").open("w+", encoding="utf-8") as messages:
            begin = time.perf_counter()
            process = subprocess.Popen(call, stdout=messages, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            messages.seek(0)
            if process.returncode:
                raise DataError(f"{' '.join(arguments)}: failed ({messages.read().strip()[-800:]})")
        shutil.rmtree(Path(out, "out"), ignore_errors=True)
    used = usage.ru_utime + usage.ru_stime
    return {"cpu_seconds": used, "seconds": seconds, "peak_mb": usage.ru_maxrss / 1024}


def _check(bundle: Path, data: Path, out: Path) -> list[str]:
    return ["check", str(data), "--taxonomy", str(bundle / "configs" / "taxonomy.json"), "--workers", "1"]


def _train(bundle: Path, data: Path, out: Path) -> list[str]:
    changes = [text for change in _SHORT_TRAINING for text in ("--set", change)]
    return ["train", str(bundle), "--dataset", str(data), "--output", str(out), "--device", "cpu", *changes]


def _predict(bundle: Path, data: Path, out: Path) -> list[str]:
    return ["predict", str(data / "imagesTr"), str(out), "--bundle", str(bundle), "--device", "cpu"]


def _evaluate(bundle: Path, data: Path, out: Path) -> list[str]:
    where = ["--dataset", str(data), "--output", str(out)]
    return ["evaluate", str(bundle), *where, "--split", "all", "--device", "cpu"]


#: What is measured, by the names of the commands.
COMMANDS: Mapping[str, Command] = {"check": _check, "train": _train, "predict": _predict, "evaluate": _evaluate}


def growth_table(result: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """The result as a Markdown table: memory beside that of the fewest cases, and CPU time of each further case."""
    lines = [
        "| command | cases | CPU s | CPU ms a further case | peak MB | beside the fewest |",
        "|---|---|---|---|---|---|",
    ]
    for name, rows in result.items():
        sizes = sorted(rows, key=int)
        first = rows[sizes[0]]
        for size in sizes:
            row, more = rows[size], int(size) - int(sizes[0])
            each = f"{1000 * (row['cpu_seconds'] - first['cpu_seconds']) / more:.0f}" if more else "–"
            ratio = row["peak_mb"] / first["peak_mb"] - 1
            lines.append(
                f"| {name} | {int(size):,} | {row['cpu_seconds']:.0f} | {each} | {row['peak_mb']:.0f} | {ratio:+.0%} |"
            )
    return "\n".join(lines)
