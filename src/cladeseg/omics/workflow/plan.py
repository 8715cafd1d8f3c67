"""An omics run as its config describes it: checked settings, the class tree, the folders."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cladeseg.bundle.checked_command import check_command
from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.settings import read_settings
from cladeseg.classes import class_tree
from cladeseg.omics.data import OmicsCohort, read_dataset
from cladeseg.omics.workflow.settings import OmicsSettings
from cladeseg.taxonomy import Taxonomy


class OmicsPlan:
    """What every part of a run asks for; nothing is read or written before somebody asks.

    Args:
        settings: what differs from the defaults of :class:`OmicsSettings`, nested as it is.
        bundle_root: folder of the bundle.
        dataset_dir: the data; see :func:`~cladeseg.omics.data.read_dataset`.
        output_dir: folder of the run.
        classes: the class tree's file in the bundle; ``None`` for a flat tree of the labels that are found.
        **top_level: the settings that are top-level keys of the config.

    Raises:
        SettingsError: a setting does not exist or does not fit; the message names the key.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        bundle_root: str | Path,
        dataset_dir: str | Path,
        output_dir: str | Path,
        classes: str | None,
        **top_level: Any,
    ) -> None:
        check_omics_overrides()
        self.settings = read_settings(OmicsSettings, {**settings, **top_level})
        self.bundle_root = Path(bundle_root)
        self.dataset_dir = Path(dataset_dir)
        self.run_folder = RunFolder(output_dir)
        self.classes = classes

    @cached_property
    def tree(self) -> Taxonomy | None:
        """The class tree, if the bundle has one."""
        return None if self.classes is None else class_tree(self.classes, self.bundle_root)

    @cached_property
    def cohort(self) -> OmicsCohort:
        """All patients of the data, with their labels."""
        return read_dataset(
            self.dataset_dir, self.tree, allow_missing=self.settings.data.allow_missing, need_labels=True
        )


def check_omics_overrides() -> None:
    """Refuse overrides that nobody obeys; see :func:`~cladeseg.bundle.checked_command.check_command`."""
    check_command(OmicsSettings)
