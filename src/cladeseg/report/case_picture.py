"""The picture of a validation case that TensorBoard shows."""

from __future__ import annotations

import numpy as np

from cladeseg.report.overlay import case_panel
from cladeseg.taxonomy import Taxonomy


class CasePicture:
    """Callable ``(image, truth, prediction) -> uint8 (H, W, 3)``: a few slices, truth above prediction.

    Args:
        taxonomy: gives the colours.
        slices: number of slices.
    """

    def __init__(self, taxonomy: Taxonomy, slices: int = 3) -> None:
        self.taxonomy = taxonomy
        self.slices = slices

    def __call__(self, image: np.ndarray, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Draw arrays of shape (x, y, z)."""
        return case_panel(image, truth, prediction, self.taxonomy, slices=self.slices)
