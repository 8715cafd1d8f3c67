"""A backbone that starts from pre-trained weights: what of them fits, and what does not."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cladeseg.bundle.weights_record import DESCRIPTION, check_weights
from cladeseg.files import DataError, read_json
from cladeseg.segmentation.engines.weights import read_state
from cladeseg.segmentation.networks import passes_of

logger = logging.getLogger(__name__)

_BACKBONE = "backbone."


class Match(NamedTuple):
    """What :func:`load_pretrained` found.

    Attributes:
        matched: names of the backbone's tensors that were loaded.
        unmatched: why each of its other tensors was not: name → reason.
        unused: names in the file that the backbone does not have.
    """

    matched: tuple[str, ...]
    unmatched: Mapping[str, str]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        """``matched 40 of 42 tensors``, and which did not."""
        total = len(self.matched) + len(self.unmatched)
        left = "".join(f"; not {name}: {reason}" for name, reason in self.unmatched.items())
        unused = f"; not used: {', '.join(self.unused)}" if self.unused else ""
        return f"matched {len(self.matched)} of {total} tensors{left}{unused}"


def load_pretrained(network: nn.Module, path: str | Path, *, channels: Sequence[str] = ()) -> Match:
    """Take over the tensors of a file that a network's backbone has too, and log what fitted.

    Heads belong to a task and are never taken over.  Of two passes the second is loaded.  Where the file's description
    names its modalities, the slices of the first convolution go to the modalities of the same name: a backbone of T1
    and FLAIR starts from one of four sequences.

    Args:
        network: what :func:`~cladeseg.segmentation.networks.build_network` or ``build_two_pass`` gave.
        path: ``.safetensors`` or ``.pt``; its sha256 must be the recorded one where a ``model.json`` lies beside it.
        channels: names of the network's modalities.

    Raises:
        DataError: the file is missing, unreadable or not the recorded one, holds values that are not finite, or no
            tensor fits.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there are no pre-trained weights; name the file with --pretrained")
    check_weights(path, required=False)
    backbone = passes_of(network)[-1].backbone
    own = backbone.state_dict()  # type: ignore[union-attr]
    found = _of_backbone(read_state(path), path)
    found = _with_own_channels(found, own, _channels(path), channels)
    unmatched = {name: reason for name, value in own.items() if (reason := _misfit(value, found.get(name)))}
    matched = tuple(name for name in own if name not in unmatched)
    result = Match(matched, unmatched, tuple(name for name in found if name not in own))
    if not matched:
        name, reason = next(iter(unmatched.items()))
        raise DataError(
            f"{path}: none of its tensors fits this network's backbone (e.g. {name}: {reason}); pre-train with the "
            "same network (filters, levels, patch_size, spacing)"
        )
    broken = next((name for name in matched if not bool(torch.isfinite(found[name]).all())), None)
    if broken is not None:
        raise DataError(f"{path}: '{broken}' holds values that are not finite; restore the file, or pre-train anew")
    backbone.load_state_dict({name: found[name] for name in matched}, strict=False)  # type: ignore[union-attr]
    logger.info("%s: %s", path, result)
    return result


def pretrained_images(path: str | Path) -> frozenset[str]:
    """Hashes of the images that weights were pre-trained on, as their description says; empty if nobody says.

    Raises:
        DataError: the description cannot be read.
    """
    return frozenset(map(str, _description(Path(path)).get("images", ())))


def _of_backbone(state: Any, path: Path) -> dict[str, Tensor]:
    """The backbone's tensors by their names inside it."""
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path}: holds no tensors by name; pre-training writes models/encoder.safetensors")
    second = f"second.{_BACKBONE}"
    prefix = second if any(name.startswith(second) for name in state) else _BACKBONE
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _description(path: Path) -> dict[str, Any]:
    file = path.with_name(DESCRIPTION)
    content = read_json(file) if file.is_file() else {}
    return content if isinstance(content, dict) else {}


def _channels(path: Path) -> tuple[str, ...]:
    return tuple(map(str, _description(path).get("channels", ())))


def _with_own_channels(
    found: dict[str, Tensor], own: Mapping[str, Tensor], before: Sequence[str], now: Sequence[str]
) -> dict[str, Tensor]:
    """First convolutions with the slices of the modalities that the network has, if the file has them all."""
    if not before or not now or list(before) == list(now) or not set(now) <= set(before):
        return found
    order = [list(before).index(name) for name in now]
    return {
        name: value[:, order] if _takes_images(value, own.get(name), len(before), len(now)) else value
        for name, value in found.items()
    }


def _takes_images(value: Tensor, own: Tensor | None, before: int, now: int) -> bool:
    """Whether a weight's second axis are the modalities."""
    return value.ndim == 5 and value.shape[1] == before and own is not None and own.shape[1] == now


def _misfit(own: Tensor, found: Tensor | None) -> str | None:
    if found is None:
        return "is not in the file"
    return None if own.shape == found.shape else f"has shape {tuple(own.shape)}, in the file {tuple(found.shape)}"
