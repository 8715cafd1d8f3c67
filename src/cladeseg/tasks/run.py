"""Do tasks one after the other, or as many at a time as a cluster has workers."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

from cladeseg.files import DataError, one_line
from cladeseg.tasks.end import End
from cladeseg.tasks.machines import IN_PROCESS, Machines
from cladeseg.tasks.task import ATTEMPTS, Task, Work, attempt

if TYPE_CHECKING:
    from distributed import Client, Future

#: Tasks that wait in the scheduler, so that neither it nor this process grows with the length of the list.
_WAITING = 500
#: A worker with several threads does one task at a time all the same: a network is not made to be shared.
_ONE_AT_A_TIME = Lock()


class _NotLoadedError(Exception):
    """The work itself cannot be loaded on a worker, whichever task it is for."""


class _GivenUpError(Exception):
    """A task failed too often; raised, as the scheduler keeps errors while results go with a worker that dies."""


def run_tasks(work: Work, tasks: Sequence[Task], machines: Machines = IN_PROCESS) -> Iterator[End]:
    """Do every task, each with its result in its own file, and say so as each comes to its end.

    A task whose worker dies is done again by another one.  One that fails three times, or with which three workers
    die, is given up; the others go on.

    Args:
        work: what is done; for other processes it is pickled, and loaded once by each.
        tasks: those to do, see :func:`~cladeseg.tasks.missing_tasks`.
        machines: where.

    Yields:
        Each task as it ends, with what went wrong if it was given up.

    Raises:
        DataError: no scheduler answers any more, or its workers cannot load the work.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from cladeseg.files import read_json
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tasks = [Task(str(n), n, Path(folder, f"{n}.json")) for n in (1, 2)]
        ...     ends = list(run_tasks(lambda n: n + 0.5, tasks))
        ...     [end.message for end in ends], [read_json(task.file) for task in tasks]
        ([None, None], [1.5, 2.5])
    """
    if machines.in_process:
        for task in tasks:
            yield End(task, attempt(work, task))
        return
    if not tasks:
        return
    from cladeseg.tasks.cluster import client_of

    with client_of(machines) as client:
        yield from _on_cluster(client, pickle.dumps(work), tasks)


def _on_cluster(client: Client, work: bytes, tasks: Sequence[Task]) -> Iterator[End]:
    from distributed import as_completed

    waiting, of_future = iter(tasks), {}

    def submit(task: Task) -> Future:
        future = client.submit(_on_worker, work, task, pure=False)
        of_future[future.key] = task
        return future

    running = as_completed([submit(task) for task in islice(waiting, _WAITING)], loop=client.loop)
    for future in running:
        task = of_future.pop(future.key)
        if _is_lost(future, client):
            running.add(submit(task))
            continue
        yield End(task, _message(future))
        running.update([submit(one) for one in islice(waiting, 1)])


def _is_lost(future: Future, client: Client) -> bool:
    """Whether a worker died with the word that a task has ended, before this process had heard it.

    Raises:
        DataError: the scheduler itself is gone.
    """
    if future.status in {"finished", "error"}:
        return False
    if client.status != "running":
        raise DataError("the scheduler is gone; what is finished is kept, call the command again to go on")
    return True


def _on_worker(work: bytes, task: Task) -> None:
    with _ONE_AT_A_TIME:
        # Dask does a finished task again if its worker died before this process had heard of it.
        message = None if task.file.is_file() else attempt(_loaded(work), task)
    if message is not None:
        raise _GivenUpError(message)


@lru_cache(maxsize=1)
def _loaded(work: bytes) -> Work:
    """The work, once a process: it may hold a network."""
    try:
        return pickle.loads(work)
    except Exception as error:
        raise _NotLoadedError(one_line(error)) from error


def _message(future: Future) -> str | None:
    """What an ended task says of its failure."""
    from distributed import KilledWorker

    error = future.exception()
    if error is None:
        return None
    if isinstance(error, _GivenUpError):
        return str(error)
    if isinstance(error, KilledWorker):
        return f"{ATTEMPTS} workers died with it, e.g. for lack of memory"
    if isinstance(error, _NotLoadedError):
        raise DataError(f"a worker cannot begin: {error}")
    raise DataError(f"a task ended with {type(error).__name__}: {one_line(error)}; call the command again to go on")
