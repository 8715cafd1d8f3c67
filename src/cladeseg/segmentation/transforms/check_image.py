"""Refuse images that a network would answer with a silently wrong mask."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from cladeseg.files import DataError


class CheckImaged(MapTransform):
    """Pass 3D, finite, non-constant images on and refuse all others.

    Every channel must vary, except as many as the item's ``modalities`` (see ``LoadModalitiesd``) leave out: those are
    0 throughout.  An item without that key has all its channels.

    Args:
        keys: image tensors (C, x, y, z).
        channels: expected number of channels C; ``None`` accepts any.

    Raises:
        DataError: on call; the message starts with the image's file.
    """

    def __init__(self, keys: KeysCollection, channels: int | None = 1) -> None:
        super().__init__(keys)
        self.channels = channels

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Check every key; the data are returned as they are."""
        for key in self.key_iterator(dict(data)):
            source = file_of(data[key], key)
            self._check(data[key], source)
            _check_varies(data[key], source, data.get("modalities"))
        return dict(data)

    def _check(self, image: torch.Tensor, source: str) -> None:
        if image.ndim != 4:
            raise DataError(f"{source}: is {image.ndim - 1}D; a 3D volume is needed")
        if self.channels is not None and image.shape[0] != self.channels:
            raise DataError(f"{source}: has {image.shape[0]} channels; {self.channels} needed")
        broken = int((~torch.isfinite(image)).sum())
        if broken:
            raise DataError(f"{source}: {broken} voxels are not finite")


def _check_varies(image: torch.Tensor, source: str, present: Sequence[str] | None) -> None:
    """Refuse more constant channels than there are absent modalities; ``present`` names those that are there."""
    channels = len(image)
    constant = [i for i in range(channels) if _is_constant(image[i])]
    if len(constant) == channels:
        raise DataError(f"{source}: is empty: every voxel holds the same value")
    names = [f"channel {i}" for i in range(channels)] if present is None else present
    if len(constant) > channels - len(names):
        # Absent channels are constant too, so with some absent the count tells, but not which of them it is.
        which = ", ".join(names[i] for i in constant) if len(names) == channels else f"one of {', '.join(names)}"
        raise DataError(f"{source}: {which} is empty: every voxel holds the same value")


def _is_constant(channel: torch.Tensor) -> bool:
    return channel.numel() == 0 or bool((channel == channel.flatten()[0]).all())


def file_of(volume: Any, key: Hashable) -> str:
    """The file that a loaded volume came from, or its key when that is unknown."""
    return str(getattr(volume, "meta", {}).get("filename_or_obj", key))
