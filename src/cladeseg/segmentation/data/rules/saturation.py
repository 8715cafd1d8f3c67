"""Intensities that were cut off at the largest number their file could hold."""

from __future__ import annotations

import numpy as np

#: Share of the integer type's range below its end that still counts as the end: data are often re-quantised afterwards.
_END = 0.01
#: 8-bit images are commonly stretched to 255 on purpose.
_MIN_BITS = 16


def saturation(voxels: np.ndarray) -> str:
    """What is odd about integers that reach the end of their type; empty for others.

    Args:
        voxels: of one channel, as stored.

    Example:
        >>> saturation(np.array([0, 5, 32760], np.int16))
        'its intensities reach 32760 of the 32767 that int16 can hold; brighter ones were probably cut off (saturation)'
        >>> saturation(np.array([0, 5, 1200], np.int16))
        ''
    """
    if voxels.dtype.kind not in "iu" or 8 * voxels.dtype.itemsize < _MIN_BITS or not voxels.size:
        return ""
    largest, limit = int(voxels.max()), int(np.iinfo(voxels.dtype).max)
    if largest < (1 - _END) * limit:
        return ""
    reach = f"its intensities reach {largest} of the {limit} that {voxels.dtype} can hold"
    return f"{reach}; brighter ones were probably cut off (saturation)"
