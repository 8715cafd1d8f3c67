"""What a network says of one image, on the image's own grid: label, probabilities, uncertainty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from monai.data import MetaTensor
from torch import Tensor

from cladeseg.segmentation.inferers.uncertainty import uncertainty_map
from cladeseg.segmentation.transforms import names_of_values
from cladeseg.taxonomy import Taxonomy

#: Slices that are looked at together, so that no second volume of all leaves is needed.
_SLAB = 16


@dataclass(frozen=True)
class Prediction:
    """One image's prediction; everything derives from one inverted volume of p(leaf).

    Args:
        label: (1, x, y, z) integers of the label convention, with the image's affine.
        scores: (L, x, y, z) p(leaf) as resampling left it: not normalised, and 0 where the network saw nothing.  Not
            copied: asking for probabilities normalises it in place.
        taxonomy: the label tree, with L leaves.
        values: the integer of each leaf in ``label``.
    """

    label: MetaTensor
    scores: Tensor
    taxonomy: Taxonomy
    values: tuple[int, ...]

    @cached_property
    def probabilities(self) -> Tensor:
        """float32 (L, x, y, z) p(leaf), normalised; what the network never saw is background."""
        p = self.scores.as_tensor() if isinstance(self.scores, MetaTensor) else self.scores
        p = p.to(torch.float32)
        total = p.sum(dim=0)
        p[self.taxonomy.background].masked_fill_(total <= 0, 1.0)
        return p.div_(total.masked_fill_(total <= 0, 1.0))

    def node_probability(self, node: str) -> Tensor:
        """float32 (x, y, z) p(node), the sum over its leaves.

        Raises:
            TaxonomyError: the tree has no such node.
        """
        return self.probabilities[list(self.taxonomy.leaves(self.taxonomy.index(node)))].sum(dim=0)

    @cached_property
    def uncertainty(self) -> Tensor:
        """float32 (x, y, z) :func:`uncertainty_map` in nats."""
        entropy = torch.empty_like(self.probabilities[0])
        for begin in range(0, len(entropy), _SLAB):
            slab = slice(begin, begin + _SLAB)
            entropy[slab] = uncertainty_map(self.probabilities[:, slab].log(), self.taxonomy)
        return entropy

    @property
    def names(self) -> dict[int, str]:
        """The label's integer → name of its leaf, without the background's."""
        return names_of_values(self.taxonomy, self.values)

    def voxels(self) -> Iterator[tuple[str, int]]:
        """Every node but the root, with the number of voxels that the label gives to it or to what it contains."""
        label = self.label.as_tensor()
        leaves = [int((label == value).sum()) for value in self.values]
        for v in range(self.taxonomy.root):
            yield self.taxonomy.names[v], sum(leaves[leaf] for leaf in self.taxonomy.leaves(v))

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres, from the affine."""
        return abs(float(torch.linalg.det(torch.as_tensor(self.label.affine).double()[:3, :3]))) / 1000.0
