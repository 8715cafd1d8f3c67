"""Weights of a run as safetensors, with a description that says that both are complete."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.weights_record import DESCRIPTION, check_weights, sha256_of, with_own_sha256
from cladeseg.files import DataError, atomic_write, read_json, write_json


def write_described(weights: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Write weights and description; the description, which says that both are complete, comes last.

    Args:
        weights: the file of the tensors; ``model.json`` beside it gets the description.
        tensors: by name, contiguous.
        description: plain values; the sha256 of both files is added.

    Raises:
        DataError: a file cannot be written.
    """
    with atomic_write(weights) as temporary:
        safetensors.torch.save_file(dict(tensors), temporary)
    sha256 = {weights.name: sha256_of(weights)}
    write_json(with_own_sha256({**description, "sha256": sha256}), weights.with_name(DESCRIPTION))


def read_description(folder: RunFolder) -> dict[str, Any]:
    """The description of a trained run, after both files were compared with their sha256.

    Raises:
        DataError: it was not trained, or a file is damaged.
    """
    if not folder.description.is_file():
        raise DataError(f"{folder.description}: there is no such file; run training with this --output_dir first")
    check_weights(folder.description, required=True)
    check_weights(folder.safe_weights, required=True)
    return read_json(folder.description)
