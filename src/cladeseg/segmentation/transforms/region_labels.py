"""Label regions of which only the superclass is known: place × intensity × teacher, where these are confident."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform

from cladeseg.segmentation.transforms.intensity_em import IntensityEM
from cladeseg.segmentation.transforms.label_propagation import LabelPropagation, label_confident, voxels_of
from cladeseg.taxonomy import Taxonomy

#: What a factor calls impossible is very improbable to the others.
_SMALLEST = 1e-6


class RegionLabels:
    """Pseudo labels of a case's coarse regions, from up to three factors.

    *Place*: what lies there in the finely labelled cases, see :class:`LabelPropagation`.  *Intensity*: what looks like
    that, see :class:`IntensityEM`, which starts from place.  *Teacher*: what a network says that was trained with the
    labels of the first two.  Each voxel is labelled with the deepest node that keeps a probability of
    ``min_agreement``, with

        p(node)  ∝  (place · intensity)^a · teacher^b.

    Without place the parts' shares of the finely labelled regions stand for it.  The labels of a region lie below its
    superclass, whatever the factors say.

    Args:
        taxonomy: the tree.
        atlases: node maps (1, *S) of finely labelled cases, all of one voxel size, which is that of the calls too.
        images: float (C, *S), their images; needed where intensity is used.
        place: whether place is used, for parts that lie alike in everybody.
        axes: of place, ``"volume"`` or ``"principal"``.
        sigma: of place, see :class:`LabelPropagation`.
        intensity: whether intensity is used.
        min_agreement: least probability of a label, above 0.5 and at most 1.
        exponents: a and b.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> atlas = torch.tensor([0, 1, 1, 2, 2, 0]).view(1, 6, 1, 1)
        >>> coarse = torch.tensor([3, 3, 3, 3, 0, 0]).view(1, 6, 1, 1)
        >>> bright = torch.tensor([0.0, 9, 9, 1, 1, 0]).view(1, 6, 1, 1)  # ventricles are
        >>> image = torch.tensor([9.0, 9, 9, 1, 0, 0]).view(1, 6, 1, 1)
        >>> for intensity in (False, True):
        ...     labels = RegionLabels(tree, [atlas], images=[bright], sigma=0.1, intensity=intensity)
        ...     labels(image, coarse).flatten().tolist()
        [1, 1, 2, 2, 0, 0]
        [1, 1, 1, 2, 0, 0]
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        atlases: Sequence[torch.Tensor],
        *,
        images: Sequence[torch.Tensor] = (),
        place: bool = True,
        axes: str = "volume",
        sigma: float = 0.08,
        intensity: bool = False,
        min_agreement: float = 0.9,
        exponents: tuple[float, float] = (0.5, 1.0),
    ) -> None:
        self.taxonomy = taxonomy
        self.place = place
        self.exponents = exponents
        self.propagation = LabelPropagation(taxonomy, atlases, sigma=sigma, min_agreement=min_agreement, axes=axes)
        maps = [voxels_of(atlas) for atlas in atlases]
        self.intensity = IntensityEM(taxonomy, [_array(image) for image in images], maps) if intensity else None
        self._shares = {s: self._shares_of(maps, s) for s in self.propagation.superclasses}

    def __call__(self, image: torch.Tensor, nodes: torch.Tensor, teacher: torch.Tensor | None = None) -> torch.Tensor:
        """Label a case.

        Args:
            image: float (C, *S).
            nodes: integer (1, *S), what is known.
            teacher: log p(leaf) (L, *S) of a network.

        Returns:
            Node map (1, *S) of the type of ``nodes``, each voxel of which is what it was or lies below it.
        """
        known = voxels_of(nodes)
        labelled = known.copy()
        if not (self.place or self.intensity or teacher is not None):
            return torch.from_numpy(labelled)[None].to(nodes.dtype)
        for s in self.propagation.superclasses:
            if (known == s).any():
                shares = self.posterior(image, known, s, teacher)
                label_confident(labelled, known, s, shares, self.taxonomy, self.propagation.min_agreement)
        return torch.from_numpy(labelled)[None].to(nodes.dtype)

    def posterior(
        self, image: torch.Tensor, known: np.ndarray, s: int, teacher: torch.Tensor | None = None
    ) -> dict[int, np.ndarray]:
        """Part of the region of ``s`` → its probability (*S), see :meth:`__call__`; they add up to 1 inside."""
        shares = self.propagation.votes(known, s) if self.place else self._everywhere(known, s)
        if self.intensity is not None:
            shares = self.intensity(_array(image), known, s, shares)
        return shares if teacher is None else self._with_teacher(shares, known, s, _array(teacher))

    def _with_teacher(
        self, shares: Mapping[int, np.ndarray], known: np.ndarray, s: int, log_p_leaf: np.ndarray
    ) -> dict[int, np.ndarray]:
        region = self.taxonomy.contains[s].numpy()[known]
        ours, theirs = self.exponents
        odds = {}
        for part, share in shares.items():
            p = np.exp(log_p_leaf[list(self.taxonomy.leaves(part))]).sum(0)
            allowed = region & self.taxonomy.contains[:, part].numpy()[known]
            odds[part] = np.where(allowed, (share + _SMALLEST) ** ours * (p + _SMALLEST) ** theirs, 0)
        total = np.maximum(sum(odds.values()), np.finfo(float).tiny)
        return {part: value / total for part, value in odds.items()}

    def _everywhere(self, known: np.ndarray, s: int) -> dict[int, np.ndarray]:
        region = self.taxonomy.contains[s].numpy()[known]
        return {part: region * share for part, share in self._shares[s].items()}

    def _shares_of(self, maps: Sequence[np.ndarray], s: int) -> dict[int, float]:
        """Part → its share of all finely labelled regions of ``s``."""
        counts = np.zeros(self.taxonomy.num_nodes)
        for case in maps:
            counts += np.bincount(case.ravel(), minlength=len(counts))
        below = [v for v in np.flatnonzero(self.taxonomy.contains[s].numpy()).tolist() if v != s and counts[v]]
        return {v: counts[v] / counts[below].sum() for v in below}


class LabelRegionsd(MapTransform):
    """Add the key ``propagated``: the node map as deep as the :class:`RegionLabels` are confident.

    Args:
        labels: labels the regions.
        keys: the key of the node map.
        image_key: that of the image.
        output_key: where the labels go.
    """

    def __init__(
        self, labels: RegionLabels, *, keys: str = "nodes", image_key: str = "image", output_key: str = "propagated"
    ) -> None:
        super().__init__(keys)
        self.labels = labels
        self.image_key = image_key
        self.output_key = output_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with its labels."""
        item = dict(data)
        item[self.output_key] = self.labels(item[self.image_key], item[self.first_key(item)])
        return item


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.as_subclass(torch.Tensor).detach().float().cpu().numpy()
