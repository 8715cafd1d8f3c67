"""One object from a picture and its mask: crop, key points, shape and texture."""

from __future__ import annotations

import numpy as np
from skimage.transform import resize

from cladeseg.clustering.objects.clustered_object import ClusteredObject, digest_of_arrays
from cladeseg.clustering.objects.peaks import PeakRule, key_points
from cladeseg.clustering.objects.shape_and_texture import shape_and_texture

#: Pixels of a crop's side.
CROP = 64
_MARGIN = 1.1  # side of the crop over the longer side of the object


def object_from_picture(
    name: str, picture: np.ndarray, mask: np.ndarray, rule: PeakRule | None = None
) -> ClusteredObject:
    """Describe the object that a mask outlines.

    Args:
        name: the object's id.
        picture: float (rows, columns, channels).
        mask: bool (rows, columns), not empty.
        rule: which maxima are key points.
    """
    square, inside = _square(picture, mask)
    return ClusteredObject(
        name,
        key_points(square, inside, rule),
        crop=square,
        shape=np.append(shape_and_texture(square, inside), np.log(mask.sum())),
        digest=digest_of_arrays(picture, mask),
    )


def _square(picture: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The object in the middle of a square of 64 × 64 pixels, with its mask; beyond the border the edge is repeated."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    side = int(np.ceil(max(height, width) * _MARGIN)) + 1
    top, left = (rows[0] + rows[-1] + 1 - side) // 2, (columns[0] + columns[-1] + 1 - side) // 2
    row_at = np.clip(np.arange(top, top + side), 0, mask.shape[0] - 1)
    column_at = np.clip(np.arange(left, left + side), 0, mask.shape[1] - 1)
    outside_rows = (np.arange(top, top + side) != row_at)[:, None]
    outside_columns = (np.arange(left, left + side) != column_at)[None]
    cut = picture[np.ix_(row_at, column_at)]
    held = mask[np.ix_(row_at, column_at)] & ~outside_rows & ~outside_columns
    shrink = side > CROP
    crop = resize(cut, (CROP, CROP, cut.shape[2]), order=1, anti_aliasing=shrink, preserve_range=True)
    inside = resize(held.astype(float), (CROP, CROP), order=1) > 0.5
    return crop.astype(np.float32), inside if inside.any() else np.ones_like(inside)
