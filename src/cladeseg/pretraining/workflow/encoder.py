"""The weights that a pre-training ships: a backbone's tensors, with what must be known about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.weights_record import DESCRIPTION, check_weights, sha256_of, with_own_sha256
from cladeseg.files import DataError, atomic_write, read_json, write_json
from cladeseg.segmentation.engines.weights import write_safetensors

#: The file in a run's ``models``.
ENCODER = "encoder.safetensors"
_PREFIX = "backbone."


def store_encoder(state: Mapping[str, Tensor], models: str | Path, description: Mapping[str, Any]) -> Path:
    """Write ``encoder.safetensors`` and the ``model.json`` that describes it and holds its sha256.

    Args:
        state: of the whole network; heads of pre-training tasks are left out.
        models: the folder.
        description: what is known about the weights, as plain values.

    Returns:
        The weights' file.

    Raises:
        DataError: a file cannot be written.
    """
    folder = Path(models)
    backbone = {name: value for name, value in state.items() if name.startswith(_PREFIX)}
    with atomic_write(folder / DESCRIPTION) as record, atomic_write(folder / ENCODER) as weights:
        write_safetensors(backbone, weights)
        write_json(with_own_sha256({**description, "sha256": {ENCODER: sha256_of(weights)}}), record)
    return folder / ENCODER


def find_encoder(output_dir: str | Path, weights: str | Path | None = None) -> Path:
    """The encoder's file: the named one, else the run's own.

    Raises:
        DataError: there is none, or it is not the one that was recorded.
    """
    path = RunFolder(output_dir).models / ENCODER if weights is None else Path(weights)
    if not path.is_file():
        raise DataError(f"{path}: there is no pre-trained encoder; run training first, or name one with --weights")
    check_weights(path, required=weights is None)
    return path


def describe(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """What the ``model.json`` beside an encoder says.

    Args:
        path: the encoder's file.
        keys: that must be there.

    Raises:
        DataError: it is missing, was changed, or lacks a key.
    """
    file = path.with_name(DESCRIPTION)
    if not file.is_file():
        raise DataError(f"{file}: is missing; it says which network {path.name} belongs to")
    check_weights(file, required=False)
    content = read_json(file)
    missing = [key for key in keys if key not in content]
    if missing:
        raise DataError(f"{file}: lacks '{missing[0]}': it does not describe a pre-trained encoder")
    return content
