"""What the two stages of an nnU-Net run need, as a file in the run's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import JsonValue

from cladeseg.benchmark.nnunet.options import NnunetOptions
from cladeseg.bundle.settings import SettingsGroup, read_settings
from cladeseg.files import read_json, write_json
from cladeseg.segmentation.workflow.plan import TrainingPlan, settings_with
from cladeseg.segmentation.workflow.settings import TOP_LEVEL

FILE = "nnunet.json"


class NnunetJob(SettingsGroup):
    """One training of nnU-Net with its evaluation."""

    bundle: Path
    """Whose tree and defaults hold."""
    dataset_dir: Path
    """The data."""
    settings: dict[str, JsonValue]
    """Keys of the bundle's training config that decide the cases."""
    split: str
    """The part that is scored."""
    environment: Path
    """Where nnU-Net is installed."""
    options: NnunetOptions
    """How it trains."""

    def plan(self, root: Path) -> TrainingPlan:
        """The plan of our own training for the same run, whose datalist is taken: the same split and draw."""
        settings = settings_with(self.bundle, self.settings).model_dump(mode="json")
        top_level: dict[str, Any] = {key: settings.pop(key) for key in TOP_LEVEL}
        return TrainingPlan(
            settings=settings, bundle_root=self.bundle, dataset_dir=self.dataset_dir, output_dir=root, **top_level
        )


def write_job(job: NnunetJob, root: Path) -> None:
    """Put it into a run's folder."""
    write_json(job.model_dump(mode="json"), root / FILE)


def read_job(root: Path) -> NnunetJob:
    """Read it from a run's folder.

    Raises:
        DataError: it is not there, or damaged.
    """
    return read_settings(NnunetJob, read_json(root / FILE), source=str(root / FILE))
