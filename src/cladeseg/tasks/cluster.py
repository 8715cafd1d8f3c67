"""Dask clusters as :class:`~cladeseg.tasks.Machines` describe them; the only file that starts one."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cladeseg.files import DataError, one_line
from cladeseg.tasks.machines import Machines
from cladeseg.tasks.task import ATTEMPTS

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

_CONNECT_S = 30
#: One task at a time in a worker, whose threads then belong to the network.
_ONE_THREAD = {"threads_per_worker": 1, "memory_limit": 0, "dashboard_address": "127.0.0.1:0"}
#: The scheduler gives a task up once as many workers died with it as attempts may fail.  No worker has a second task
#: in waiting, which would be blamed for its death too.
_CONFIG = {"distributed.scheduler.allowed-failures": ATTEMPTS - 1, "distributed.scheduler.worker-saturation": 1.0}


@contextmanager
def client_of(machines: Machines) -> Iterator[Client]:
    """A client of the cluster, which is closed in the end if this call started it.

    Raises:
        DataError: no scheduler answers, or the file for SLURM cannot be used.
    """
    import dask
    from distributed import Client

    with dask.config.set(_CONFIG):
        if machines.scheduler is not None:
            with _connected(Client, machines.scheduler) as client:
                yield client
            return
        with _started(machines) as cluster, Client(cluster, set_as_default=False) as client:
            yield client


def _connected(client: type[Client], address: str) -> Client:
    try:
        found = client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{address}: no scheduler answers ({one_line(error, 200)})") from error
    number = len(found.scheduler_info(n_workers=-1)["workers"])
    logger.info("%s: %s", address, f"{number} workers" if number else "no worker yet; tasks wait for the first")
    return found


def _started(machines: Machines) -> Any:
    if machines.slurm is not None:
        return slurm_cluster(machines.slurm, machines.workers or 1)
    from distributed import LocalCluster

    number = machines.workers or 1
    threads = {"OMP_NUM_THREADS": str(max(1, _cores() // number))}
    return LocalCluster(n_workers=number, env=threads, silence_logs=logging.CRITICAL, **_ONE_THREAD)


def slurm_cluster(file: Path, jobs: int) -> Any:
    """A cluster whose workers are jobs of SLURM.

    Args:
        file: options of ``dask_jobqueue.SLURMCluster`` in JSON or YAML, e.g. ``queue``, ``memory``, ``walltime``.
        jobs: number of jobs.

    Raises:
        DataError: the file cannot be read, holds no options, or one that there is not.
    """
    from dask_jobqueue import SLURMCluster

    try:
        options = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"{file}: cannot be read ({one_line(error)})") from error
    if not isinstance(options, dict):
        raise DataError(f"{file}: should hold options of dask_jobqueue.SLURMCluster, e.g. queue, memory, walltime")
    try:
        # One process a job, as a worker has one model; 'cores' is then what the network computes with.
        cluster = SLURMCluster(**{"processes": 1, "cores": 1, "n_workers": 0, **options})
    except (TypeError, ValueError) as error:
        raise DataError(f"{file}: {one_line(error)}") from error
    cluster.scale(jobs=jobs)
    return cluster


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
