"""A training as its config describes it: checked settings, the folders, the objects and their split."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cladeseg.bundle import RunFolder, check_overrides, choose_run_folder
from cladeseg.bundle.settings import SettingsError, read_settings, setting_names, text_settings
from cladeseg.clustering.objects import ObjectSet, PeakRule, read_objects
from cladeseg.clustering.workflow.settings import ClusteringSettings, ObjectSettings
from cladeseg.clustering.workflow.split import split_objects
from cladeseg.files import DataError


class ClusteringPlan:
    """What every part of a training asks for; nothing is read before somebody asks.

    Args:
        settings: what differs from the defaults of :class:`ClusteringSettings`, nested as it is.
        bundle_root: folder of the bundle.
        dataset_dir: folder of pictures or key-point tables.
        output_dir: folder of the run.
        labels: table of classes; ``labels.csv`` of the data if ``None``.
        seed: of split, draws and weights.
        resume: go on with key-point matching that was cut off.
        promote: copy the trained model into the bundle.

    Raises:
        SettingsError: a setting does not exist or does not fit; the message names the key.
    """

    def __init__(
        self,
        *,
        settings: Mapping[str, Any],
        bundle_root: str | Path = ".",
        dataset_dir: str | Path = "data",
        output_dir: str | Path = "runs/new",
        labels: str | None = None,
        seed: int = 0,
        resume: bool = False,
        promote: bool = False,
    ) -> None:
        check_clustering_overrides()
        if "seed" in settings:
            raise SettingsError("settings#seed: is a key of the config's top level; write --seed")
        self.settings = read_settings(ClusteringSettings, {**settings, "seed": seed})
        if self.settings.objects.candidate_height > self.settings.objects.feature_height:
            raise SettingsError(
                "settings#objects#candidate_height: is above feature_height; candidates are the looser set"
            )
        self.bundle_root, self.dataset_dir, self.output_dir = Path(bundle_root), Path(dataset_dir), Path(output_dir)
        self.labels, self.resume, self.promote = labels, resume, promote

    @cached_property
    def run_folder(self) -> RunFolder:
        """Where everything is written."""
        return choose_run_folder(self.output_dir, self.bundle_root)

    @cached_property
    def objects(self) -> ObjectSet:
        """All objects of the data."""
        return objects_of(self.dataset_dir, self.settings.objects, self.labels)

    @cached_property
    def split(self) -> dict[str, list[str]]:
        """Ids that train, validate and test; labelled objects alone.

        Raises:
            DataError: there are too few labelled objects.
        """
        return split_objects(self.objects, self.settings.split, seed=self.settings.seed)


def objects_of(dataset_dir: str | Path, settings: ObjectSettings, labels: str | Path | None) -> ObjectSet:
    """The objects of a folder, found as the settings say."""
    rule = PeakRule(feature_height=settings.feature_height, candidate_height=settings.candidate_height)
    return read_objects(dataset_dir, area=settings.area, rule=rule, outlined=settings.outlined, labels=labels)


def check_clustering_overrides() -> None:
    """Refuse overrides that MONAI's command line accepts in silence and nobody obeys."""
    check_overrides(settings=setting_names(ClusteringSettings), texts=text_settings(ClusteringSettings))


def labelled(objects: ObjectSet) -> ObjectSet:
    """Those objects whose class is known.

    Raises:
        DataError: there is none.
    """
    known = [one for one in objects.ids if one in objects.classes]
    if not known:
        raise DataError("labels.csv: gives no class to any object; write one row (id, class) for each known object")
    return objects.subset(known)
