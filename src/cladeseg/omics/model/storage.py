"""A fitted model as plain tensors and a plain description, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cladeseg.omics.contrast import build_encoder
from cladeseg.omics.features import Block, PcaScores
from cladeseg.omics.graph import ThresholdGraph
from cladeseg.omics.model.completion import Completion
from cladeseg.omics.model.omics_model import OmicsModel
from cladeseg.omics.model.views import View

_PCA = ("mean", "scale", "components", "variances")


def model_tensors(model: OmicsModel) -> dict[str, Tensor]:
    """Everything numeric; the training patients' scores are among it, as others attach to them."""
    tensors = {"weights": model.weights, "lines": model.lines}
    tensors |= {"quality": torch.tensor(model.quality), "temperatures": torch.tensor(model.temperatures)}
    for head, completion in enumerate(model.completions):
        if completion is not None:
            tensors[f"completion.{head}.coefficients"] = torch.from_numpy(completion.coefficients.copy())
            tensors[f"completion.{head}.offset"] = torch.from_numpy(completion.offset.copy())
    for (omics, kind), block in model.blocks.items():
        name = f"{omics}.{kind}"
        tensors[f"{name}.training"] = torch.from_numpy(model.training[omics, kind].copy())
        tensors |= _pca_tensors(f"{name}.scores", block.scores)
        if block.inputs is not None and block.encoder is not None and block.graph is not None:
            tensors |= _pca_tensors(f"{name}.inputs", block.inputs)
            tensors |= {f"{name}.encoder.{key}": value for key, value in block.encoder.state_dict().items()}
            tensors[f"{name}.graph"] = block.graph.features
    return {name: value.contiguous() for name, value in tensors.items()}


def model_description(model: OmicsModel) -> dict[str, Any]:
    """Everything else, as JSON writes it."""
    return {
        "omics": list(model.omics),
        "blocks": [[omics, kind] for omics, kind in model.blocks],
        "noise": {
            f"{i}.{kind}.{part}": pca.noise for (i, kind), block in model.blocks.items() for part, pca in _parts(block)
        },
        "degree": {f"{i}.{kind}": b.graph.degree for (i, kind), b in model.blocks.items() if b.graph is not None},
        "encoder": {f"{i}.{kind}": _encoder(b) for (i, kind), b in model.blocks.items() if b.encoder is not None},
        "views": [[_view(view) for view in views] for views in model.views],
        "threshold": model.threshold,
        "completions": [None if one is None else _completion_keys(one) for one in model.completions],
    }


def restore_model(tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> OmicsModel:
    """The model that gave these; see :func:`model_tensors` and :func:`model_description`.

    Raises:
        KeyError: something is not there.
    """
    keys = [(int(omics), str(kind)) for omics, kind in description["blocks"]]
    views = [
        [
            View(tuple(v["subset"]), tuple(v["weights"]), v["block"], v["strength"], v["degree"], v["share"])
            for v in group
        ]
        for group in description["views"]
    ]
    return OmicsModel(
        tuple(description["omics"]),
        {key: _block(f"{key[0]}.{key[1]}", tensors, description) for key in keys},
        {key: tensors[f"{key[0]}.{key[1]}.training"].numpy() for key in keys},
        [group[0].subset for group in views],
        views,
        tensors["weights"],
        tensors["lines"],
        tensors["quality"].numpy(),
        tensors["temperatures"].numpy(),
        float(description["threshold"]),
        [_completion(head, keys, tensors) for head, keys in enumerate(description["completions"])],
    )


def _completion_keys(completion: Completion) -> dict[str, list[list[int | str]]]:
    return {"inputs": [list(key) for key in completion.inputs], "outputs": [list(key) for key in completion.outputs]}


def _completion(head: int, keys: Mapping[str, Any] | None, tensors: Mapping[str, Tensor]) -> Completion | None:
    if keys is None:
        return None
    inputs, outputs = (tuple((int(i), str(kind)) for i, kind in keys[side]) for side in ("inputs", "outputs"))
    values = (tensors[f"completion.{head}.{part}"].numpy() for part in ("coefficients", "offset"))
    return Completion(inputs, outputs, *values)


def _parts(block: Block) -> list[tuple[str, PcaScores]]:
    return [("scores", block.scores), *([("inputs", block.inputs)] if block.inputs is not None else [])]


def _encoder(block: Block) -> str:
    return type(block.encoder).__name__.removesuffix("Encoder").lower()


def _view(view: View) -> dict[str, Any]:
    return {
        "subset": list(view.subset),
        "weights": list(view.weights),
        "block": view.block,
        "strength": view.strength,
        "degree": view.degree,
        "share": view.share,
    }


def _pca_tensors(name: str, pca: PcaScores) -> dict[str, Tensor]:
    return {f"{name}.{part}": torch.from_numpy(np.ascontiguousarray(getattr(pca, part))) for part in _PCA}


def _pca(name: str, tensors: Mapping[str, Tensor], noise: Mapping[str, float]) -> PcaScores:
    mean, scale, components, variances = (tensors[f"{name}.{part}"].numpy() for part in _PCA)
    return PcaScores(mean, scale, components, variances, noise[name])


def _block(name: str, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> Block:
    scores = _pca(f"{name}.scores", tensors, description["noise"])
    if name not in description["encoder"]:
        return Block(scores)
    graph = ThresholdGraph(tensors[f"{name}.graph"], description["degree"][name])
    encoder = build_encoder(description["encoder"][name], graph.features.shape[1])
    prefix = f"{name}.encoder."
    encoder.load_state_dict(
        {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    )
    inputs = _pca(f"{name}.inputs", tensors, description["noise"])
    return Block(scores, inputs, encoder.eval().requires_grad_(False), graph)
