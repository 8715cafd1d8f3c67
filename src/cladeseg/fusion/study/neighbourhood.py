"""A spot's histology with that around it: what the eye sees beside a patch also tells what is expressed in it."""

from __future__ import annotations

import numpy as np


def smoothed(features: np.ndarray, places: np.ndarray, sections: np.ndarray, *, width: float) -> np.ndarray:
    """Gaussian mean over the spots of the same section, the spot itself included.

    Args:
        features: (N, F).
        places: (N, 2), in spots.
        sections: (N,).
        width: standard deviation in spots.

    Returns:
        (N, F).
    """
    result = np.empty_like(features)
    for section in np.unique(sections):
        rows = np.flatnonzero(sections == section)
        squares = ((places[rows][:, None] - places[rows][None]) ** 2).sum(axis=-1)
        weights = np.exp(-squares / (2 * width**2))
        result[rows] = weights @ features[rows] / weights.sum(axis=1, keepdims=True)
    return result


def standardised_by_section(features: np.ndarray, sections: np.ndarray) -> np.ndarray:
    """Each section's features with mean 0 and deviation 1: scanners and stains differ between sections.

    It needs a section's images, all of which are there at test, and nothing of its expression.
    """
    result = np.empty_like(features)
    for section in np.unique(sections):
        rows = sections == section
        result[rows] = (features[rows] - features[rows].mean(axis=0)) / (features[rows].std(axis=0) + 1e-6)
    return result


def neighbourhood_views(
    features: np.ndarray, places: np.ndarray, sections: np.ndarray, *, widths: tuple[float, ...]
) -> list[np.ndarray]:
    """For each width the spot's own features beside those of its neighbourhood, standardised by section: (N, 2F)."""
    own = standardised_by_section(features, sections)
    around = [smoothed(features, places, sections, width=width) for width in widths]
    return [np.concatenate([own, standardised_by_section(one, sections)], axis=1) for one in around]
