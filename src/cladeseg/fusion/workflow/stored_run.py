"""What a training leaves for others: weights as safetensors and their description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from cladeseg.bundle.described_weights import read_description, write_described
from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.trained_tree import recorded_tree, tree_record
from cladeseg.classes import class_names
from cladeseg.files import DataError
from cladeseg.fusion.fitting import FusionModel, InputScaling, LinearExpert
from cladeseg.fusion.fitting.ensemble import NetworkEnsemble
from cladeseg.fusion.fitting.training import build_network
from cladeseg.fusion.workflow.settings import FusionSettings
from cladeseg.taxonomy import Taxonomy

_SCALES = ("gene_mean", "gene_std", "tile_mean", "tile_map")


@dataclass(frozen=True)
class StoredRun:
    """A trained run.

    Attributes:
        model: the fitted model.
        tree: its classes.
        settings: that it was trained with.
    """

    model: FusionModel
    tree: Taxonomy
    settings: FusionSettings


def store_run(folder: RunFolder, model: FusionModel, tree: Taxonomy, settings: FusionSettings) -> None:
    """Write weights and description; the description, which says that both are complete, comes last."""
    content = {
        "genes": list(model.scaling.genes),
        "groups": {name: list(columns) for name, columns in model.scaling.groups.items()},
        "networks": len(model.ensemble.networks),
        "experts": list(model.experts),
        "weights": {pattern: dict(one) for pattern, one in model.weights.items()},
        "taxonomy": {"name": tree.name, **tree_record(tree)},
        "settings": settings.model_dump(mode="json"),
    }
    write_described(folder.safe_weights, _tensors(model), content)


def load_run(folder: RunFolder) -> StoredRun:
    """Read a trained run.

    Raises:
        DataError: it was not trained, or a file is damaged.
    """
    content = read_description(folder)
    try:
        tree = recorded_tree(content["taxonomy"]["name"], content["taxonomy"])
        settings = FusionSettings.model_validate(content["settings"])
        model = _restored(safetensors.torch.load_file(folder.safe_weights), content, tree, settings)
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise DataError(f"{folder.description}: is no description of a fusion model ({error}); train anew") from error
    return StoredRun(model, tree, settings)


def _tensors(model: FusionModel) -> dict[str, Tensor]:
    tensors = {name: torch.as_tensor(getattr(model.scaling, name)) for name in _SCALES}
    for number, network in enumerate(model.ensemble.networks):
        tensors |= {f"network.{number}.{name}": value for name, value in network.state_dict().items()}
    for number, expert in enumerate(model.experts.values()):
        tensors |= {f"expert.{number}.weight": expert.weight, f"expert.{number}.bias": expert.bias}
    return {name: value.contiguous().clone() for name, value in tensors.items()}


def _restored(
    tensors: Mapping[str, Tensor], content: Mapping[str, Any], tree: Taxonomy, settings: FusionSettings
) -> FusionModel:
    scales = {name: tensors[name].numpy() for name in _SCALES}
    scaling = InputScaling(genes=tuple(content["genes"]), groups=content["groups"], **scales)
    networks = []
    for number in range(content["networks"]):
        network = build_network(scaling, len(class_names(tree)), settings.fit())
        prefix = f"network.{number}."
        network.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        networks.append(network.eval())
    experts = {
        name: LinearExpert(name, tensors[f"expert.{number}.weight"], tensors[f"expert.{number}.bias"])
        for number, name in enumerate(content["experts"])
    }
    return FusionModel(scaling, NetworkEnsemble(tuple(networks)), experts, content["weights"])
