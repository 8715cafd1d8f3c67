"""A bundle for one's own data: the shared template with the values that differ."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cladeseg.bundle.config_text import config_text
from cladeseg.files import write_folder
from cladeseg.segmentation.data import absolute_paths, choose_axis_order, first_grids, typical_volume
from cladeseg.segmentation.data.layouts import AUTO, check_layout, resolve_layout, scan
from cladeseg.segmentation.transforms.preprocessing import INTENSITY
from cladeseg.segmentation.workflow.dataset_channels import dataset_channels
from cladeseg.segmentation.workflow.network_plan import NetworkPlan, plan_network
from cladeseg.segmentation.workflow.plan import checked_settings
from cladeseg.segmentation.workflow.settings import TrainingSettings
from cladeseg.taxonomy import Taxonomy, TaxonomyError, load_taxonomy
from cladeseg.volumes import DEFAULT_ORDER

logger = logging.getLogger(__name__)

#: Voxels and mm of images that nobody has seen.
_UNKNOWN = (64.0, 64.0, 64.0), (1.0, 1.0, 1.0)

TEMPLATE = Path(__file__).with_name("template")
_SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
_PACKAGES = ("cladeseg", "nibabel", "pytorch-ignite", "tensorboard", "SimpleITK")


@dataclass(frozen=True, kw_only=True)
class BundlePlan:
    """What tells one task's bundle from another's.

    Attributes:
        task: short name, e.g. ``"hippocampus"``; the folder is called ``<task>_subclass_segmentation``.
        plan: voxel size and patch, in the order of the axes.
        axis_order: see :class:`~cladeseg.segmentation.transforms.OrientAxesd`.
        layout: folder layout of the data.
        label_convention: file convention of labels and masks.
        channels: names of the modalities; empty for single-channel images.
        intensity: see :func:`~cladeseg.segmentation.transforms.preprocessing`.
        settings: further settings of the training by group, e.g. ``{"mix": {"weight": 0.5}}``.
    """

    task: str
    plan: NetworkPlan
    layout: str
    label_convention: str
    axis_order: str = DEFAULT_ORDER
    channels: Sequence[str] = ()
    intensity: str = "percentiles"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def new_bundle(
    folder: str | Path,
    taxonomy_file: str | Path,
    *,
    layout: str = AUTO,
    label_convention: str | None = None,
    dataset: str | Path | None = None,
    channels: Sequence[str] = (),
    intensity: str = "percentiles",
) -> Path:
    """Write a bundle whose order of the axes, patch and network suit a data set.

    Args:
        folder: the bundle's folder; must not exist, or be empty.
        taxonomy_file: the label tree, JSON or YAML.
        layout: folder layout of the data; ``"auto"`` recognises that of ``dataset``.
        label_convention: file convention of the labels; may be left out for a tree with one.
        dataset: a folder in this layout; volumes of 64 x 64 x 64 voxels of 1 mm are assumed without one.
        channels: names of the modalities; those of ``dataset`` if empty, or else images with a single channel.
        intensity: see :func:`~cladeseg.segmentation.transforms.preprocessing`.

    Raises:
        DataError: unknown layout, a folder that is not in it, or a bundle's folder that is not empty.
        TaxonomyError: an impossible tree, or a label convention that it does not have or that must be named.
        ValueError: no such kind of intensity.
    """
    taxonomy = load_taxonomy(taxonomy_file)
    check_layout(layout, folder)
    if dataset is not None:
        layout = resolve_layout(dataset, layout)
        channels = dataset_channels(dataset, layout, channels)
    axis_order, suited = _suited(dataset, layout)
    task = Path(folder).resolve().name.removesuffix("_subclass_segmentation")
    plan = BundlePlan(
        task=task,
        plan=suited,
        axis_order=axis_order,
        layout=layout,
        label_convention=label_convention or _only_label_convention(taxonomy),
        channels=channels,
        intensity=intensity,
        settings={"augmentation": {"modality_dropout": 0.5}} if len(channels) > 1 else {},
    )
    return write_bundle(folder, taxonomy_file, plan)


def _suited(dataset: str | Path | None, layout: str) -> tuple[str, NetworkPlan]:
    """The order of the axes, and voxel size and patch in that order, from the headers of all images at once."""
    if dataset is None:
        return DEFAULT_ORDER, plan_network(*_UNKNOWN)
    grids = first_grids(absolute_paths(case, dataset) for case in scan(dataset, layout))
    order, reason = choose_axis_order({str(grid.path): grid.affine for grid in grids})
    logger.info("axis order %s: %s", order, reason)
    return order, plan_network(*typical_volume(grids, order))


def write_bundle(folder: str | Path, taxonomy_file: str | Path, plan: BundlePlan) -> Path:
    """Write a bundle's folder: configs, docs, an empty ``models``.

    Args:
        folder: the bundle's folder; must not exist, or be empty.
        taxonomy_file: the label tree, JSON or YAML.
        plan: what differs from other tasks.

    Raises:
        DataError: the folder holds something already.
        TaxonomyError: the tree is impossible or has no such label convention.
        SettingsError: a setting that does not exist or does not fit.
    """
    folder, taxonomy = Path(folder), load_taxonomy(taxonomy_file)
    taxonomy.values(plan.label_convention)
    if plan.intensity not in INTENSITY:
        raise ValueError(f"intensity: '{plan.intensity}' is unknown; known are {', '.join(INTENSITY)}")
    files = {
        "configs/train.json": config_text(training_config(plan)),
        "configs/multi_gpu_train.json": config_text(_template("multi_gpu_train")),
        "configs/evaluate.json": config_text(_template("evaluate")),
        "configs/inference.json": config_text(inference_config(plan)),
        "configs/metadata.json": config_text(metadata(plan, taxonomy)),
        "configs/taxonomy.json": config_text(_tree(taxonomy)),
        "docs/README.md": _readme(plan, taxonomy, folder.name),
        "docs/data_license.txt": "Say here where the data came from and under which terms.\n",
        "models/.gitkeep": "",
        "LICENSE": "Choose a licence for this bundle and put its text here.\n",
    }
    write_folder(folder, files)
    logger.info("%s: a bundle for '%s'", folder, taxonomy.name)
    return folder


def training_config(plan: BundlePlan) -> dict[str, Any]:
    """The template's ``train.json`` with the task's settings.

    Raises:
        SettingsError: a setting that does not exist or does not fit.
    """
    config = _template("train")
    config["output_dir"] = f"runs/{plan.task}"
    data: dict[str, Any] = {
        "layout": plan.layout,
        "label_convention": plan.label_convention,
        "axis_order": plan.axis_order,
        "channels": list(plan.channels),
    }
    data |= {"intensity": plan.intensity, "spacing": list(plan.plan.spacing), "patch_size": list(plan.plan.patch_size)}
    for name, group in {"data": data, **plan.settings}.items():
        config["settings"][name] = _differing(name, group)
    checked_settings(config["settings"], {})
    return config


def _differing(group: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a bundle has to say: the values that are not the default."""
    defaults = TrainingSettings().model_dump(mode="json")[group]
    return {name: value for name, value in values.items() if name not in defaults or value != defaults[name]}


