"""A fusion run as its config describes it: checked settings, the class tree, the folders."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cladeseg.bundle.checked_command import check_command
from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.settings import read_settings
from cladeseg.classes import class_tree
from cladeseg.fusion.data import FusionCohort, read_fusion_dataset
from cladeseg.fusion.workflow.settings import FusionSettings
from cladeseg.taxonomy import Taxonomy


class FusionPlan:
    """What every part of a run asks for; nothing is read or written before somebody asks.

    Args:
        settings: what differs from the defaults of :class:`FusionSettings`, nested as it is.
        bundle_root: folder of the bundle.
        dataset_dir: the data; see :func:`~cladeseg.fusion.data.read_fusion_dataset`.
        output_dir: folder of the run.
        cache_dir: where features of tiles are kept; in the run's folder where it is not given.
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
        cache_dir: str | Path | None = None,
        classes: str | None,
        **top_level: Any,
    ) -> None:
        check_fusion_overrides()
        self.settings = read_settings(FusionSettings, {**settings, **top_level})
        self.bundle_root = Path(bundle_root)
        self.dataset_dir = Path(dataset_dir)
        self.run_folder = RunFolder(output_dir)
        self.cache_dir = feature_folder(cache_dir, output_dir)
        self.classes = classes

    @cached_property
    def tree(self) -> Taxonomy | None:
        """The class tree, if the bundle has one."""
        return None if self.classes is None else class_tree(self.classes, self.bundle_root)

    @cached_property
    def cohort(self) -> FusionCohort:
        """All patients of the data, with their labels."""
        return read_fusion_dataset(
            self.dataset_dir,
            self.tree,
            images=self.settings.images,
            cache_dir=self.cache_dir,
            need_labels=True,
            allow_missing=self.settings.data.allow_missing,
        )


def feature_folder(cache_dir: str | Path | None, output_dir: str | Path) -> Path:
    """Where features of tiles are kept."""
    return Path(output_dir) / "features" if cache_dir is None else Path(cache_dir)


def check_fusion_overrides() -> None:
    """Refuse overrides that nobody obeys; see :func:`~cladeseg.bundle.checked_command.check_command`."""
    check_command(FusionSettings)
