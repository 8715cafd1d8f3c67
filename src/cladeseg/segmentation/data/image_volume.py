"""One file of an image, read whole and examined."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cladeseg.files import DataError
from cladeseg.segmentation.data.rules.saturation import saturation
from cladeseg.volumes import form_difference, read_volume

#: Planes that are hashed at once.
_PLANES = 16


@dataclass(frozen=True)
class ImageVolume:
    """What was found in one file.

    Attributes:
        path: the file.
        shape: its voxels along each spatial axis; every axis if it is no volume of the channels that are needed; empty
            if it could not be read.
        affine: 4 x 4, voxel indices to mm.
        hashes: of each channel's shape and voxels; empty if the shape is wrong or the file could not be read.
        faults: why it cannot be used.
        forms: how its two affines differ, if they do.
        oddities: what is only worth knowing.
        covered: voxels of each channel that are not 0.
    """

    path: Path
    shape: tuple[int, ...] = ()
    affine: np.ndarray = field(default_factory=lambda: np.eye(4))
    hashes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    forms: str = ""
    oddities: tuple[str, ...] = ()
    covered: tuple[int, ...] = ()


def examine_volume(path: Path, numbers: Sequence[int], *, of: int, unused: Collection[int] = ()) -> ImageVolume:
    """Read a file that holds some channels of an image.

    Args:
        path: a 3D file for one channel, else a 4D one with channels last.
        numbers: which channels these are, counted from 0.
        of: how many the image has; messages name the channel if there are several.
        unused: channels whose voxels nobody will look at.
    """
    try:
        volume = read_volume(path)
    except DataError as error:
        return ImageVolume(path, faults=(str(error).removeprefix(f"{path}: "),))
    voxels, affine = volume.voxels, volume.grid.affine
    wrong = _shape_fault(voxels.shape, len(numbers))
    if wrong:
        return ImageVolume(path, voxels.shape, affine, faults=(wrong,))
    parts = [voxels] if voxels.ndim == 3 else list(np.moveaxis(voxels, 3, 0))
    used = {number: part for number, part in zip(numbers, parts, strict=True) if number not in unused}
    faults = _named({number: _voxel_fault(part) for number, part in used.items()}, of)
    return ImageVolume(
        path,
        voxels.shape[:3],
        affine,
        hashes=tuple(voxel_hash(part) for part in parts),
        faults=faults,
        forms=form_difference(volume.grid) or "",
        oddities=() if faults else _named({number: saturation(part) for number, part in used.items()}, of),
        covered=tuple(int(np.count_nonzero(part)) for part in parts),
    )


def _named(messages: Mapping[int, str], channels: int) -> tuple[str, ...]:
    """Messages that are not empty, with the number of their channel where there are several."""
    return tuple(f"channel {i}: {text}" if channels > 1 else text for i, text in messages.items() if text)


def joint_hash(hashes: Sequence[str]) -> str:
    """One hash for an image, from those of its channels; a single channel's is the image's own."""
    return hashes[0] if len(hashes) == 1 else _hex(" ".join(hashes).encode())


def _shape_fault(shape: tuple[int, ...], channels: int) -> str:
    if channels == 1 and len(shape) != 3:
        return f"is {len(shape)}D with shape {shape}, not one 3D volume"
    if channels > 1 and (len(shape) != 4 or shape[3] != channels):
        needed = f"{channels} channels are needed, in one 4D file (x, y, z, {channels}) or in one 3D file each"
        return f"is {len(shape)}D with shape {shape}; {needed}"
    return ""


def _voxel_fault(voxels: np.ndarray) -> str:
    broken = voxels.size - np.count_nonzero(np.isfinite(voxels)) if voxels.dtype.kind == "f" else 0
    if broken:
        return f"{broken} voxels are not finite"
    return f"every voxel is {voxels.flat[0]:g}" if voxels.min() == voxels.max() else ""


def voxel_hash(voxels: np.ndarray) -> str:
    """sha1 (hex) of a volume's shape and voxels as float32, taken a few planes at a time to hold them only once."""
    found = hashlib.sha1(str(voxels.shape).encode(), usedforsecurity=False)
    with np.errstate(over="ignore"):
        for begin in range(0, len(voxels), _PLANES):
            found.update(voxels[begin : begin + _PLANES].astype("<f4").tobytes())
    return found.hexdigest()


def _hex(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
