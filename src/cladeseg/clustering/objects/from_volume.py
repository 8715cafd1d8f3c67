"""Objects of a volume that a label volume beside it outlines: lesions or cells, by shape and texture."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import numpy as np
from scipy import ndimage
from skimage.transform import resize

from cladeseg.clustering.objects.clustered_object import ClusteredObject, digest_of_arrays
from cladeseg.clustering.objects.from_picture import CROP
from cladeseg.clustering.objects.shape_and_texture import shape_and_texture
from cladeseg.files import DataError, check_choice
from cladeseg.volumes import Volume, case_name, corner_distance, read_volume

logger = logging.getLogger(__name__)

Outlined = Literal["numbers", "parts"]
#: Voxels of the side of the cube that an object is described on.
CUBE = 40
_MARGIN = 1.1  # side of the cube over the longest side of the object
_SMALLEST = 8  # voxels; smaller objects have no shape to speak of
_SAME_MM = 0.01  # distance of the corners of two grids that count as one


def objects_of_volume(image: str | Path, outlines: str | Path, outlined: Outlined = "numbers") -> list[ClusteredObject]:
    """Every outlined object, named by the image and its number, as in ``case#1``.

    Each is described on a cube of its own, so that spacing and position do not count; its size in mm³ does.  The crop
    is the cube's slice across the third axis that holds most of it.  Intensities are divided by the volume's range
    between the 1st and the 99th percentile, without the lowest value, which most scans have outside the body.

    Args:
        image: volume (x, y, z) or (x, y, z, C).
        outlines: whole numbers on the same grid, 0 elsewhere.
        outlined: by ``"numbers"`` each number is one object, by ``"parts"`` each connected part of a number is.

    Raises:
        DataError: a file cannot be read, the grids differ, a value is not finite, or no object is large enough.
    """
    held, drawn = read_volume(image), read_volume(outlines)
    _check_grids(held, drawn)
    numbers = numbered(drawn, outlined)
    pixels = _scaled(held)
    found, small = [], 0
    for number, box in enumerate(ndimage.find_objects(numbers), 1):
        mask = None if box is None else numbers[box] == number
        if mask is None or mask.sum() < _SMALLEST:
            small += mask is not None
            continue
        found.append(_object(f"{case_name(image)}#{number}", pixels[box], mask, held.grid.spacing))
    if small:
        logger.warning("%s: %d object(s) of fewer than %d voxels are left out", outlines, small, _SMALLEST)
    if not found:
        raise DataError(
            f"{outlines}: outlines no object of {_SMALLEST} voxels or more; correct it, or remove the image"
        )
    return found


def _check_grids(image: Volume, outlines: Volume) -> None:
    one, other = image.grid, outlines.grid
    if len(other.shape) != 3 or one.shape[:3] != other.shape:
        raise DataError(
            f"{other.path}: has the shape {other.shape}, its image {one.shape}; draw it on the image's grid"
        )
    distance = corner_distance(one.affine, other.affine, other.shape)
    if distance > _SAME_MM:
        raise DataError(f"{other.path}: lies {distance:.2f} mm from its image; resample it to the image's grid")


def numbered(outlines: Volume, outlined: Outlined) -> np.ndarray:
    """Objects 1, 2, … of a label volume; int32 (x, y, z).

    Raises:
        DataError: a value is no whole number, or negative, or there is no object.
    """
    check_choice("outlined", outlined, ("numbers", "parts"))
    voxels, path = outlines.voxels, outlines.grid.path
    numbers = np.rint(voxels).astype(np.int64) if np.isfinite(voxels).all() else np.full(voxels.shape, -1)
    if numbers.min() < 0 or numbers.max() > np.iinfo(np.int32).max or np.abs(numbers - voxels).max() > 1e-3:
        raise DataError(f"{path}: should hold a whole number above 0 for each object, 0 elsewhere")
    if not numbers.any():
        raise DataError(f"{path}: outlines no object; correct it, or remove the image")
    return numbers.astype(np.int32) if outlined == "numbers" else connected_parts(numbers)


def connected_parts(numbers: np.ndarray) -> np.ndarray:
    """Each connected part numbered anew, in the order of the numbers; those that touch at a corner are connected.

    Examples:
        >>> connected_parts(np.array([[1, 0, 1], [1, 0, 2]])).tolist()
        [[1, 0, 2], [1, 0, 3]]
    """
    parts, count = np.zeros(numbers.shape, dtype=np.int32), 0
    for number in np.unique(numbers[numbers > 0]):
        found, several = ndimage.label(numbers == number, structure=np.ones((3,) * numbers.ndim))
        parts[found > 0] = found[found > 0] + count
        count += several
    return parts


def _scaled(image: Volume) -> np.ndarray:
    """Float32 (x, y, z, C)."""
    voxels = np.array(image.voxels, dtype=np.float32)
    voxels = voxels[..., None] if voxels.ndim == 3 else voxels
    if not np.isfinite(voxels).all():
        raise DataError(f"{image.grid.path}: has values that are not finite; replace them or remove the image")
    for channel in range(voxels.shape[3]):
        values = voxels[..., channel]
        body = values[values > values.min()]
        if not body.size:
            raise DataError(f"{image.grid.path}: is empty, all voxels are equal; remove it")
        low, high = np.percentile(body, [1, 99])
        voxels[..., channel] = (values - low) / max(float(high - low), 1e-6)
    return voxels


def _object(name: str, pixels: np.ndarray, mask: np.ndarray, spacing: np.ndarray) -> ClusteredObject:
    cube, inside = _cube(pixels, mask, spacing)
    size = np.log(mask.sum() * float(np.prod(spacing)))
    middle = int(inside.sum(axis=(0, 1)).argmax())
    crop = resize(cube[:, :, middle].transpose(1, 0, 2), (CROP, CROP, cube.shape[3]), order=1, preserve_range=True)
    return ClusteredObject(
        name,
        None,
        crop=crop.astype(np.float32),
        shape=np.append(shape_and_texture(cube, inside), size),
        digest=digest_of_arrays(pixels, mask, spacing),
    )


def _cube(pixels: np.ndarray, mask: np.ndarray, spacing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An object's box in the middle of a cube of 40 voxels, (40, 40, 40, C), and its mask; edges are repeated."""
    step = _MARGIN * float((np.array(mask.shape) * spacing).max()) / CUBE / spacing
    middle = (np.array(mask.shape) - 1) / 2
    lines = [centre + (np.arange(CUBE) - (CUBE - 1) / 2) * each for centre, each in zip(middle, step, strict=True)]
    at = np.meshgrid(*lines, indexing="ij")
    # As much as skimage smooths before it shrinks, so that fine texture does not become noise.
    blur = np.maximum(step - 1, 0) / 2
    channels = [
        ndimage.map_coordinates(ndimage.gaussian_filter(pixels[..., c], blur), at, order=1, mode="nearest")
        for c in range(pixels.shape[3])
    ]
    inside = ndimage.map_coordinates(mask.astype(np.float32), at, order=1, mode="constant") > 0.5
    return np.stack(channels, axis=3), inside if inside.any() else np.ones_like(inside)
