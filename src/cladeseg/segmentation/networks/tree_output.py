"""What a network says about each voxel during training."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

#: Heads that a config can name; a loss is chosen by the same names.
HEADS = ("flat", "factorised", "two_head")


class TreeOutput(NamedTuple):
    """Log-probabilities of a batch.

    Attributes:
        leaf: (B, L, *S) log p(leaf), normalised over the L leaves.
        top: (B, K, *S) log p(child of the root) of a head that predicts it independently of the leaves, in the order
            of ``taxonomy.children(taxonomy.root)``; None where it follows from ``leaf``.

    Example:
        >>> import torch
        >>> output = TreeOutput(leaf=torch.zeros(3, 4, 2, 2, 2))
        >>> output.of_cases([0, 2]).leaf.shape
        torch.Size([2, 4, 2, 2, 2])
    """

    leaf: Tensor
    top: Tensor | None = None

    def of_cases(self, index: slice | list[int]) -> TreeOutput:
        """The output for some of the batch's cases."""
        return TreeOutput(self.leaf[index], None if self.top is None else self.top[index])
