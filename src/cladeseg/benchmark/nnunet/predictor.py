"""nnU-Net's masks in the place of a predictor, so that they are scored as ours are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cladeseg.files import DataError
from cladeseg.segmentation.data import ImageFiles, volume_files
from cladeseg.taxonomy import Taxonomy
from cladeseg.volumes import Grid, corner_distance, read_grid, read_volume

#: How far in mm a mask's corners may lie from its image's.
_MAX_MM = 0.01


class MaskPredictor:
    """Gives for each image the mask that was predicted before.

    Args:
        masks: first file of an image → file of its mask, whose integers are indices of leaves.
        taxonomy: the label tree.
        label_convention: of the labels that it gives.
        weights: a file in the ``models`` of the run that predicted; the split beside it says what it was trained on.
    """

    def __init__(self, masks: Mapping[Path, Path], taxonomy: Taxonomy, label_convention: str, *, weights: Path) -> None:
        self.masks = masks
        self.taxonomy = taxonomy
        self.label_convention = label_convention
        self.weights = weights

    def __call__(self, image: ImageFiles) -> Tensor:
        """The label of an image, as integers (1, x, y, z) of the convention.

        Raises:
            DataError: there is no mask, or it does not lie where the image lies.
        """
        source = volume_files(image)[0]
        if source not in self.masks:
            raise DataError(f"{source}: nnU-Net was not asked about this image")
        mask = read_volume(self.masks[source])
        _check_place(source, mask.grid)
        if mask.voxels.max(initial=0) >= self.taxonomy.num_leaves:
            raise DataError(f"{self.masks[source]}: holds {mask.voxels.max()}, which is no leaf's index")
        labels = self.taxonomy.from_nodes(mask.voxels.astype(self.taxonomy.node_dtype), self.label_convention)
        return torch.from_numpy(labels.astype(np.int32))[None]


def _check_place(source: Path, mask: Grid) -> None:
    image = read_grid(source)
    if mask.shape != image.shape[:3]:
        raise DataError(f"{mask.path}: its shape {mask.shape} is not the image's {image.shape[:3]}")
    distance = corner_distance(image.affine, mask.affine, mask.shape)
    if not distance <= _MAX_MM:
        raise DataError(f"{mask.path}: lies up to {distance:.2f} mm off its image {source}")
