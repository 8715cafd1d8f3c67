"""Opening the folder of a training, new or resumed."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cladeseg.bundle.run_folder import RunFolder, check_same_training, start_run
from cladeseg.bundle.settings import SettingsGroup
from cladeseg.segmentation.engines.checkpoint import load_checkpoint
from cladeseg.segmentation.engines.history import read_history
from cladeseg.taxonomy import Taxonomy


def open_training(
    folder: RunFolder, settings: SettingsGroup, taxonomy: Taxonomy, *, resume: bool, free: Collection[str]
) -> None:
    """Open a run's folder, or refuse it; see :func:`~cladeseg.bundle.run_folder.start_run`.

    Args:
        folder: of the run.
        settings: everything that decides the training's outcome, besides the data.
        taxonomy: the tree that is learnt.
        resume: go on from the folder's training state if there is one.
        free: names of settings that a resumed training may have otherwise.

    Raises:
        DataError: the folder holds a training that is not to be resumed, or was trained with other settings or on
            another tree, or what is to be resumed is damaged.
    """

    def check_state(path: Path) -> None:
        state = load_checkpoint(path)
        check_same_training(state, settings, taxonomy, path, free=free)
        read_history(folder.history, state["epoch"])

    start_run(folder, settings, resume, taxonomy=taxonomy, free=free, check_state=check_state)
