"""Options that say where tasks run: what excludes what, and what becomes of a file for SLURM."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from planted_work import PlantedWork

from cladeseg.files import DataError, read_json, write_json
from cladeseg.tasks import Machines, Task, run_tasks
from cladeseg.tasks import machines as machines_module
from cladeseg.tasks.cluster import slurm_cluster

with_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="needs the extra cladeseg[cluster]")
NODE = {"queue": "long", "memory": "4GB", "walltime": "01:00:00", "interface": "lo"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers: 0 is not at least 1"),
        ({"scheduler": "tcp://a:1", "workers": 2}, "scheduler: .* leave out workers"),
        ({"scheduler": "tcp://a:1", "slurm": Path("s.json")}, "scheduler: .* leave out slurm"),
    ],
)
def test_options_that_exclude_each_other_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Machines(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", [{"workers": 2}, {"scheduler": "tcp://a:1"}, {"slurm": Path("s.json")}])
def test_without_the_extra_the_option_says_what_to_install(
    option: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines_module, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=rf"{next(iter(option))}: needs distributed; install cladeseg\[cluster\]"):
        Machines(**option)  # type: ignore[arg-type]
    assert Machines().in_process, "nothing is needed in this process"


@with_dask
@pytest.mark.parametrize(
    ("content", "message"),
    [("[1, 2]", "should hold options"), ("{", "cannot be read"), ('{"colour": "red"}', "colour")],
)
def test_a_file_for_slurm_that_cannot_be_used_is_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "slurm.json"
    file.write_text(content)
    with pytest.raises(DataError, match=rf"slurm\.json: .*{message}"):
        slurm_cluster(file, 1)


@with_dask
def test_tasks_run_in_jobs_of_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for sbatch starts each job's script here; what it was given is what SLURM would be."""
    programs = tmp_path / "bin"
    programs.mkdir()
    sbatch = programs / "sbatch"
    keep = f'cp "$1" {tmp_path}/job.sh\nbash {tmp_path}/job.sh >{tmp_path}/job.log 2>&1 &\n'
    sbatch.write_text(f'#!/bin/sh\n{keep}echo "Submitted batch job $!"\n')
    scancel = programs / "scancel"
    scancel.write_text("#!/bin/sh\nkill $1 2>/dev/null\nexit 0\n")
    for program in (sbatch, scancel):
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    write_json({**NODE, "cores": 2}, tmp_path / "slurm.json")
    tasks = [Task(str(i), {"name": str(i), "number": i}, tmp_path / "results" / f"{i}.json") for i in range(4)]
    ends = list(run_tasks(PlantedWork(tmp_path), tasks, Machines(slurm=tmp_path / "slurm.json")))
    assert [end.message for end in ends] == [None] * 4
    assert [read_json(task.file)["square"] for task in tasks] == [0, 1, 4, 9]
    script = (tmp_path / "job.sh").read_text()
    assert "#SBATCH -p long" in script
    assert "--nthreads 2" in script, "one process with the job's cores"
