"""Inference in two passes: find the structures on a coarse grid, divide them inside their boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.inferers import Inferer
from torch import Tensor, nn

from cladeseg.segmentation.inferers.in_boxes import scores_in_boxes, whole_volume
from cladeseg.segmentation.inferers.sliding_window import sliding_window
from cladeseg.segmentation.networks import TwoPassNet, passes_of
from cladeseg.segmentation.transforms import RegionBoxes, coarsen_image, slices_of, standardise


class BoxInferer(Inferer):
    """Sliding windows of the second pass in a box that is known already, standardised within the box.

    Args:
        patch_size: voxels of the window.
        nonzero: see :func:`~cladeseg.segmentation.transforms.standardise`.
        overlap: share of a window that the next one covers again.
    """

    def __init__(self, patch_size: Sequence[int], *, nonzero: bool = False, overlap: float = 0.25) -> None:
        super().__init__()
        self.window = sliding_window(patch_size, overlap)
        self.nonzero = nonzero

    def __call__(self, inputs: Tensor, network: nn.Module, *args: Any, **kwargs: Any) -> Tensor:
        """Predict boxes.

        Args:
            inputs: float (B, C, *S), parts of images.
            network: a :class:`~cladeseg.segmentation.networks.TwoPassNet` in eval mode, or its second pass.
            *args: ignored; MONAI's engines may pass some on.
            **kwargs: likewise.

        Returns:
            float (B, L, *S) log p(leaf).
        """
        parts = torch.stack([standardise(part, nonzero=self.nonzero) for part in inputs])
        return torch.as_tensor(self.window(parts, passes_of(network)[-1]))


class TwoPassInferer(Inferer):
    """Sliding windows of both passes of a :class:`~cladeseg.segmentation.networks.TwoPassNet`.

    The first pass sees the whole volume on a coarser grid.  Where it finds a structure, the second pass sees the box
    around it, standardised within the box; all else is background.  Where the first pass finds nothing that it is
    confident of, the second one searches the whole volume.

    Args:
        patch_size: voxels of the second pass's window.
        first_patch_size: voxels of the first pass's window on its grid.
        ratios: voxel size of the first pass's grid over that of the images, along each axis.
        margin: voxels of the images around what is found.
        threshold: see :class:`~cladeseg.segmentation.transforms.RegionBoxes`, also ``min_confidence`` and
            ``min_share``.
        min_confidence: as there.
        min_share: as there.
        nonzero: see :func:`~cladeseg.segmentation.transforms.standardise`.
        overlap: share of a window that the next one covers again.
    """

    def __init__(
        self,
        *,
        patch_size: Sequence[int],
        first_patch_size: Sequence[int],
        ratios: Sequence[float],
        margin: Sequence[float],
        threshold: float = 0.5,
        min_confidence: float = 0.0,
        min_share: float = 0.0,
        nonzero: bool = False,
        overlap: float = 0.25,
    ) -> None:
        super().__init__()
        self.first_window = sliding_window(first_patch_size, overlap)
        self.inside = BoxInferer(patch_size, nonzero=nonzero, overlap=overlap)
        self.ratios = tuple(ratios)
        self.boxes = RegionBoxes(
            margin=margin, least=patch_size, threshold=threshold, min_confidence=min_confidence, min_share=min_share
        )

    def __call__(self, inputs: Tensor, network: nn.Module, *args: Any, **kwargs: Any) -> Tensor:
        """Predict images.

        Args:
            inputs: float (B, C, *S).
            network: a :class:`~cladeseg.segmentation.networks.TwoPassNet` in eval mode.
            *args: ignored; MONAI's engines may pass some on.
            **kwargs: likewise.

        Returns:
            float (B, L, *S) log p(leaf).

        Raises:
            TypeError: the network has no two passes.
        """
        if not isinstance(network, TwoPassNet):
            raise TypeError(f"inference in two passes needs a TwoPassNet, not a {type(network).__name__}")
        return torch.stack([self._predict(image, network) for image in inputs.as_subclass(Tensor)])

    def found(self, image: Tensor, network: TwoPassNet) -> Tensor:
        """Float (*S') p(any structure) of one image (C, *S) on the first pass's grid."""
        top = self.first_window(coarsen_image(image, self.ratios)[None], network.first)
        return 1 - torch.as_tensor(top)[0, 0].float().exp()  # the background is the first leaf of every tree

    def boxes_in(self, image: Tensor, network: TwoPassNet) -> np.ndarray:
        """Int (K, 2, D): the boxes that the second pass looks into, one of the whole volume if nothing is found."""
        boxes = self.boxes(self.found(image, network).cpu().numpy(), image.shape[1:])
        return boxes if len(boxes) else whole_volume(image.shape[1:])

    def _predict(self, image: Tensor, network: TwoPassNet) -> Tensor:
        boxes = self.boxes_in(image, network)
        predicted = [self.inside(image[slices_of(box)][None], network)[0] for box in boxes]
        return scores_in_boxes(predicted, boxes, image.shape[1:])
