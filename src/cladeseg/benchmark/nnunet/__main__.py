"""``python -m cladeseg.benchmark.nnunet STAGE FOLDER``: what a benchmark starts for a run of nnU-Net."""

from __future__ import annotations

import sys
from pathlib import Path

from cladeseg.benchmark.nnunet.stages import NnunetStages
from cladeseg.bundle.failure import explain_failures


def main(stage: str, root: str) -> None:
    """Run a stage, ``training`` or ``evaluating``, of the run in a folder."""
    explain_failures()
    stages = NnunetStages(Path(root))
    {"training": stages.training, "evaluating": stages.evaluating}[stage]()


if __name__ == "__main__":
    main(*sys.argv[1:])
