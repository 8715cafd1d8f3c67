"""What a first pass is trained on, prepared when a case is loaded."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform

from cladeseg.segmentation.transforms.coarsen import coarsen_image, coarsen_nodes
from cladeseg.segmentation.transforms.region_boxes import RegionBoxes
from cladeseg.taxonomy import Taxonomy, top_level_table


class AddOverviewd(MapTransform):
    """Add a case's coarse view, and the boxes around what is outlined.

    The keys are ``overview_image`` (C, *S') and ``overview_nodes`` (1, *S'), nodes of the tree's
    :func:`~cladeseg.taxonomy.top_level`; and ``boxes``, int (K, 2, D) on the fine grid, as inference would draw them
    around a perfect first pass.  A case without an outline has the whole volume as its box.

    Args:
        taxonomy: the tree.
        ratios: voxel size of the coarse grid over that of the case, along each axis.
        boxes: finds the boxes of an outline.
        keys: the key of the node map; the image's is ``"image"``.
    """

    def __init__(self, taxonomy: Taxonomy, *, ratios: Sequence[float], boxes: RegionBoxes, keys: str = "nodes") -> None:
        super().__init__(keys)
        self.ratios = tuple(ratios)
        self.boxes = boxes
        self.table = top_level_table(taxonomy).to(torch.uint8)
        nodes = np.arange(taxonomy.num_nodes)
        self.outlined = (nodes != taxonomy.background) & (nodes != taxonomy.root)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with its overview and boxes."""
        item = dict(data)
        nodes = item[self.first_key(item)].as_subclass(torch.Tensor)
        item["overview_image"] = coarsen_image(item["image"], self.ratios)
        item["overview_nodes"] = self.table[coarsen_nodes(nodes, self.ratios).long()]
        boxes = self.boxes(self.outlined[nodes[0].numpy()].astype(np.float32))
        shape = list(nodes.shape[1:])
        item["boxes"] = boxes if len(boxes) else np.array([[[0] * len(shape), shape]])
        return item
