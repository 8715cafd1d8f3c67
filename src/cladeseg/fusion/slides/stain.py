"""Macenko's normalisation: the two stains of a slide take the colours and strengths of a reference.

Stains are estimated by MONAI, once for a slide and not for each tile, so that a tile of stroma stays paler than a tile
of tumour.  Macenko et al., ISBI 2009.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from monai.apps.pathology.transforms.stain.array import ExtractHEStains

#: Light that passes the glass, and the least absorbance of a stained pixel: MONAI's and the paper's.
_LIGHT, _STAINED = 240.0, 0.15
#: Colours (columns haematoxylin, eosin) and strengths of the reference, as in MONAI's NormalizeHEStains.
_REFERENCE = np.array([[0.5626, 0.2159], [0.7201, 0.8012], [0.4062, 0.5581]])
_REFERENCE_STRENGTH = np.array([1.9705, 1.0308])
_SAMPLED_PIXELS = 200_000
_LEAST_PIXELS = 1000
#: Cosine above which two stains are one: their strengths could not be separated.
_SAME_STAIN = 0.995


@dataclass(frozen=True)
class StainNormaliser:
    """A linear map of absorbances, (3, 3): from one slide's stains to the reference's."""

    matrix: np.ndarray

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """(…, 3) uint8 → the same in the reference's stains."""
        mapped = _absorbance(image) @ self.matrix.T
        return np.clip(np.round(_LIGHT * np.exp(-mapped)), 0, 255).astype(np.uint8)


def fit_stains(tiles: np.ndarray, *, seed: int = 0) -> StainNormaliser | None:
    """Estimate a slide's stains from pixels of all its tiles.

    Args:
        tiles: (N, H, W, 3) uint8.
        seed: of the pixels that are drawn.

    Returns:
        Nothing where the tiles do not show two stains: too few stained pixels, or one colour alone.
    """
    pixels = _stained(tiles, seed)
    if len(pixels) < _LEAST_PIXELS:
        return None
    stains = _haematoxylin_first(ExtractHEStains(tli=_LIGHT, beta=_STAINED)(pixels).astype(float))
    if not np.isfinite(stains).all() or stains[:, 0] @ stains[:, 1] > _SAME_STAIN:
        return None
    inverse = np.linalg.pinv(stains)
    strength = np.percentile(_absorbance(pixels) @ inverse.T, 99, axis=0)
    if (strength <= 0).any():
        return None
    return StainNormaliser(_REFERENCE @ np.diag(_REFERENCE_STRENGTH / strength) @ inverse)


def _haematoxylin_first(stains: np.ndarray) -> np.ndarray:
    """Columns with positive sums, the one that absorbs more red first; MONAI 1.6 puts the bluer absorbance first."""
    positive = stains * np.where(stains.sum(axis=0) < 0, -1, 1)
    return positive[:, np.argsort(-positive[0])]


def _stained(tiles: np.ndarray, seed: int) -> np.ndarray:
    """(N, 3) uint8, as many from each tile."""
    generator = np.random.default_rng(seed)
    share = max(1, _SAMPLED_PIXELS // max(1, len(tiles)))
    drawn = [generator.choice(tile.reshape(-1, 3), share, shuffle=False) for tile in tiles]
    pixels = np.concatenate(drawn) if drawn else np.empty((0, 3), np.uint8)
    return pixels[(_absorbance(pixels) > _STAINED).all(axis=-1)]


def _absorbance(image: np.ndarray) -> np.ndarray:
    return -np.log(np.minimum(image.astype(float) + 1, _LIGHT) / _LIGHT)