def inference_config(plan: BundlePlan) -> dict[str, Any]:
    """The template's ``inference.json`` with the task's values."""
    return {**_template("inference"), "output_dir": f"runs/{plan.task}", "label_convention": plan.label_convention}


def metadata(plan: BundlePlan, taxonomy: Taxonomy) -> dict[str, Any]:
    """``metadata.json`` by MONAI's schema; ``channel_def`` of the output maps a mask's integers to structures."""
    strides = [max(8, 2 * _product(plan.plan.network.strides, axis)) for axis in range(3)]
    shape = [f"{n}*n" for n in strides]
    values = taxonomy.values(plan.label_convention)
    shared = {"type": "image", "spatial_shape": shape, "dtype": "float32", "value_range": [], "is_patch_data": True}
    image = {"format": "magnitude", "modality": "MR", "num_channels": len(plan.channels) or 1}
    named = {str(i): name for i, name in enumerate(plan.channels or ("image",))}
    pred = {"format": "segmentation", "num_channels": taxonomy.num_leaves}
    leaves = {str(value): taxonomy.names[v] for value, v in sorted(values.items()) if taxonomy.is_leaf(v)}
    return {
        "schema": _SCHEMA,
        "version": "0.1.0",
        "changelog": {"0.1.0": "first version"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch").split("+")[0],
        "numpy_version": version("numpy"),
        "required_packages_version": {name: version(name) for name in _PACKAGES},
        "supported_apps": {},
        "name": f"{plan.task} subclass segmentation",
        "task": f"{', '.join(taxonomy.leaf_names[1:])} from few fine labels",
        "description": "A 3D network that learns fine classes from few fine labels, many coarse ones and no labels.",
        "authors": "not stated",
        "copyright": "not stated",
        "intended_use": "Research; not for diagnosis",
        "network_data_format": {
            "inputs": {"image": {**shared, **image, "channel_def": named}},
            "outputs": {"pred": {**shared, **pred, "channel_def": leaves}},
        },
    }


def _only_label_convention(taxonomy: Taxonomy) -> str:
    if len(taxonomy.label_conventions) != 1:
        raise TaxonomyError(
            f"taxonomy '{taxonomy.name}': name one of its label conventions: {', '.join(taxonomy.label_conventions)}"
        )
    return taxonomy.label_conventions[0]


def _template(name: str) -> dict[str, Any]:
    return json.loads((TEMPLATE / f"{name}.json").read_text(encoding="utf-8"))


def _tree(taxonomy: Taxonomy) -> dict[str, Any]:
    nodes = [
        {
            "name": node.name,
            **({"parent": node.parent} if node.parent != "root" else {}),
            **({"values": dict(node.values)} if node.values else {}),
            **({"colour": node.colour} if node.colour else {}),
        }
        for node in taxonomy.nodes
    ]
    flips = {"allowed_flips": list(taxonomy.allowed_flips)} if taxonomy.allowed_flips else {}
    return {"name": taxonomy.name, "nodes": nodes, **flips}


def _readme(plan: BundlePlan, taxonomy: Taxonomy, name: str) -> str:
    text = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    leaves = ", ".join(taxonomy.leaf_names[1:])
    return text.format(
        title=plan.task, leaves=leaves, layout=plan.layout, label_convention=plan.label_convention, name=name
    )


def _product(strides: Sequence[Sequence[int]], axis: int) -> int:
    result = 1
    for stride in strides:
        result *= stride[axis]
    return result
