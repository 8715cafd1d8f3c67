"""A pre-training as its config describes it: checked settings, whose backbone it trains, and the folders."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from monai.transforms import Compose

from cladeseg.bundle.checked_command import check_command
from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.settings import SettingsError, read_settings
from cladeseg.files import DataError, read_json, write_json
from cladeseg.pretraining.workflow.settings import TOP_LEVEL, PretrainingSettings
from cladeseg.pretraining.workflow.task_bundle import find_task, merged, settings_of_images, settings_of_task
from cladeseg.segmentation.data import (
    cases_of,
    open_or_build_datalist,
    resolve_label_convention,
    split_images,
)
from cladeseg.segmentation.networks.levels import network_levels
from cladeseg.segmentation.transforms import preprocessing
from cladeseg.segmentation.workflow.plan import TREE
from cladeseg.taxonomy import Node, Taxonomy, load_taxonomy

#: Where nothing is known of the structures: what a map needs to say so.
UNKNOWN_TREE = Taxonomy("images", (Node("background", values={"images": 0}), Node("anything", values={"images": 1})))


def check_pretraining_overrides() -> None:
    """Refuse overrides that nobody obeys; see :func:`~cladeseg.bundle.checked_command.check_command`."""
    check_command(PretrainingSettings)


class PretrainingPlan:
    """What every part of a pre-training asks for; nothing is read or written before somebody asks.

    Args:
        settings: what differs from the defaults of :class:`PretrainingSettings` and from the segmentation bundle.
        dataset_dir: the images.
        output_dir: folder of the run.
        resume: go on from the run's stored state.
        stop_after: stop on purpose after this epoch, to be resumed; ``None`` for never.
        **top_level: the settings that are top-level keys of the config.

    Attributes:
        task: the segmentation bundle whose backbone is trained; ``None`` for none.
        settings: all of them, checked.
        taxonomy: the segmentation bundle's label tree, or one that knows nothing.

    Raises:
        SettingsError: a setting does not exist or does not fit; the message names the key.
        DataError: the segmentation bundle is missing, or there is none whose superclasses could be learnt.
    """

    def __init__(
        self,
        *,
        settings: Mapping[str, Any],
        dataset_dir: str | Path = "data",
        output_dir: str | Path = "runs/new",
        resume: bool = False,
        stop_after: int | None = None,
        **top_level: Any,
    ) -> None:
        check_pretraining_overrides()
        own = _with_top_level(settings, top_level)
        asked = read_settings(PretrainingSettings, own)
        self.task = find_task(asked.task, dataset_dir, asked.data.layout)
        given = (
            settings_of_images(dataset_dir, own.get("data", {})) if self.task is None else settings_of_task(self.task)
        )
        self.settings = read_settings(PretrainingSettings, merged(given, own))
        if self.task is None and self.settings.superclass_task:
            raise DataError(
                f"{dataset_dir}: superclass_task needs a label tree, and no segmentation bundle fits; add --task"
            )
        self.taxonomy = UNKNOWN_TREE if self.task is None else load_taxonomy(TREE, self.task)
        self.dataset_dir, self.output_dir = Path(dataset_dir), Path(output_dir)
        self.resume, self.stop_after = resume, stop_after

    @property
    def run_folder(self) -> RunFolder:
        """Where everything is written."""
        return RunFolder(self.output_dir)

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of :func:`~cladeseg.pretraining.tasks.build_pretraining_net`, as segmentation derives them."""
        data, network = self.settings.data, self.settings.network
        levels = network_levels(data.patch_size, data.spacing, levels=network.levels, filters=network.filters)
        if network.backbone == "unet":  # it has one kernel for all levels
            levels = levels._replace(kernels=((3, 3, 3),) * len(levels.kernels))
        return {
            "in_channels": len(data.channels) or 1,
            "backbone": network.backbone,
            **{name: [list(v) if isinstance(v, tuple) else v for v in part] for name, part in levels._asdict().items()},
            "dropout": network.dropout,
        }

    @cached_property
    def label_convention(self) -> str:
        """File convention of the outlines; of no importance where none is read."""
        data = self.settings.data
        if not self.settings.superclass_task:
            return self.taxonomy.label_conventions[0]
        return resolve_label_convention(data.label_convention, None, self.dataset_dir, self.taxonomy, data.layout)

    @cached_property
    def parts(self) -> dict[str, list[dict[str, Any]]]:
        """Cases by part of the run's stored split, made and stored at the first call.

        Raises:
            DataError: an image cannot be used, or the folder is not the one that the split was made of.
        """
        if not self.settings.superclass_task:
            return self._images()
        s = self.settings
        datalist = open_or_build_datalist(
            self.run_folder.datalist,
            self.dataset_dir,
            self.taxonomy,
            layout=s.data.layout,
            channels=s.data.channels,
            label_convention=self.label_convention,
            fine_patients=0,
            coarse_patients="all",
            seed=s.seed,
            validation_fraction=s.split.validation_fraction,
            test_fraction=s.split.test_fraction,
            allow_missing_labels=True,
        )
        return {part: cases_of(datalist, part, self.dataset_dir) for part in ("training", "validation", "test")}

    def _images(self) -> dict[str, list[dict[str, Any]]]:
        s = self.settings
        found = split_images(
            self.dataset_dir,
            layout=s.data.layout,
            channels=s.data.channels,
            seed=s.seed,
            **s.split.model_dump(),
        )
        hashes = {part: {case["case"]: case["sha1"] for case in cases} for part, cases in found.items()}
        path = self.run_folder.datalist
        if path.is_file() and read_json(path) != hashes:
            raise DataError(f"{path}: was made of other images or another split; choose another --output_dir")
        write_json(hashes, path)
        return found

    def training_cases(self) -> list[dict[str, Any]]:
        """Cases that are learnt from: all but those of the test."""
        return [*self.parts["training"], *self.parts["validation"]]

    @cached_property
    def preprocessing(self) -> Compose:
        """From files to what the network sees, with the node map."""
        data = self.settings.data
        return preprocessing(
            spacing=data.target_spacing,
            axis_order=data.axis_order,
            intensity=data.intensity,
            modalities=data.channels,
            taxonomy=self.taxonomy,
            label_convention=self.label_convention,
            allow_missing=True,
        )


def _with_top_level(settings: Mapping[str, Any], top_level: Mapping[str, Any]) -> dict[str, Any]:
    for key in TOP_LEVEL:
        if key in settings:
            raise SettingsError(f"settings#{key}: is a key of the config's top level; write --{key}")
    return {**settings, **top_level}


def pretraining_cases(plan: PretrainingPlan) -> list[dict[str, Any]]:
    """The cases that a plan learns from; for configs, which cannot call methods."""
    return plan.training_cases()
