"""A training as its config describes it: checked settings, the tree, the folders, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any

from monai.transforms import Compose

from cladeseg.bundle.monai_label import choose_run_folder, inside_monai_label
from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.settings import SEPARATOR, SettingsError, nearest_key, read_settings, setting_names
from cladeseg.bundle.validate_format import INFERENCE, TRAIN
from cladeseg.files import DataError, read_json
from cladeseg.segmentation.data import cases_of, open_or_build_datalist, pool_of, resolve_label_convention
from cladeseg.segmentation.data.label_conventions import AUTO
from cladeseg.segmentation.networks.levels import Levels, network_levels
from cladeseg.segmentation.transforms import check_regions, preprocessing
from cladeseg.segmentation.workflow.command_line import check_training_overrides
from cladeseg.segmentation.workflow.settings import TOP_LEVEL, TrainingSettings
from cladeseg.segmentation.workflow.two_passes import inferer_options, ratios
from cladeseg.taxonomy import Taxonomy, TaxonomyError, load_taxonomy

TREE = "configs/taxonomy.json"
#: The key of train.json below which the groups of settings stand.
SETTINGS = "settings"


class TrainingPlan:
    """What every part of a training asks for; nothing is read or written before somebody asks.

    Args:
        settings: what differs from the defaults of :class:`TrainingSettings`, nested as it is.
        bundle_root: folder of the bundle; its label tree is ``configs/taxonomy.json``.
        dataset_dir: the data.
        output_dir: folder of the run.
        resume: go on from the run's stored state.
        promote: offer the result to the bundle; trainings of MONAI Label always do, whose users see the bundle alone.
        stop_after: stop on purpose after this epoch, to be resumed; ``None`` for never.
        **top_level: the settings that are top-level keys of the config: :data:`TOP_LEVEL`.

    Attributes:
        settings: all of them, checked.
        taxonomy: the label tree.
        bundle_root: as given.
        dataset_dir: as given.
        output_dir: as given.
        resume: as given.
        promote: whether the result is offered to the bundle.
        stop_after: as given.

    Raises:
        SettingsError: a setting does not exist or does not fit; the message names the key.
        TaxonomyError: the tree is missing or impossible, or does not allow a flip.
    """

    def __init__(
        self,
        *,
        settings: Mapping[str, Any],
        bundle_root: str | Path = ".",
        dataset_dir: str | Path = "data",
        output_dir: str | Path = "runs/new",
        resume: bool = False,
        promote: bool = False,
        stop_after: int | None = None,
        **top_level: Any,
    ) -> None:
        check_training_overrides()
        self.settings = checked_settings(settings, top_level)
        self.taxonomy = load_taxonomy(TREE, bundle_root)
        self.bundle_root = Path(bundle_root)
        self.dataset_dir = Path(dataset_dir)
        self.output_dir = Path(output_dir)
        self.resume, self.stop_after = resume, stop_after
        self.promote = promote or inside_monai_label()
        for group in ("augmentation", "pseudo_label"):
            _check_flips(self.taxonomy, group, getattr(self.settings, group).flips)
        check_regions(self.taxonomy, self.settings.inference.keep_largest)

    @cached_property
    def run_folder(self) -> RunFolder:
        """Where everything is written: ``output_dir``, but a fresh folder for each training of MONAI Label."""
        return choose_run_folder(self.output_dir, self.bundle_root)

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of :func:`~cladeseg.segmentation.networks.build_network`."""
        data, network = self.settings.data, self.settings.network
        levels = network_levels(data.patch_size, data.spacing, levels=network.levels, filters=network.filters)
        return self._network(levels)

    @property
    def first_pass(self) -> dict[str, Any] | None:
        """Arguments of ``build_network`` for the first of two passes, and what its inference needs; ``None`` for one.

        It is built like the network, but for the levels and for the head, which has a single branch.
        """
        first = self.settings.first_pass
        if not first.enabled:
            return None
        spacing = [mm * ratio for mm, ratio in zip(self.settings.data.spacing, ratios(self.settings), strict=True)]
        levels = network_levels(first.patch_size, spacing, levels=first.levels, filters=first.filters)
        network = {**self._network(levels), "head": "factorised"}
        return {"network": network, **inferer_options(self.settings)}

    def _network(self, levels: Levels) -> dict[str, Any]:
        data, network = self.settings.data, self.settings.network
        if network.backbone == "unet":  # it has one kernel for all levels
            levels = levels._replace(kernels=((3, 3, 3),) * len(levels.kernels))
        return {
            "in_channels": len(data.channels) or 1,
            "backbone": network.backbone,
            **{
                name: [list(v) if isinstance(v, tuple) else v for v in values]
                for name, values in levels._asdict().items()
            },
            "dropout": network.dropout,
            "head": network.head,
            "prior": network.prior,
            "separate_norm": network.separate_norm,
            "seed": self.settings.seed,
        }

    @property
    def inference(self) -> dict[str, Any]:
        """What inference must do as training did."""
        data = self.settings.data
        return {
            "axis_order": data.axis_order,
            "spacing": list(data.target_spacing),
            "patch_size": list(data.patch_size),
            "channels": list(data.channels),
            "intensity": data.intensity,
            "keep_largest": list(self.settings.inference.keep_largest),
            **({"first_pass": self.first_pass} if self.settings.first_pass.enabled else {}),
        }

    @cached_property
    def label_convention(self) -> str:
        """The file convention of the labels: the settings', or for ``"auto"`` the one that files and tree show.

        MONAI Label hands over cases without a folder; their labels are written as the bundle's masks are.

        Raises:
            DataError: it cannot be detected, or the folder is not in the layout.
        """
        data = self.settings.data
        if data.label_convention == AUTO and inside_monai_label():
            return mask_label_convention(self.bundle_root)
        return resolve_label_convention(data.label_convention, None, self.dataset_dir, self.taxonomy, data.layout)

    @cached_property
    def datalist(self) -> dict[str, Any]:
        """The run's stored split, made and stored at the first call.

        Raises:
            DataError: see :func:`~cladeseg.segmentation.data.open_or_build_datalist`.
        """
        s = self.settings
        return open_or_build_datalist(
            self.run_folder.datalist,
            self.dataset_dir,
            self.taxonomy,
            layout=s.data.layout,
            channels=s.data.channels,
            label_convention=self.label_convention,
            fine_patients=s.fine_patients,
            coarse_patients=s.coarse_patients,
            seed=s.seed,
            **s.split.model_dump(),
        )

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
        )

    def training_cases(self) -> list[dict[str, Any]]:
        """Training cases that have a place in the batch, so that nobody loads cases that are never drawn."""
        per_batch = self.settings.batch.per_batch
        cases = cases_of(self.datalist, "training", self.dataset_dir)
        return [case for case in cases if per_batch[pool_of(case["supervision"])] > 0]

    def validation_cases(self) -> list[dict[str, Any]]:
        """Cases that are scored during the training."""
        return cases_of(self.datalist, "validation", self.dataset_dir)


