"""Crop a training case to its annotated superclass and a margin of context."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, SpatialCrop

from cladeseg.taxonomy import Taxonomy


class CropToNodesd(MapTransform):
    """Keep the bounding box of everything that is neither background nor unknown, widened by a margin.

    Cases without such voxels (unlabelled ones) stay whole.  Only what the case's supervision shows is looked at, and
    only training uses this: at inference there is no label to crop by.

    Args:
        keys: volumes (C, x, y, z) to crop.
        taxonomy: the label tree.
        margin_mm: context kept on each side, in mm, per axis.
        nodes_key: the node map that gives the box.
    """

    def __init__(
        self, keys: KeysCollection, taxonomy: Taxonomy, *, margin_mm: Sequence[float], nodes_key: str = "nodes"
    ) -> None:
        super().__init__(keys)
        self.taxonomy = taxonomy
        self.margin_mm = tuple(float(margin) for margin in margin_mm)
        self.nodes_key = nodes_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Crop every key to the same box."""
        out = dict(data)
        box = self._box(out[self.nodes_key])
        if box is None:
            return out
        for key in self.key_iterator(out):
            out[key] = SpatialCrop(roi_start=box[0], roi_end=box[1])(out[key])
        return out

    def _box(self, nodes: MetaTensor) -> tuple[list[int], list[int]] | None:
        labels = nodes.as_tensor()[0]
        found = torch.nonzero((labels != self.taxonomy.background) & (labels != self.taxonomy.root))
        if not len(found):
            return None
        margin = [round(mm / float(size)) for mm, size in zip(self.margin_mm, nodes.pixdim, strict=True)]
        low, high = found.amin(0).tolist(), found.amax(0).tolist()
        start = [max(0, a - m) for a, m in zip(low, margin, strict=True)]
        end = [min(n, b + m + 1) for b, m, n in zip(high, margin, labels.shape, strict=True)]
        return start, end
