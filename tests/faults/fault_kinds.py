"""What a fault is, and the list of all of them; each theme has a file of its own."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from fault_stage import Stage


def nothing(stage: Stage) -> None:
    """For faults that lie in the command alone."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that people do or find, and what they must be answered.

    Attributes:
        name: what is wrong, in a few words.
        command: as one types it; D is the data, B the bundle, R a finished run, N a name that is free.
        names: what the message must hold: the file, key or value at fault.
        plant: how it gets there.
        code: exit code.
        apart: whether it needs a process of its own.
        changed: files that may be written anew.
        new: files that may appear, or patterns of them: what is written before the data are read.
    """

    name: str
    command: str
    names: str
    plant: Callable[[Stage], None] = nothing
    code: int = 1
    apart: bool = False
    changed: tuple[str, ...] = ()
    new: tuple[str, ...] = ("N/run.json", "N/datalist.json", "N/.lock", "R/.lock")

    @property
    def words(self) -> list[str]:
        """The command as a shell splits it."""
        return shlex.split(self.command)


#: Short forms of commands.
CHECK = "cladeseg check D --taxonomy B/configs/taxonomy.json"
TRAIN = "cladeseg train B --dataset D --output N --device cpu"
RESUME = "cladeseg train B --dataset D --output R --device cpu --resume"
PREDICT = "cladeseg predict D N --bundle B --device cpu"
EVALUATE = "cladeseg evaluate B --dataset D --output R --device cpu"
_FOLDERS = "--bundle_root B --dataset_dir D --device cpu"
MONAI_TRAIN = f"python -m monai.bundle run training --config_file B/configs/train.json --output_dir N {_FOLDERS}"
MONAI_INFER = f"python -m monai.bundle run inference --config_file B/configs/inference.json --output_dir R {_FOLDERS}"
_EVALUATE_FILES = "\"['B/configs/train.json','B/configs/evaluate.json']\""
MONAI_EVALUATE = f"python -m monai.bundle run evaluating --config_file {_EVALUATE_FILES} --output_dir R {_FOLDERS}"