def _check_flips(taxonomy: Taxonomy, group: str, flips: str | Sequence[str]) -> None:
    """Refuse flips that the tree does not allow, in the name of their setting."""
    try:
        taxonomy.flips(flips)
    except TaxonomyError as error:
        raise TaxonomyError(SEPARATOR.join((SETTINGS, group, f"flips: {error}"))) from error


def checked_settings(settings: Mapping[str, Any], top_level: Mapping[str, Any]) -> TrainingSettings:
    """All settings of a config, with those of its top level.

    Raises:
        SettingsError: a setting does not exist or does not fit, or one of the top level stands below ``settings``.
    """
    for key in TOP_LEVEL:
        if key in settings:
            raise SettingsError(f"settings#{key}: is a key of the config's top level; write --{key}")
    # A file whose name holds a '#' comes as a path, see cladeseg.bundle.arguments.
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in top_level.items()}
    return read_settings(TrainingSettings, {**settings, **plain})


def bundle_plan(bundle_root: str | Path, overrides: Mapping[str, Any] | None = None, **folders: Any) -> TrainingPlan:
    """The plan that a bundle's ``configs/train.json`` describes, whatever is given on a command line.

    Args:
        bundle_root: the bundle's folder.
        overrides: settings to change, see :func:`settings_with`.
        folders: ``dataset_dir`` and ``output_dir``, where they matter.

    Raises:
        DataError: the config is missing or has no ``settings``.
        SettingsError: see :func:`settings_with`.
    """
    file = Path(bundle_root) / TRAIN
    config = _read_config(file)
    if not isinstance(config.get(SETTINGS), dict):
        raise DataError(f"{file}: needs an object '{SETTINGS}'")
    try:
        config = _changed(config, overrides or {}, holder="the bundle's train.json has")
        top_level = {key: config[key] for key in TOP_LEVEL if key in config}
        return TrainingPlan(settings=config[SETTINGS], bundle_root=bundle_root, **folders, **top_level)
    except SettingsError as error:
        raise SettingsError(f"{file}: {error}") from error


