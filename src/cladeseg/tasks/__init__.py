"""A list of independent tasks, each with a result file of its own: in this process, or on other processes by Dask."""

from cladeseg.tasks.end import End, raise_failures
from cladeseg.tasks.machines import IN_PROCESS, Machines
from cladeseg.tasks.run import run_tasks
from cladeseg.tasks.task import Task, Work, drop_stale, missing_tasks

__all__ = [
    "IN_PROCESS",
    "End",
    "Machines",
    "Task",
    "Work",
    "drop_stale",
    "missing_tasks",
    "raise_failures",
    "run_tasks",
]
