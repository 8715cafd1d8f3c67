"""A tile of tissue by seed: dark nuclei of some number and size in a pink ground."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

#: Absorbance of the two stains in red, green and blue.
_HAEMATOXYLIN, _EOSIN = np.array([0.65, 0.70, 0.29]), np.array([0.25, 0.85, 0.46])
_LIGHT = 240.0


class Appearance(NamedTuple):
    """What tells tiles apart.

    Attributes:
        density: share of the area that nuclei take.
        radius: size of nuclei, about their radius in pixels.
    """

    density: float
    radius: float


#: Tissue between tumours, which looks the same in all patients.
STROMA = Appearance(0.05, 1.3)


def tissue_tile(appearance: Appearance, size: int, random: np.random.Generator) -> np.ndarray:
    """(size, size, 3) uint8.

    Example:
        >>> tile = tissue_tile(Appearance(0.2, 2.5), 64, np.random.default_rng(0))
        >>> tile.shape, bool(tile.mean() > 60)
        ((64, 64, 3), True)
    """
    noise = gaussian_filter(random.standard_normal((size, size), dtype=np.float32), appearance.radius)
    nuclei = noise > np.quantile(noise, 1 - np.clip(appearance.density, 0.01, 0.9))
    fibres = gaussian_filter(random.standard_normal((size, size), dtype=np.float32), (1.0, 4.0))
    pink = 0.55 + 0.25 * fibres / (np.abs(fibres).max() + 1e-6)
    absorbance = 1.1 * nuclei[..., None] * _HAEMATOXYLIN + np.clip(pink, 0.05, None)[..., None] * _EOSIN
    return np.clip(_LIGHT * np.exp(-absorbance), 0, 255).astype(np.uint8)
