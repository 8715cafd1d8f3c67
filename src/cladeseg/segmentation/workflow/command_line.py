"""The command line of a bundle's training, checked against the settings that there are."""

from __future__ import annotations

from cladeseg.bundle.checked_command import check_command
from cladeseg.segmentation.workflow.settings import TrainingSettings


def check_training_overrides() -> None:
    """Refuse overrides that nobody obeys; see :func:`~cladeseg.bundle.checked_command.check_command`."""
    check_command(TrainingSettings)
