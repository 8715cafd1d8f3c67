"""A run of nnU-Net, with the stages, files and figures of a bundle's run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from cladeseg.benchmark.nnunet.job import NnunetJob, write_job
from cladeseg.bundle.bundle_run import BundleRun

_EPOCH = re.compile(rb"Epoch (\d+)")


class NnunetRun(BundleRun):
    """Trains and scores nnU-Net in place of the bundle's network; its stages are judged by the same files.

    Args:
        job: what its commands need; it is written into the folder, where they read it.
        root: the run's output folder.
        label: what people call the run.
    """

    def __init__(self, job: NnunetJob, *, root: Path, label: str) -> None:
        super().__init__(bundle=job.bundle, root=root, label=label, options={})
        write_job(job, root)

    def command(self, stage: str) -> list[str]:
        """The command of a stage."""
        return [sys.executable, "-m", "cladeseg.benchmark.nnunet", stage, str(self.folder.root)]

    def history(self) -> dict[str, str]:
        """The epoch that nnU-Net is in, counted from 0; empty before the first."""
        found = _EPOCH.findall(self.log.read_bytes()) if self.log.is_file() else []
        return {"epoch": found[-1].decode()} if found else {}
