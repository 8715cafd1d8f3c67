"""A clustering model on disk: tensors as safetensors, everything else as JSON, with the hashes of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, as_tensor

from cladeseg.bundle.described_weights import write_described
from cladeseg.bundle.weights_record import DESCRIPTION, check_weights
from cladeseg.clustering.calibration import ChosenZero, Combination, Zero
from cladeseg.clustering.descriptors import DescriptorModel
from cladeseg.clustering.model.clustering_model import ClusteringModel, Variant
from cladeseg.clustering.model.options import ModelOptions
from cladeseg.clustering.model.pair_methods import Comparison, PairMethods
from cladeseg.clustering.model.references import read_references, reference_names, reference_tensors
from cladeseg.clustering.pqap import PqapParameters
from cladeseg.clustering.twin import TwinNetwork
from cladeseg.files import DataError, read_json

TENSORS = "model.safetensors"
_TWIN = "twin."
_KIND = "cladeseg clustering model"


def save_model(model: ClusteringModel, folder: str | Path, *, more: Mapping[str, Any]) -> None:
    """Write ``model.safetensors`` and ``model.json``.

    Args:
        model: what was trained.
        folder: for the two files.
        more: further plain values for the description, e.g. settings.

    Raises:
        DataError: a file cannot be written.
    """
    write_described(Path(folder, TENSORS), _tensors(model), {"kind": _KIND, **_plain(model), **more})


def load_model(folder: str | Path) -> tuple[ClusteringModel, dict[str, Any]]:
    """Read what :func:`save_model` wrote.

    Returns:
        The model, and the whole description.

    Raises:
        DataError: a file is missing, damaged, changed since, or of another kind.
    """
    folder = Path(folder)
    check_weights(folder / DESCRIPTION, required=True)
    check_weights(folder / TENSORS, required=True)
    content = read_json(folder / DESCRIPTION)
    if content.get("kind") != _KIND:
        raise DataError(f"{folder / DESCRIPTION}: describes no clustering model; name the folder of one")
    try:
        return _model(content, load_file(folder / TENSORS)), content
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise DataError(f"{folder}: was written by another version ({error!r}); train anew") from error


def _tensors(model: ClusteringModel) -> dict[str, Tensor]:
    descriptors = model.methods.descriptors
    found = {name: as_tensor(np.ascontiguousarray(getattr(descriptors, name))) for name in _ARRAYS}
    if model.methods.twin is not None:
        found |= {f"{_TWIN}{name}": value.contiguous() for name, value in model.methods.twin.cpu().state_dict().items()}
    return found | reference_tensors(model.references)


_ARRAYS = ("mean", "spread", "coefficients")


def _plain(model: ClusteringModel) -> dict[str, Any]:
    methods = model.methods
    return {
        "options": methods.comparison.options.model_dump(mode="json"),
        "channels": list(methods.comparison.channels),
        "parameters": asdict(methods.comparison.parameters),
        "intercept": methods.descriptors.intercept,
        "threshold": methods.threshold,
        "twin_channels": None if methods.twin is None else methods.twin.channels,
        "variants": {name: asdict(variant) for name, variant in model.variants.items()},
        "chosen": model.chosen,
        "zero_source": model.zero_source,
        "classes": dict(model.classes),
        "references": reference_names(model.references),
    }


def _model(content: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> ClusteringModel:
    comparison = Comparison(
        tuple(content["channels"]),
        PqapParameters(**content["parameters"]),
        ModelOptions.model_validate(content["options"]),
    )
    arrays = {name: tensors[name].numpy() for name in _ARRAYS}
    descriptors = DescriptorModel(**arrays, intercept=content["intercept"])
    methods = PairMethods(comparison, descriptors, content["threshold"], _twin(content["twin_channels"], tensors))
    variants = {name: _variant(held) for name, held in content["variants"].items()}
    references = read_references(content["references"], tensors)
    return ClusteringModel(methods, variants, content["chosen"], content["zero_source"], content["classes"], references)


def _twin(channels: int | None, tensors: Mapping[str, Tensor]) -> TwinNetwork | None:
    if channels is None:
        return None
    network = TwinNetwork(channels)
    network.load_state_dict(
        {name.removeprefix(_TWIN): held for name, held in tensors.items() if name.startswith(_TWIN)}
    )
    return network.eval()


def _variant(held: Mapping[str, Any]) -> Variant:
    weights = held["combination"]
    combination = Combination(tuple(weights["methods"]), tuple(weights["weights"]), weights["intercept"])
    zeros = {kind: ChosenZero(**{**zero, "zero": Zero(**zero["zero"])}) for kind, zero in held["zeros"].items()}
    return Variant(combination, zeros)
