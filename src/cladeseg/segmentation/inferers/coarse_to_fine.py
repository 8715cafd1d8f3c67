"""Coarse-to-fine inference with one network: a glance at the whole volume, then windows where structures are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.inferers import Inferer
from scipy import ndimage
from torch import Tensor, nn

from cladeseg.segmentation.inferers.in_boxes import scores_in_boxes, whole_volume
from cladeseg.segmentation.inferers.sliding_window import sliding_window
from cladeseg.segmentation.transforms import RegionBoxes, coarsen_image, fit_box, slices_of, without_overlap
from cladeseg.taxonomy import Taxonomy

#: How often boxes are widened before the whole volume is searched.
_ROUNDS = 3


class CoarseToFineInferer(Inferer):
    """Sliding windows of one network, only where its own glance at a coarser grid finds structures.

    The glance sees the volume shrunk towards a single window.  Each structure gets a box with a margin, widened to what
    its windows cover anyway.  Where a predicted structure reaches a box's face, that face is moved on.  The whole
    volume is searched, with the result of :func:`sliding_window`, where

    * the glance is not confident of some superclass of the tree, or finds nothing;
    * boxes would need as many windows as the volume;
    * a structure still reaches a face after three rounds.

    Weights of two passes have a network of their own for the first look, see
    :class:`~cladeseg.segmentation.inferers.TwoPassInferer`.

    Args:
        patch_size: voxels of the window.
        taxonomy: the label tree.
        overlap: share of a window that the next one covers again.
        max_ratio: how much coarser the glance may be, along each axis.
        margin: share of the window that is added around what is found, on each side.
        threshold: p(superclass) above which the glance's voxel belongs to a piece of it.
        min_share: a piece with fewer voxels than this share of its superclass's largest one is not looked into, and
            does not move a box's face.
        min_confidence: least greatest p(superclass) of a glance that is believed.

    Raises:
        ValueError: the ratio is below 1, or there is no such overlap.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> tree = Taxonomy("spot", (Node("background", values={"acdc": 0}), Node("spot", values={"acdc": 1})))
        >>> CoarseToFineInferer((8, 8, 8), tree).windows((20, 8, 8))  # strides of 6 voxels
        3
    """

    def __init__(
        self,
        patch_size: Sequence[int],
        taxonomy: Taxonomy,
        *,
        overlap: float = 0.25,
        max_ratio: float = 3.0,
        margin: float = 0.125,
        threshold: float = 0.5,
        min_share: float = 0.05,
        min_confidence: float = 0.8,
    ) -> None:
        super().__init__()
        if max_ratio < 1:
            raise ValueError(f"max_ratio: how much coarser the first look is, at least 1, not {max_ratio}")
        self.window = sliding_window(patch_size, overlap)
        self.patch = np.array(patch_size, dtype=int)
        self.stride = np.maximum(1, (self.patch * (1 - overlap)).astype(int))
        self.max_ratio = max_ratio
        self.margin = np.ceil(self.patch * margin).astype(int)
        self.boxes = RegionBoxes(
            margin=self.margin.tolist(), least=patch_size, threshold=threshold, min_share=min_share
        )
        self.min_share = min_share
        self.min_confidence = min_confidence
        children = [v for v in taxonomy.children(taxonomy.root) if v != taxonomy.background]
        self.superclasses = [list(taxonomy.leaves(v)) for v in children]

    def __call__(self, inputs: Tensor, network: nn.Module, *args: Any, **kwargs: Any) -> Tensor:
        """Predict images.

        Args:
            inputs: float (B, C, *S).
            network: gives log p(leaf) in eval mode.
            *args: ignored; MONAI's engines may pass some on.
            **kwargs: likewise.

        Returns:
            float (B, L, *S) log p(leaf).
        """
        return torch.stack([self._predict(image, network) for image in inputs.as_subclass(Tensor)])

    def windows(self, shape: Sequence[int]) -> int:
        """How many windows a sliding window has in a volume of ``shape``."""
        beyond = np.maximum(np.array(shape) - self.patch, 0)
        return int(np.prod(np.ceil(beyond / self.stride).astype(int) + 1))

    def glance(self, image: Tensor, network: nn.Module) -> Tensor:
        """Float (L, *S') p(leaf) of one image (C, *S), on a grid that one window holds as far as the ratio allows."""
        ratios = np.clip(np.array(image.shape[1:]) / self.patch, 1, self.max_ratio)
        coarse = coarsen_image(image, ratios.tolist())[None]
        return torch.as_tensor(self.window(coarse, network))[0].float().exp()

    def boxes_in(self, image: Tensor, network: nn.Module) -> np.ndarray:
        """Int (K, 2, D): where windows go; one box of the whole volume where the glance is not believed."""
        shape = image.shape[1:]
        if self.windows(shape) <= 2:  # the glance costs one
            return whole_volume(shape)
        p = self.glance(image, network).cpu()
        maps = [p[leaves].sum(dim=0) for leaves in self.superclasses]
        if any(each.max() < self.min_confidence for each in maps):
            return whole_volume(shape)
        return self._affordable([box for each in maps for box in self.boxes(each.numpy(), shape)], shape)

    def _affordable(self, boxes: Sequence[np.ndarray], shape: Sequence[int]) -> np.ndarray:
        """Boxes as large as their windows reach, or the whole volume if that has no more windows."""
        reach = [fit_box(box, self._covered(box), np.array(shape)) for box in boxes]
        apart = without_overlap(reach, len(shape))
        cost = sum(self.windows(box[1] - box[0]) for box in apart)
        return apart if 0 < cost < self.windows(shape) else whole_volume(shape)

    def _covered(self, box: np.ndarray) -> np.ndarray:
        """Int (D,): voxels along each axis that the windows of a box can cover."""
        beyond = np.maximum(box[1] - box[0] - self.patch, 0)
        return self.patch + self.stride * np.ceil(beyond / self.stride).astype(int)

    def _predict(self, image: Tensor, network: nn.Module) -> Tensor:
        shape, boxes = image.shape[1:], self.boxes_in(image, network)
        for _ in range(_ROUNDS):
            if len(boxes) == 1 and tuple(boxes[0][1] - boxes[0][0]) == tuple(shape):
                break
            predicted = [self._fine(image[slices_of(box)], network) for box in boxes]
            grown = [self._grown(box, scores, shape) for box, scores in zip(boxes, predicted, strict=True)]
            if all(np.array_equal(*pair) for pair in zip(boxes, grown, strict=True)):
                return scores_in_boxes(predicted, boxes, shape)
            boxes = self._affordable(grown, shape)
        return self._fine(image, network)

    def _fine(self, part: Tensor, network: nn.Module) -> Tensor:
        return torch.as_tensor(self.window(part[None], network))[0]

    def _grown(self, box: np.ndarray, scores: Tensor, shape: Sequence[int]) -> np.ndarray:
        """The box, each face that a structure reaches moved on by a stride, as far as the volume goes."""
        maps = [scores[leaves].logsumexp(dim=0) > math.log(0.5) for leaves in self.superclasses]
        low, high = np.any([self._reached(each.cpu().numpy()) for each in maps], axis=0)
        start = np.maximum(box[0] - self.stride * low, 0)
        return np.stack([start, np.minimum(box[1] + self.stride * high, shape)])

    def _reached(self, inside: np.ndarray) -> np.ndarray:
        """Bool (2, D): whether a structure that is not small touches the first and the last layer of each axis."""
        pieces, count = ndimage.label(inside, np.ones((3,) * inside.ndim))
        sizes = np.bincount(pieces.ravel(), minlength=count + 1)
        sizes[0] = 0
        large = (sizes > 0) & (sizes >= self.min_share * sizes.max())
        faces = [[large[pieces.take(end, axis)].any() for axis in range(inside.ndim)] for end in (0, -1)]
        return np.array(faces)
