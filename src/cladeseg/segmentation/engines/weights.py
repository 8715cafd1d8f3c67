"""Trained weights on disk: written atomically, refused by name when they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cladeseg.files import DataError, atomic_write
from cladeseg.segmentation.engines.checkpoint import load_state, save_atomically


def load_weights(network: nn.Module, path: str | Path) -> nn.Module:
    """Load a state dict from a ``.safetensors`` or ``.pt`` file into a network, every tensor or none.

    A ``.pt`` is read with ``weights_only``: it may hold tensors, never code.

    Raises:
        DataError: the file is missing or unreadable, belongs to another network or holds values that are not finite;
            the message names the first tensor that does not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there are no weights; train first, or name the file with --weights")
    state = read_state(path)
    misfit = _first_misfit(network.state_dict(), state)
    if misfit:
        hint = "pass the options that it was trained with (head, prior, separate_norm, filters, ...)"
        raise DataError(f"{path}: these weights belong to another network: {misfit}; {hint}")
    broken = next((name for name, value in state.items() if not bool(torch.isfinite(value).all())), None)
    if broken is not None:
        raise DataError(f"{path}: '{broken}' holds values that are not finite; restore the file, or train anew")
    network.load_state_dict(state)
    return network


def write_safetensors(state: Mapping[str, Tensor], path: str | Path) -> None:
    """Write a state dict in the format that holds tensors and nothing that could run."""
    # The format refuses tensors that share memory or are strided.
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    with atomic_write(path) as temporary:
        save_file(plain, temporary, metadata={"format": "pt"})


def read_state(path: Path) -> Any:
    """What a ``.safetensors`` or ``.pt`` file holds; no code of it runs.

    Raises:
        DataError: it cannot be read.
    """
    if path.suffix != ".safetensors":
        return load_state(path)
    try:
        return load_file(path, device="cpu")
    except Exception as error:
        raise DataError(f"{path}: cannot be read as weights ({error})") from error


def _first_misfit(own: dict[str, Tensor], found: Any) -> str | None:
    if not isinstance(found, dict):
        return f"the file holds a {type(found).__name__}"
    for name in own:
        if name not in found:
            return f"'{name}' is missing"
    for name, value in found.items():
        if name not in own:
            return f"'{name}' is unknown"
        if own[name].shape != value.shape:
            return f"'{name}' has shape {tuple(value.shape)}, not {tuple(own[name].shape)}"
    return None


class SaveBestWeights:
    """Write the teacher's weights whenever the validation score is the best so far.

    They are for looking at.  The weights that are shipped are the last ones: choosing an epoch by fine validation
    labels would spend fine labels that the budget does not count.

    MONAI's ``CheckpointSaver`` forgets the best score when a training is resumed, and then keeps a worse epoch.

    Args:
        path: the file, e.g. ``R/models/best_validation.pt``.
        evaluator: the validation engine whose best epoch is followed.
    """

    def __init__(self, path: str | Path, *, evaluator: Any) -> None:
        self.path = Path(path)
        self.evaluator = evaluator

    def attach(self, engine: Engine) -> None:
        """Attach after validation."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save_best)

    def _save_best(self, engine: Engine) -> None:
        if self.evaluator.state.best_metric_epoch == engine.state.epoch:
            save_atomically(engine.teacher.network.state_dict(), self.path)


class LoadWeights:
    """Handler that loads weights before an engine's first iteration.

    MONAI's ``CheckpointLoader`` reads no safetensors, and its refusal does not name the file.

    Args:
        network: gets the weights.
        path: the file.
    """

    def __init__(self, network: nn.Module, path: str | Path) -> None:
        self.network = network
        self.path = path

    def attach(self, engine: Engine) -> None:
        """Attach anywhere."""
        engine.add_event_handler(Events.STARTED, self._load)

    def _load(self, engine: Engine) -> None:
        load_weights(self.network, self.path)
