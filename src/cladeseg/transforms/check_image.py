"""Refuse images that a network would answer with a silently wrong mask."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from cladeseg.errors import DataError


class CheckImaged(MapTransform):
    """Pass 3D, finite, non-constant images on and refuse all others.

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
            self._check(data[key], file_of(data[key], key))
        return dict(data)

    def _check(self, image: torch.Tensor, source: str) -> None:
        if image.ndim != 4:
            raise DataError(f"{source}: is {image.ndim - 1}D; a 3D volume is needed")
        if self.channels is not None and image.shape[0] != self.channels:
            raise DataError(f"{source}: has {image.shape[0]} channels; {self.channels} needed")
        broken = int((~torch.isfinite(image)).sum())
        if broken:
            raise DataError(f"{source}: {broken} voxels are not finite")
        if image.numel() == 0 or bool((image == image.flatten()[0]).all()):
            raise DataError(f"{source}: is empty: every voxel holds the same value")


def file_of(volume: Any, key: Hashable) -> str:
    """The file that a loaded volume came from, or its key when that is unknown."""
    return str(getattr(volume, "meta", {}).get("filename_or_obj", key))
