"""Where a run's weights are, and what inference must know about how they were trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.trained_tree import tree_record
from cladeseg.bundle.weights_record import (
    DESCRIPTION,
    WEIGHT_FILES,
    check_weights,
    recorded_hashes,
    sha256_of,
    with_own_sha256,
)
from cladeseg.files import DataError, atomic_write, read_json, write_json
from cladeseg.segmentation.engines.weights import write_safetensors
from cladeseg.segmentation.networks import HierarchicalNet, TwoPassNet, build_two_pass
from cladeseg.segmentation.workflow.plan import bundle_plan
from cladeseg.taxonomy import Taxonomy


def find_weights(output_dir: str | Path, bundle_root: str | Path = ".", weights: str | Path | None = None) -> Path:
    """The weights that a command uses: the named ones, else the run's own, else the bundle's promoted ones.

    Where a ``.safetensors`` lies beside a ``.pt`` of the same name, it is the one to open.  Each of the two, and the
    ``model.json`` that describes them, must agree with every record of its sha256; only a named file may lack one.

    Args:
        output_dir: folder of the run.
        bundle_root: folder of the bundle.
        weights: a ``.pt`` or ``.safetensors`` file.

    Raises:
        DataError: there are none, and the message lists where they were looked for; or a file disagrees with a record.
    """
    return _checked(_locate(output_dir, _places(output_dir, bundle_root), weights), named=weights is not None)


def find_bundle_weights(bundle_root: str | Path, weights: str | Path | None = None) -> Path:
    """The named weights, else the bundle's promoted ones; checked as :func:`find_weights` does.

    Raises:
        DataError: the bundle has none, or a file disagrees with a record of its sha256.
    """
    return _checked(_locate(bundle_root, [Path(bundle_root) / "models"], weights), named=weights is not None)


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """What inference must know about the weights that it uses.

    Attributes:
        network: arguments of :func:`~cladeseg.segmentation.networks.build_network`.
        axis_order: order of the axes that images are brought to, see
            :class:`~cladeseg.segmentation.transforms.OrientAxesd`.
        spacing: voxel size in mm along these axes that images are resampled to; -1 keeps the image's.
        patch_size: voxels of the sliding window.
        channels: names of the modalities; empty for images with a single channel.
        intensity: see :func:`~cladeseg.segmentation.transforms.preprocessing`.
        keep_largest: superclasses of which only the largest component is kept.
        taxonomy: record of the tree that they were trained on, see :mod:`cladeseg.bundle.trained_tree`; ``None`` if
            nothing was trained yet.
        described_by: the file that says all this; ``None`` if it is the bundle's own settings.
        first_pass: ``network``, arguments of ``build_network`` for the first of two passes, and those of
            :class:`~cladeseg.segmentation.inferers.TwoPassInferer`; ``None`` with one pass.

    A field with a default may be missing in ``model.json``, of weights that are older than the field.
    """

    network: Mapping[str, Any]
    axis_order: str
    spacing: Sequence[float]
    patch_size: Sequence[int]
    channels: Sequence[str]
    intensity: str
    keep_largest: Sequence[str] = ()
    taxonomy: Mapping[str, Any] | None = None
    described_by: Path | None = None
    first_pass: Mapping[str, Any] | None = None


def trained_model(
    output_dir: str | Path, bundle_root: str | Path = ".", weights: str | Path | None = None
) -> TrainedModel:
    """How the weights were trained: their description, and where there is none yet the bundle's own settings.

    A network that was trained on 1.5 mm voxels is silently worse on 2 mm ones, so what belongs to the weights always
    wins over the bundle's config.

    Args:
        output_dir: folder of the run.
        bundle_root: folder of the bundle.
        weights: a ``.pt`` or ``.safetensors`` file.

    Raises:
        DataError: the description or the bundle's ``configs/train.json`` cannot be read, or the description is not the
            one that was stored.
    """
    plan = bundle_plan(bundle_root)
    own = {"network": plan.network, **plan.inference}
    file = _description(output_dir, bundle_root, weights)
    if file is None:
        return TrainedModel(**own)
    optional = {field.name: field.default for field in fields(TrainedModel) if field.default is not MISSING}
    known = [field.name for field in fields(TrainedModel)]
    described = {name: value for name, value in read_json(file).items() if name in known}
    try:
        return TypeAdapter(TrainedModel).validate_python({**own, **optional, **described, "described_by": file})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{file}: '{where}' cannot be used ({first['msg']}); restore it, or train anew") from error


def _description(output_dir: str | Path, bundle_root: str | Path, weights: str | Path | None) -> Path | None:
    """The checked ``model.json`` of the weights, if there are weights and it is there."""
    try:
        file = _locate(output_dir, _places(output_dir, bundle_root), weights).with_name(DESCRIPTION)
    except DataError:
        return None
    if not file.is_file():
        return None
    check_weights(file, required=weights is None or _is_recorded(file))
    return file


def store_weights(
    state: Mapping[str, Tensor],
    models: str | Path,
    *,
    network: Mapping[str, Any],
    inference: Mapping[str, Any],
    taxonomy: Taxonomy,
    validation: Mapping[str, Any],
) -> None:
    """Write ``model.safetensors``, ``model.pt`` and the ``model.json`` that describes and fingerprints both.

    All are complete before any takes its place, the description last: if that fails half-way, the weights disagree
    with their record and are refused, never mistaken for others.

    Args:
        state: tensors by name, the same in both files.
        models: folder for the three.
        network: arguments of :func:`~cladeseg.segmentation.networks.build_network`.
        inference: what inference must do as training did, e.g. ``spacing`` in mm and ``patch_size`` in voxels.
        taxonomy: the tree that the weights were trained on.
        validation: metric, score and fingerprint of the cases.

    Raises:
        DataError: a file cannot be written.
    """
    folder = Path(models)
    with (
        atomic_write(folder / "model.json") as description,
        atomic_write(folder / "model.pt") as pickled,
        atomic_write(folder / "model.safetensors") as safe,
    ):
        with pickled.open("wb") as file:  # given a path, torch would write its name, a process's own, into the file
            torch.save(dict(state), file)
        write_safetensors(state, safe)
        hashes = dict(zip(WEIGHT_FILES, (sha256_of(safe), sha256_of(pickled)), strict=True))
        content = {"network": dict(network), **inference, "taxonomy": tree_record(taxonomy)}
        write_json(with_own_sha256({**content, "validation": dict(validation), "sha256": hashes}), description)


def network_from(
    options: Mapping[str, Any], taxonomy: Taxonomy, first_pass: Mapping[str, Any] | None = None
) -> HierarchicalNet | TwoPassNet:
    """Build a network from one dictionary of options; see :func:`cladeseg.segmentation.networks.build_network`.

    Args:
        options: of the network, or of the second of two passes.
        taxonomy: the label tree.
        first_pass: description of the first pass, whose ``network`` are its options; ``None`` with one pass.

    Raises:
        ValueError: an option is unknown or has an impossible value.
    """
    try:
        return build_two_pass(taxonomy, first=first_pass and first_pass["network"], second=options)
    except TypeError as error:
        raise ValueError(f"network: {error}") from error


def _places(output_dir: str | Path, bundle_root: str | Path) -> list[Path]:
    return [RunFolder(output_dir).models, Path(bundle_root) / "models"]


def _locate(owner: str | Path, places: Sequence[Path], weights: str | Path | None) -> Path:
    if weights is not None:
        return Path(weights)
    candidates = [folder / name for folder in places for name in reversed(WEIGHT_FILES)]
    for path in candidates:
        if path.is_file():
            return path
    looked = " nor ".join(str(folder / "model.pt") for folder in places)
    raise DataError(f"{owner}: no trained weights: neither {looked} is there; train first or pass --weights FILE")


def _checked(path: Path, *, named: bool) -> Path:
    """The file to open in place of ``path``, itself or its safer twin; both are checked if they are there."""
    files = [file for file in dict.fromkeys((path.with_suffix(".safetensors"), path)) if file.is_file()]
    # A twin without a record beside a recorded file is left over from something else.
    required = not named or any(recorded_hashes(file) for file in files)
    for file in files:
        check_weights(file, required=required)
    description = path.with_name(DESCRIPTION)
    if description.is_file() or recorded_hashes(description):
        check_weights(description, required=required or _is_recorded(description))
    return files[0] if path.is_file() else path


def _is_recorded(description: Path) -> bool:
    """Whether any of the model's files has a record: then the description must have one too."""
    return any(recorded_hashes(description.with_name(name)) for name in (*WEIGHT_FILES, DESCRIPTION))
