"""Whose backbone is trained: what a pre-training takes over from a segmentation bundle, or from the images alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cladeseg.bundle.shipped import find_bundle, shipped_bundles
from cladeseg.bundle.validate_format import TRAIN
from cladeseg.files import DataError, read_json
from cladeseg.pretraining.workflow.settings import AUTO, NO_TASK, BackboneSettings
from cladeseg.segmentation.data import (
    absolute_paths,
    channel_names,
    choose_axis_order,
    first_grids,
    recognise_layout,
    scan_with_channels,
    typical_volume,
)
from cladeseg.segmentation.workflow.network_plan import plan_network
from cladeseg.segmentation.workflow.plan import TREE, settings_with
from cladeseg.segmentation.workflow.settings import TrainingSettings

logger = logging.getLogger(__name__)

#: Where there is no folder yet, as when somebody only builds the network.
_UNKNOWN: dict[str, Any] = {"data": {}, "network": {}}


def find_task(task: str, dataset_dir: str | Path, layout: str) -> Path | None:
    """The segmentation bundle that a pre-training is for; ``None`` for none.

    Args:
        task: a bundle's folder or a shipped one's name, ``"auto"`` or ``"none"``.
        dataset_dir: the images.
        layout: of the folder, ``"auto"`` to recognise it.

    Raises:
        DataError: no such bundle.
    """
    if task == NO_TASK:
        return None
    if task != AUTO:
        return segmentation_bundle(task)
    if not Path(dataset_dir).is_dir():
        return None
    layout = recognise_layout(dataset_dir) if layout == AUTO else layout
    channels = channel_names(scan_with_channels(dataset_dir, layout))
    fitting = [folder for folder, settings in _shipped() if _fits(settings, layout, channels)]
    found = fitting[0] if len(fitting) == 1 else None
    logger.info("%s: pre-training for %s", dataset_dir, "the images alone" if found is None else found.name)
    return found


def segmentation_bundle(name: str | Path) -> Path:
    """The folder of a bundle with a label tree.

    Raises:
        DataError: no such bundle, or it is none of segmentation.
    """
    folder = find_bundle(name)
    if not (folder / TREE).is_file():
        raise DataError(f"{folder}: is no segmentation bundle: {TREE} is missing; name one with --task")
    return folder


def _shipped() -> list[tuple[Path, TrainingSettings]]:
    folders = [folder for folder in shipped_bundles().values() if folder.name.endswith("_subclass_segmentation")]
    return [(folder, settings_with(folder, {})) for folder in folders if "plan" in read_json(folder / TRAIN)]


def _fits(settings: TrainingSettings, layout: str, channels: tuple[str, ...]) -> bool:
    wanted = settings.data.channels
    known = set(wanted) <= set(channels) if channels else not wanted
    return settings.data.layout == layout and known


def settings_of_task(task: Path) -> dict[str, Any]:
    """Groups of a segmentation bundle's settings that its backbone and its split depend on."""
    return taken_over(settings_with(task, {}))


def taken_over(training: TrainingSettings) -> dict[str, Any]:
    """Groups of a segmentation's settings that its backbone, its images and its split depend on."""
    settings = training.model_dump(mode="json")
    names = BackboneSettings.model_fields
    shape = ("rotate_degrees", "scale", "translate_voxels", "flips")
    return {
        "data": settings["data"],
        "network": {name: settings["network"][name] for name in names},
        "split": {name: settings["split"][name] for name in ("validation_fraction", "test_fraction")},
        "augmentation": {name: settings["augmentation"][name] for name in shape},
    }


def settings_of_images(dataset_dir: str | Path, data: Mapping[str, Any]) -> dict[str, Any]:
    """Channels, order of the axes, spacing and patch that suit the images of a folder.

    Args:
        dataset_dir: the folder; one that is not there leaves the defaults.
        data: what is set already, which goes first.
    """
    if not Path(dataset_dir).is_dir() or data.get("channels"):
        return dict(_UNKNOWN)
    cases = [absolute_paths(case, dataset_dir) for case in scan_with_channels(dataset_dir, data.get("layout", AUTO))]
    grids = first_grids(cases)
    order = str(data.get("axis_order") or choose_axis_order({str(grid.path): grid.affine for grid in grids}).order)
    plan = plan_network(*typical_volume(grids, order))
    channels = channel_names(cases)
    return {
        "data": {
            "channels": list(channels) if len(channels) > 1 else [],
            "axis_order": order,
            "spacing": list(plan.spacing),
            "patch_size": list(plan.patch_size),
        },
        "network": {"levels": plan.levels},
    }


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values with those of ``above`` on top.

    Example:
        >>> merged({"data": {"spacing": 1, "layout": "acdc"}}, {"data": {"spacing": 2}})
        {'data': {'spacing': 2, 'layout': 'acdc'}}
    """
    found = dict(below)
    for key, value in above.items():
        inner = found.get(key)
        nested = isinstance(inner, Mapping) and isinstance(value, Mapping)
        found[key] = merged(inner, value) if nested else value  # type: ignore[arg-type]
    return found
