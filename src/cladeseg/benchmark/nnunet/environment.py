"""The environment that nnU-Net is installed in, and how one of its commands is run there."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cladeseg.bundle.bundle_run import CommandError, terminate_on_exit
from cladeseg.files import DataError

PLAN, TRAIN, PREDICT = "nnUNetv2_plan_and_preprocess", "nnUNetv2_train", "nnUNetv2_predict"
#: The environment variable that names the folder.
VARIABLE = "CLADESEG_NNUNET"
#: On a CPU, nnU-Net takes as many threads as there are cores, whatever OMP_NUM_THREADS says.
_ONE_THREAD = """
import functools, multiprocessing, runpy, sys
multiprocessing.cpu_count = functools.partial(int, 1)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_KILL_AFTER_S = 10.0


class NnunetEnvironment:
    """A Python environment with nnU-Net v2.

    Args:
        folder: of the environment; ``bin`` in it holds Python and nnU-Net's commands.

    Raises:
        DataError: a command is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        for name in ("python", PLAN, TRAIN, PREDICT):
            if not (self.folder / "bin" / name).is_file():
                raise DataError(
                    f"{folder}: is no environment with nnU-Net v2, as it has no bin/{name}; 'make nnunet-env' makes one"
                )

    @property
    def version(self) -> str:
        """Of nnU-Net; ``"unknown"`` where its installation does not say."""
        installed = sorted(self.folder.glob("lib/python*/site-packages/nnunetv2-*.dist-info"))
        return installed[0].name.removesuffix(".dist-info").partition("-")[2] if installed else "unknown"

    def run(self, name: str, arguments: Sequence[str], *, variables: Mapping[str, str], log: Path) -> None:
        """Run a command to its end, on one thread.

        When this process is interrupted or terminated, the command ends with all its workers.

        Args:
            name: of the command.
            arguments: of the command.
            variables: environment variables on top of this process's.
            log: file that gets what the command writes, at its end.

        Raises:
            DataError: the command failed; the message has the last thing that it said.
        """
        bin_folder = self.folder / "bin"
        with log.open("ab") as file:
            begin = file.tell()
            process = subprocess.Popen(
                [str(bin_folder / "python"), "-c", _ONE_THREAD, str(bin_folder / name), *arguments],
                env={**_outside(os.environ), **variables},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own, so that its workers can be ended with it
            )
        with terminate_on_exit([_Group(process)]):
            code = process.wait()
        if code:
            said = CommandError(log, name, code, begin).summary
            raise DataError(f"{log}: {name}: {said}; the lines above this one say more")


def _outside(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that would lead Python to our own packages."""
    return {name: value for name, value in variables.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


class _Group:
    """A command with its workers."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def stop(self) -> None:
        """End whoever is left."""
        self._send(signal.SIGTERM)
        try:
            self.process.wait(_KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            self._send(signal.SIGKILL)
            self.process.wait()

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
