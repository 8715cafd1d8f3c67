"""The first validation case of an epoch in one picture, drawn as pages draw cases; for TensorBoard."""

from __future__ import annotations

import numpy as np

from cladeseg.report import case_slices, contact_sheet
from cladeseg.segmentation.pages.stored_case import keep_case, structure_box
from cladeseg.taxonomy import Taxonomy


class ValidationPicture:
    """Callable ``(image, truth, prediction, affine) -> uint8 (H, W, 3)``: image, truth, prediction and error.

    Args:
        taxonomy: the label tree.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy

    def __call__(self, image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, affine: np.ndarray) -> np.ndarray:
        """Draw arrays of shape (x, y, z), whose (4, 4) affine leads from voxels to RAS mm."""
        box = structure_box([truth, prediction], affine, self.taxonomy)
        case = keep_case(image, prediction, affine, self.taxonomy, box=box, truth=truth)
        rows = case_slices(case.image, case.prediction, self.taxonomy, spacing=case.spacing, truth=case.truth)
        return contact_sheet(rows)
