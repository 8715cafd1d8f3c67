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


class CheckNormalised(MapTransform):
    """Refuse images that clipping, cropping or standardising left without anything in them.

    An image may vary and be lost all the same: where fewer voxels than the clipped percentiles hold something, the
    clipped image is constant; and intensities such as 1e38 have no variance in float32.  A network would invent a mask
    for either.

    Args:
        keys: image tensors (C, x, y, z), as the network gets them.

    Raises:
        DataError: on call; the message starts with the image's file.
    """

    def __init__(self, keys: KeysCollection) -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Check every key; the data are returned as they are."""
        for key in self.key_iterator(dict(data)):
            image, source = data[key], file_of(data[key], key)
            if not bool(torch.isfinite(image).all()):
                raise DataError(f"{source}: its intensities are too large to be standardised in float32; rescale them")
            constant, allowed = _constant_channels(image, data.get("modalities"))
            if len(constant) > allowed:
                which = "" if len(image) == 1 else f" of {len(constant)} of {len(image)} channels"
                raise DataError(
                    f"{source}: too few voxels hold anything; clipping and standardising leave nothing{which}"
                )
        return dict(data)


def _constant_channels(image: torch.Tensor, present: Sequence[str] | None) -> tuple[list[int], int]:
    """Channels without anything in them, and how many may be: those of absent modalities."""
    constant = [i for i, channel in enumerate(image) if _is_constant(channel)]
    return constant, 0 if present is None else len(image) - len(present)


def _check_varies(image: torch.Tensor, source: str, present: Sequence[str] | None) -> None:
    """Refuse more constant channels than there are absent modalities; ``present`` names those that are there."""
    constant, allowed = _constant_channels(image, present)
    if len(constant) == len(image):
        raise DataError(f"{source}: is empty: every voxel holds the same value")
    if len(constant) > allowed:
        names = [f"channel {i}" for i in range(len(image))] if present is None else present
        # Absent channels are constant too, so with some absent the count tells, but not which of them it is.
        which = f"one of {', '.join(names)}" if allowed else ", ".join(names[i] for i in constant)
        raise DataError(f"{source}: {which} is empty: every voxel holds the same value")


def _is_constant(channel: torch.Tensor) -> bool:
    return channel.numel() == 0 or bool((channel == channel.flatten()[0]).all())


def file_of(volume: Any, key: Hashable) -> str:
    """The file that a loaded volume came from, or its key when that is unknown."""
    return str(getattr(volume, "meta", {}).get("filename_or_obj", key))
