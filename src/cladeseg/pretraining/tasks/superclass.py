"""The task of finding the superclasses, where cases have their outlines."""

from __future__ import annotations

import torch
from torch import Tensor

from cladeseg.pretraining.tasks.seen import Seen
from cladeseg.segmentation.losses import build_loss
from cladeseg.taxonomy import Taxonomy, top_level
from cladeseg.taxonomy.top_level import top_level_table


class SuperclassSegmentation:
    """Segmentation's marginal loss on the tree's top level; a case without an outline costs nothing.

    Args:
        taxonomy: the tree.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.loss = build_loss(top_level(taxonomy))
        self.table = top_level_table(taxonomy)

    def __call__(self, seen: Seen) -> Tensor:
        """The loss of a batch.

        Raises:
            ValueError: the network has no such head.
        """
        head = seen.network.superclass_head
        if head is None:
            raise ValueError("the network was built without a head of superclasses; set superclass_task")
        self.loss.to(seen.features.device)
        nodes = self.table.to(seen.views.nodes.device)[seen.views.nodes.flatten(0, 1).long()]
        return self.loss(head(seen.features.flatten(0, 1)), nodes.to(torch.uint8))
