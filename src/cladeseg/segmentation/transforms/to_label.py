"""From the network's log-probabilities to the integers that a file holds."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from cladeseg.taxonomy import Taxonomy


class ProbabilitiesFromLogsd(MapTransform):
    """exp of log p(leaf), channel by channel, so that resampling interpolates probabilities.

    Args:
        keys: log-probabilities (L, x, y, z).
    """

    def __init__(self, keys: KeysCollection = "pred") -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Exponentiate every key."""
        out = dict(data)
        for key in self.key_iterator(out):
            out[key] = out[key].exp()
        return out


class LeavesToLabeld(MapTransform):
    """Most probable leaf per voxel, written in a label convention's integers.

    Args:
        taxonomy: the label tree.
        label_convention: file convention of the output; ``None`` keeps leaf indices.
        keys: p(leaf) or log p(leaf) (L, x, y, z); becomes an integer volume (1, x, y, z).

    Raises:
        LabelValueError: the label convention has no integer for a leaf.
    """

    def __init__(self, taxonomy: Taxonomy, label_convention: str | None = None, keys: KeysCollection = "pred") -> None:
        super().__init__(keys)
        self.taxonomy = taxonomy
        leaves = np.arange(taxonomy.num_leaves, dtype=taxonomy.node_dtype)
        values = taxonomy.from_nodes(leaves, label_convention) if label_convention else leaves
        self.table = torch.from_numpy(values if values.dtype == np.uint8 else values.astype(np.int32))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Label every key; geometry and metadata are kept."""
        out = dict(data)
        for key in self.key_iterator(out):
            scores = out[key]
            plain = scores.as_tensor() if isinstance(scores, MetaTensor) else scores
            label = self.table.to(plain.device)[plain.argmax(dim=0, keepdim=True)]
            out[key] = MetaTensor(label, meta=scores.meta) if isinstance(scores, MetaTensor) else label
        return out
