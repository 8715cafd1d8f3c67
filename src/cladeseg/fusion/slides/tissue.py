"""Where a picture shows stained tissue and not glass, pen or shadow."""

from __future__ import annotations

import numpy as np
from skimage.color import rgb2hsv
from skimage.filters import threshold_otsu

#: Saturation that separates tissue from glass lies in here; Otsu's threshold alone would split a picture without glass.
_SATURATION = (0.05, 0.12)
#: Darker than any stain: folds, edges of the cover slip, pen.
_LEAST_VALUE = 0.12


def tissue_mask(image: np.ndarray) -> np.ndarray:
    """Pixels of stained tissue.

    Args:
        image: (H, W, 3) uint8.

    Returns:
        (H, W) bool.

    Example:
        >>> glass_and_eosin = np.array([[[245, 244, 246], [220, 130, 190]]], np.uint8)
        >>> tissue_mask(glass_and_eosin).tolist()
        [[False, True]]
    """
    hsv = rgb2hsv(image)
    saturation = hsv[..., 1]
    threshold = _SATURATION[0] if np.ptp(saturation) == 0 else threshold_otsu(saturation)
    return (saturation > np.clip(threshold, *_SATURATION)) & (hsv[..., 2] > _LEAST_VALUE)
