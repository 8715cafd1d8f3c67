"""Shape and texture of an object as numbers, from its mask and pixels, in two dimensions or three."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.measure import regionprops

_SCALES = (1.0, 2.0, 4.0)
_PERCENTILES = (5, 25, 50, 75, 95)


def shape_and_texture(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Numbers that do not change when the object is turned or mirrored.

    Args:
        pixels: float (*space, channels).
        mask: bool (*space), not empty.

    Returns:
        Float (7 + 10 · channels + channel pairs,).
    """
    parts = [_shape(mask), *(_texture(pixels[..., c], mask) for c in range(pixels.shape[-1])), _colour(pixels, mask)]
    return np.concatenate(parts)


def _shape(mask: np.ndarray) -> np.ndarray:
    [region] = regionprops(mask.astype(np.uint8))
    axes = np.sqrt(np.maximum(region.inertia_tensor_eigvals, 1e-12))
    border = mask & ~ndimage.binary_erosion(mask, border_value=0)
    distances = np.linalg.norm(np.argwhere(border) - np.argwhere(mask).mean(axis=0), axis=1)
    size = region.area ** (1 / mask.ndim)
    return np.array(
        [
            np.log(region.area),
            _solidity(region, mask),
            region.extent,
            axes[-1] / axes[0],
            np.log(border.sum() / size ** (mask.ndim - 1)),
            distances.std() / max(distances.mean(), 1e-6),
            _lobes(distances),
        ]
    )


def _solidity(region: object, mask: np.ndarray) -> float:
    """Area over that of the convex hull; 1 for what is too thin, or flat in any direction, to have one."""
    places = np.argwhere(mask)
    if min(np.ptp(places, axis=0)) < 2 or np.linalg.eigvalsh(np.cov(places.T)).min() < 1e-9:
        return 1.0
    return float(region.solidity)  # type: ignore[attr-defined]


def _lobes(distances: np.ndarray) -> float:
    """Kurtosis of the boundary's distances: apart for few deep lobes and many shallow ones."""
    centred = distances - distances.mean()
    return float((centred**4).mean() / max((centred**2).mean() ** 2, 1e-12)) if centred.any() else 0.0


def _texture(channel: np.ndarray, mask: np.ndarray) -> np.ndarray:
    inside = channel[mask]
    blurred = [_blurred(channel, mask, scale) for scale in _SCALES]
    bands = [channel - blurred[0], blurred[0] - blurred[1], blurred[1] - blurred[2]]
    energy = [np.log(band[mask].std() + 1e-4) for band in bands]
    depth = ndimage.distance_transform_edt(mask)[mask]
    radial = float(np.corrcoef(depth, inside)[0, 1]) if inside.std() > 0 and depth.std() > 0 else 0.0
    return np.array([*np.percentile(inside, _PERCENTILES), np.log(inside.std() + 1e-4), *energy, radial])


def _blurred(channel: np.ndarray, mask: np.ndarray, sigma: float) -> np.ndarray:
    """Smoothed inside the object alone, so that its edge is no texture."""
    weight = ndimage.gaussian_filter(mask.astype(float), sigma)
    return ndimage.gaussian_filter(np.where(mask, channel, 0), sigma) / np.maximum(weight, 1e-6)


def _colour(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Correlation of each pair of channels inside the object."""
    inside = pixels[mask].T
    rows, columns = np.triu_indices(len(inside), 1)
    if not rows.size:
        return np.empty(0)
    centred = inside - inside.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T
    spread = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    return (covariance / np.outer(spread, spread))[rows, columns]