def _read_config(file: Path) -> dict[str, Any]:
    config = read_json(file)
    if not isinstance(config, dict):
        raise DataError(f"{file}: should hold an object, found {type(config).__name__}")
    return config


def settings_with(bundle_root: str | Path, overrides: Mapping[str, Any]) -> TrainingSettings:
    """The settings of a bundle with some of them changed, as overlays and command lines write them.

    Args:
        bundle_root: folder of the bundle.
        overrides: ``{"settings#mix#weight": 0.5, "seed": 1}``; other top-level keys of the config change no setting.

    Raises:
        SettingsError: a key or setting that does not exist, with the nearest one, or a value that does not fit.
    """
    return changed_settings(_read_config(Path(bundle_root) / TRAIN), overrides, holder="the bundle's train.json has")


def changed_settings(config: Mapping[str, Any], overrides: Mapping[str, Any], *, holder: str) -> TrainingSettings:
    """The settings of a training config with some of them changed; see :func:`settings_with`.

    Args:
        config: what is changed a copy of; it may hold the keys of further commands.
        overrides: on top of it.
        holder: what the messages call the config, with its verb.

    Raises:
        SettingsError: as for :func:`settings_with`.
    """
    changed = _changed(config, overrides, holder=holder)
    return checked_settings(changed[SETTINGS], {key: changed[key] for key in TOP_LEVEL if key in changed})


def _changed(config: Mapping[str, Any], overrides: Mapping[str, Any], *, holder: str) -> dict[str, Any]:
    changed = deepcopy({key: config[key] for key in (SETTINGS, *TOP_LEVEL) if key in config})
    if not isinstance(changed.get(SETTINGS), dict):
        raise SettingsError(f"{SETTINGS}: {holder} no object '{SETTINGS}'")
    for key, value in overrides.items():
        *groups, name = key.split(SEPARATOR)
        top = groups[0] if groups else name
        if top not in config:
            near = nearest_key(top, config, setting_names(TrainingSettings))
            raise SettingsError(f"{key}: {holder} no key '{top}'; did you mean '{near}'?")
        if top in changed:
            _set(changed, groups, name, value)
    return changed


def _set(config: dict[str, Any], groups: Sequence[str], name: str, value: Any) -> None:
    """Write a value below groups, as MONAI's overrides do; what stands in the place of a group gives way to it."""
    for group in groups:
        if not isinstance(config.get(group), dict):
            config[group] = {}
        config = config[group]
    config[name] = value


def mask_label_convention(bundle_root: str | Path) -> str:
    """The file convention of a bundle's masks, in which MONAI Label's users send them back as labels.

    Raises:
        DataError: the inference config does not say.
    """
    config = Path(bundle_root) / INFERENCE
    convention = _read_config(config).get("label_convention")
    if not isinstance(convention, str):
        raise DataError(f"{config}: needs the key 'label_convention', the file convention of the masks")
    return convention


def cases_for(plan: TrainingPlan, part: str) -> list[dict[str, Any]]:
    """The ``"training"`` or ``"validation"`` cases of a plan; for configs, which cannot call methods."""
    parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "training": plan.training_cases,
        "validation": plan.validation_cases,
    }
    return parts[part]()
