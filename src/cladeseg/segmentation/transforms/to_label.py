"""From the network's log-probabilities to the integers that a file holds."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from cladeseg.files import DataError
from cladeseg.segmentation.transforms.check_image import file_of
from cladeseg.taxonomy import Taxonomy


def most_probable(scores: torch.Tensor) -> torch.Tensor:
    """Index of the greatest of L scores, the first of equal ones; on a CPU a fifth of ``argmax``'s time.

    Args:
        scores: (L, *S), without NaN.

    Returns:
        int32 (*S).

    Example:
        >>> most_probable(torch.tensor([[0.1, 0.5], [0.2, 0.5], [0.7, 0.0]]))
        tensor([2, 0], dtype=torch.int32)
    """
    greatest = scores[0].clone()
    index = torch.zeros(greatest.shape, dtype=torch.int32, device=scores.device)
    for leaf, score in enumerate(scores[1:], start=1):
        index.masked_fill_(score > greatest, leaf)
        torch.maximum(greatest, score, out=greatest)
    return index


def check_scores(scores: torch.Tensor, source: str) -> None:
    """Refuse what no network with sound weights says of a sound image.

    Args:
        scores: p(leaf) or log p(leaf); minus infinity is a logarithm.
        source: the image's file.

    Raises:
        DataError: an entry is NaN or infinite; the most probable leaf would mean nothing.
    """
    wrong = sum(int((~(part < torch.inf)).sum()) for part in scores)
    if wrong:
        raise DataError(
            f"{source}: the network's output is not finite ({wrong} of {scores.numel()} entries); its weights are "
            "damaged, or the image's intensities are out of all proportion"
        )


class ProbabilitiesFromLogsd(MapTransform):
    """exp of log p(leaf), channel by channel, so that resampling interpolates probabilities.

    Args:
        keys: log-probabilities (L, x, y, z).

    Raises:
        DataError: on call; an entry is not finite, see :func:`check_scores`.
    """

    def __init__(self, keys: KeysCollection = "pred") -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Exponentiate every key."""
        out = dict(data)
        for key in self.key_iterator(out):
            check_scores(out[key], file_of(out.get("image", out[key]), key))
            out[key] = out[key].exp()
        return out


def names_of_values(taxonomy: Taxonomy, values: Sequence[int]) -> dict[int, str]:
    """Integer → name of its leaf, without the background's.

    Args:
        taxonomy: the label tree.
        values: the integer of each leaf, in the tree's order.
    """
    named = zip(values, taxonomy.leaf_names, strict=True)
    return {value: name for leaf, (value, name) in enumerate(named) if leaf != taxonomy.background}


class LeavesToLabeld(MapTransform):
    """Most probable leaf per voxel, written in a label convention's integers.

    Args:
        taxonomy: the label tree.
        label_convention: file convention of the output; ``None`` keeps leaf indices.
        keys: p(leaf) or log p(leaf) (L, x, y, z); becomes an integer volume (1, x, y, z).

    Raises:
        LabelValueError: the label convention has no integer for a leaf.
        DataError: on call; an entry is not finite, see :func:`check_scores`.
    """

    def __init__(self, taxonomy: Taxonomy, label_convention: str | None = None, keys: KeysCollection = "pred") -> None:
        super().__init__(keys)
        self.taxonomy = taxonomy
        leaves = np.arange(taxonomy.num_leaves, dtype=taxonomy.node_dtype)
        values = taxonomy.from_nodes(leaves, label_convention) if label_convention else leaves
        self.table = torch.from_numpy(values if values.dtype == np.uint8 else values.astype(np.int32))

    @property
    def names(self) -> dict[int, str]:
        """Integer → name of its leaf, without the background's."""
        return names_of_values(self.taxonomy, self.table.tolist())

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Label every key; geometry and metadata are kept."""
        out = dict(data)
        for key in self.key_iterator(out):
            scores = out[key]
            plain = scores.as_tensor() if isinstance(scores, MetaTensor) else scores
            check_scores(plain, file_of(out.get("image", scores), key))
            label = self.table.to(plain.device)[most_probable(plain)[None]]
            out[key] = MetaTensor(label, meta=scores.meta) if isinstance(scores, MetaTensor) else label
        return out
