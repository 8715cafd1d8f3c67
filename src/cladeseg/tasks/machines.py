"""Where tasks run: in this process, on workers of this machine, on a running cluster, or on nodes that SLURM gives."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cladeseg.files import DataError

_EXTRA = ("distributed", "dask_jobqueue")


@dataclass(frozen=True)
class Machines:
    """Where tasks run; without any option in this process, one after the other.

    Attributes:
        workers: processes of this machine, or jobs of ``slurm``.
        scheduler: address of a running Dask scheduler, e.g. ``tcp://node1:8786``; its workers must see the same files.
        slurm: JSON or YAML file with the options of ``dask_jobqueue.SLURMCluster``.

    Raises:
        DataError: options that exclude each other, or the extra ``cladeseg[cluster]`` is not installed.

    Example:
        >>> Machines().in_process, Machines(workers=2).in_process
        (True, False)
    """

    workers: int | None = None
    scheduler: str | None = None
    slurm: Path | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise DataError(f"workers: {self.workers} is not at least 1")
        if self.scheduler is not None and (self.slurm is not None or self.workers is not None):
            other = "slurm" if self.slurm is not None else "workers"
            raise DataError(f"scheduler: a running cluster has workers already; leave out {other}")
        missing = [package for package in _EXTRA if not self.in_process and find_spec(package) is None]
        if missing:
            option = next(name for name in ("scheduler", "slurm", "workers") if getattr(self, name) is not None)
            raise DataError(f"{option}: needs {missing[0]}; install cladeseg[cluster]")

    @property
    def in_process(self) -> bool:
        """Whether nothing but this process is used."""
        return self.workers is None and self.scheduler is None and self.slurm is None


#: This process alone.
IN_PROCESS = Machines()
