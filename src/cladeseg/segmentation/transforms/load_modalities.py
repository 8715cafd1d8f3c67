"""Load an image whose channels lie in one file or in several, some of them missing."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import ImageReader, MetaTensor
from monai.transforms import LoadImaged

from cladeseg.files import DataError
from cladeseg.segmentation.transforms.check_image import file_of
from cladeseg.volumes import VolumeReader, corner_distance

#: What an item may hold: one path, or one path per channel with None for a missing one.
Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str] | None]


class LoadModalitiesd(LoadImaged):
    """Replace paths by a float32 image (C, x, y, z) with one channel per modality, in a fixed order.

    An item may hold the path of a 3D NIfTI (one channel), that of a 4D NIfTI (x, y, z, C), or a list with one path per
    channel.  ``None`` in a list marks a missing modality; its channel becomes 0.  The geometry is that of the first
    file that is read.  The key ``modalities`` then lists the names of the channels that hold an image.

    A subclass of MONAI's ``LoadImaged`` so that tools which look for the loader (MONAI Label) find it.

    Args:
        keys: where the paths are and the image goes.
        modalities: names of the channels, in order; empty: any number of channels, called ``channel_0`` ….
        use: the modalities that are looked at, in any order; the others' files are not opened and their channels
            become exactly 0.  ``None``: all.
        allow_missing: whether a modality of ``use`` may be ``None``.

    Raises:
        ValueError: two modalities share a name, or ``use`` is empty or names one that is not among ``modalities``.
        DataError: on call; a file cannot be read, is not 3D or 4D or has another number of channels; files of one
            case differ in shape or lie more than 1 mm apart; a modality is missing that must not be, or all are.
    """

    def __init__(
        self,
        keys: KeysCollection = "image",
        *,
        modalities: Sequence[str] = (),
        use: Sequence[str] | None = None,
        allow_missing: bool = False,
    ) -> None:
        super().__init__(keys, reader=VolumeReader, ensure_channel_first=True)
        _check_names(modalities, use)
        self.modalities = tuple(modalities)
        self.use = None if use is None else frozenset(use)
        self.allow_missing = allow_missing

    def __call__(self, data: Mapping[Hashable, Any], reader: ImageReader | None = None) -> dict[Hashable, Any]:
        """Load every key.

        Args:
            data: an item with paths.
            reader: replaces ours.
        """
        out = dict(data)
        for key in self.key_iterator(out):
            out[key], out["modalities"] = self._load(out[key], reader)
        return out

    def _load(self, source: Source, reader: ImageReader | None) -> tuple[MetaTensor, list[str]]:
        if isinstance(source, str | os.PathLike):
            return self._one_file(source, reader)
        return self._file_per_channel(source, reader)

    def _one_file(self, path: str | os.PathLike[str], reader: ImageReader | None) -> tuple[MetaTensor, list[str]]:
        image = self._read(path, reader)
        wanted = len(self.modalities)
        if wanted and len(image) != wanted:
            raise DataError(f"{path}: has {len(image)} channels; {wanted} needed ({', '.join(self.modalities)})")
        names = self._names(len(image))
        unused = [i for i, name in enumerate(names) if not self._is_used(name)]
        image[unused] = 0
        return image, [name for name in names if self._is_used(name)]

    def _file_per_channel(self, source: Sequence[Any], reader: ImageReader | None) -> tuple[MetaTensor, list[str]]:
        if self.modalities and len(source) != len(self.modalities):
            listed = f"{_listed(source)} ({len(source)} entries)"
            raise DataError(f"{listed}: one file or None is needed for each of {', '.join(self.modalities)}")
        names = self._names(len(source))
        paths = {name: path for name, path in zip(names, source, strict=True) if self._is_used(name)}
        self._check_missing(paths, source)
        images = {name: self._channel(path, reader) for name, path in paths.items() if path is not None}
        first = next(iter(images.values()))
        for image in images.values():
            _check_same_grid(image, first)
        absent = torch.zeros(first.shape[1:], dtype=first.dtype)
        channels = [images[name].as_tensor()[0] if name in images else absent for name in names]
        return MetaTensor(torch.stack(channels), meta=first.meta), list(images)

    def _check_missing(self, paths: Mapping[str, Any], source: Sequence[Any]) -> None:
        missing = [name for name, path in paths.items() if path is None]
        if len(missing) == len(paths):
            raise DataError(f"{_listed(source)}: holds none of {', '.join(paths) or 'the channels'}")
        if missing and not self.allow_missing:
            raise DataError(f"{_listed(source)}: {', '.join(missing)} missing")

    def _channel(self, path: str | os.PathLike[str], reader: ImageReader | None) -> MetaTensor:
        image = self._read(path, reader)
        if len(image) != 1:
            raise DataError(f"{path}: has {len(image)} channels; a file of a list is one channel")
        return image

    def _read(self, path: str | os.PathLike[str], reader: ImageReader | None) -> MetaTensor:
        try:
            # Given here, the reader's own error comes through; MONAI would wrap it in pages of tracebacks.
            loaded = self._loader(path, reader or VolumeReader())
        except DataError:
            raise
        except Exception as error:
            raise DataError(f"{path}: cannot be read ({error})") from error
        image = loaded[0] if isinstance(loaded, tuple) else loaded  # MONAI Label asks loaders for (image, metadata)
        if image.ndim != 4:
            raise DataError(f"{path}: is {image.ndim - 1}D; a 3D volume is needed")
        return image

    def _names(self, channels: int) -> tuple[str, ...]:
        return self.modalities or tuple(f"channel_{i}" for i in range(channels))

    def _is_used(self, name: str) -> bool:
        return self.use is None or name in self.use


def _check_names(modalities: Sequence[str], use: Sequence[str] | None) -> None:
    if len(set(modalities)) != len(modalities):
        raise ValueError(f"modalities: {', '.join(modalities)} has one name twice")
    unknown = [name for name in use or () if name not in modalities]
    if unknown or (use is not None and not use):
        named = f"'{unknown[0]}' is none of" if unknown else "none is left of"
        raise ValueError(f"use: {named} the modalities {', '.join(modalities) or '(not named)'}")


def _check_same_grid(image: MetaTensor, first: MetaTensor) -> None:
    file, other = file_of(image, "image"), file_of(first, "image")
    if image.shape != first.shape:
        raise DataError(f"{file}: the shape is {tuple(image.shape[1:])}, that of {other} {tuple(first.shape[1:])}")
    shift = corner_distance(np.asarray(image.affine), np.asarray(first.affine), image.shape[1:])
    if not shift <= 1.0:  # written so that NaN is refused too
        raise DataError(f"{file}: lies up to {shift:.1f} mm off {other}")


def _listed(source: Iterable[Any]) -> str:
    """What a list of files is called in a message: its first file, which names the case."""
    return next((str(path) for path in source if path is not None), "image")
