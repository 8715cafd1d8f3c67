"""A random crop of a case as a training sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from cladeseg.taxonomy import Taxonomy


class RandomForegroundCrop:
    """Crop of a fixed size, chosen by a seed and drawn to where something is annotated.

    With probability ``foreground_probability`` a voxel is drawn from those whose node is neither background nor root,
    and the crop is centred there up to a jitter of a quarter of its size along each axis, so that the voxel is always
    inside; otherwise, or if there is no such voxel, every position is equally likely.  A crop never leaves the volume
    unless the volume is smaller: then it is padded on both sides, the image with its outermost voxels, as the sliding
    window does at inference, and the node map with the root, which costs no loss.

    Args:
        taxonomy: defines background and root.
        size: voxels (x, y, z) of the crop.
        foreground_probability: in [0, 1].
        zero_is_outside: whether voxels that are 0 in every channel are no image either, as round a brain.

    Raises:
        ValueError: a size or probability that makes no sense.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> nodes = torch.zeros(1, 9, 9, 9, dtype=torch.uint8)
        >>> nodes[0, 8, 8, 8] = tree.index("myocardium")
        >>> case = {"case": "c1", "supervision": "fine", "image": torch.zeros(1, 9, 9, 9), "nodes": nodes}
        >>> crop = RandomForegroundCrop(tree, size=(4, 4, 4), foreground_probability=1)(case, seed=0)
        >>> crop["nodes"].shape, int(crop["nodes"].max())  # the one voxel is inside
        (torch.Size([1, 4, 4, 4]), 2)
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        size: Sequence[int],
        foreground_probability: float = 0.7,
        zero_is_outside: bool = False,
    ) -> None:
        if not size or any(n < 1 for n in size):
            raise ValueError(f"size: positive numbers of voxels, not {tuple(size)}")
        if not 0 <= foreground_probability <= 1:
            raise ValueError(f"foreground_probability: in [0, 1], not {foreground_probability}")
        self.taxonomy = taxonomy
        self.size = tuple(int(n) for n in size)
        self.foreground_probability = foreground_probability
        self.zero_is_outside = zero_is_outside

    def __call__(self, case: dict[str, Any], seed: int) -> dict[str, Any]:
        """Crop ``case``; the same seed gives the same crop.

        Args:
            case: ``image`` (C, *S), maybe in half precision, and ``nodes`` (1, *S) of one grid, ``case`` and
                ``supervision``; maybe ``propagated`` (1, *S), nodes below them, and ``array_axes`` (3,).
            seed: of this crop.

        Returns:
            ``image`` float32 (C, *size), ``nodes`` and maybe ``propagated`` (1, *size) as plain tensors of their own
            memory, ``outside`` (1, *size), the root where there is no image and the background elsewhere, ``case``,
            ``supervision`` and maybe ``array_axes``.

        Raises:
            ValueError: image and node map differ in shape, or have other dimensions than ``size``.
        """
        image, nodes = _plain(case["image"]), _plain(case["nodes"])
        if image.shape[1:] != nodes.shape[1:] or nodes.ndim != len(self.size) + 1:
            raise ValueError(
                f"{case['case']}: cannot crop {self.size} from image {tuple(image.shape)}, nodes {tuple(nodes.shape)}"
            )
        start = self._start(nodes[0], np.random.default_rng(seed))
        patch, beyond = _crop(image, start, self.size)
        maps = {key: _crop(_plain(case[key]), start, self.size)[0] for key in ("nodes", "propagated") if key in case}
        return {
            "image": patch.float(),
            "outside": self._outside(patch, beyond),
            **{key: value.masked_fill(beyond, self.taxonomy.root) for key, value in maps.items()},
            **{key: case[key] for key in ("case", "supervision", "array_axes") if key in case},
        }

    def _outside(self, patch: torch.Tensor, beyond: torch.Tensor) -> torch.Tensor:
        """Where a patch (C, *size) holds no image, as a node map (1, *size)."""
        outside = beyond | (patch == 0).all(0) if self.zero_is_outside else beyond
        inside = torch.full((1, *self.size), self.taxonomy.background, dtype=torch.uint8)
        return inside.masked_fill(outside, self.taxonomy.root)

    def _start(self, nodes: torch.Tensor, rng: np.random.Generator) -> np.ndarray:
        """First voxel of the crop along each axis; negative where the volume is smaller than the crop."""
        size = np.array(self.size)
        margin = np.array(nodes.shape) - size
        last = np.maximum(margin, 0)
        centre = self._annotated_centre(nodes, rng) if rng.random() < self.foreground_probability else None
        start = rng.integers(0, last + 1) if centre is None else np.clip(centre - size // 2, 0, last)
        return np.where(margin < 0, margin // 2, start)

    def _annotated_centre(self, nodes: torch.Tensor, rng: np.random.Generator) -> np.ndarray | None:
        """A random voxel of a structure, moved by up to a quarter of the crop; None where nothing is outlined."""
        flat = nodes.numpy().ravel()
        annotated = np.flatnonzero((flat != self.taxonomy.background) & (flat != self.taxonomy.root))
        if not annotated.size:
            return None
        reach = np.array(self.size) // 4
        voxel = np.unravel_index(rng.choice(annotated), tuple(nodes.shape))
        return np.array(voxel) + rng.integers(-reach, reach + 1)


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """Without MONAI's metadata, which would be collated and sent along with every sample."""
    return tensor.as_subclass(torch.Tensor)


def _crop(tensor: torch.Tensor, start: np.ndarray, size: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Copy (C, *size) from (C, *S), beyond the volume the nearest voxel; and bool (*size), what is beyond."""
    crop, outside = tensor, torch.zeros(tuple(size), dtype=torch.bool)
    for axis, (first, length) in enumerate(zip(start.tolist(), size, strict=True)):
        wanted = torch.arange(first, first + length)
        inside = wanted.clamp(0, tensor.shape[axis + 1] - 1)
        crop = crop.index_select(axis + 1, inside)
        outside |= (wanted != inside).reshape([-1 if i == axis else 1 for i in range(len(size))])
    return crop, outside
