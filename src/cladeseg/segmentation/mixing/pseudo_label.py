"""Pseudo labels as node maps: as deep in the tree as the teacher is confident, never against what is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32, node_log_probs


class PseudoLabeller:
    """Descend from each voxel's known node as far as the teacher's views are confident and agree.

    At a node the most probable child is entered if its probability within the KNOWN node, p(child) / p(known),
    reaches the threshold; otherwise the voxel stays where it is.  There is one path per voxel, so a threshold below
    one half cannot give a voxel two leaves, and the label is always the known node or lies inside it.

    Args:
        taxonomy: the tree.
        threshold: smallest p(child | known), in 0…1; or a mapping node name → threshold, in which nodes that are left
            out keep 0.8.
        agree: also require that the child is the most probable one in every single view.

    Raises:
        TaxonomyError: a threshold for a name that is no node.
        ValueError: a threshold outside 0…1.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> view = torch.tensor([[0.1, 0.8, 0.1], [0.1, 0.5, 0.4]]).log().T.view(1, 3, 2, 1, 1)  # two voxels
        >>> known = torch.full((1, 1, 2, 1, 1), tree.index("heart"))
        >>> labels = PseudoLabeller(tree, threshold=0.8)([view], known)
        >>> [tree.names[v] for v in labels.flatten()]  # p(ventricle | heart) is .89 and .56
        ['ventricle', 'heart']
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        threshold: float | Mapping[str, float] = 0.8,
        agree: bool = True,
    ) -> None:
        self.taxonomy = taxonomy
        self.agree = agree
        given = {taxonomy.index(n): t for n, t in threshold.items()} if isinstance(threshold, Mapping) else {}
        other = 0.8 if isinstance(threshold, Mapping) else threshold
        self.thresholds = tuple(float(given.get(v, other)) for v in range(taxonomy.num_nodes))
        for name, value in zip(taxonomy.names, self.thresholds, strict=True):
            if not 0 < value <= 1:
                raise ValueError(f"threshold {value} of node '{name}' is not between 0 and 1")

    def __call__(self, views: Sequence[torch.Tensor], known: torch.Tensor) -> torch.Tensor:
        """Label a batch.

        Args:
            views: leaf log-probabilities (B, L, *S), one per view; their probabilities are averaged.
            known: integer (B, 1, *S) node map; the root where nothing is known.

        Returns:
            (B, 1, *S) node map of the type of ``known``.
        """
        each = [node_log_probs(at_least_float32(view), self.taxonomy) for view in views]
        mean = torch.logsumexp(torch.stack(each), dim=0) - math.log(len(each))
        log_known = mean.gather(1, known.long())
        label = known
        for v in self.taxonomy.inner:  # parents come before children: one pass descends the whole tree
            children = self.taxonomy.children(v)
            choice = _likeliest(mean, children, like=known)
            settled = label == v
            for view in each if self.agree else ():
                settled = settled & (_likeliest(view, children, like=known) == choice)
            for child in children:
                # An impossible known node gives nan here, which is no reason to go on.
                within = mean[:, child, None] - log_known
                confident = within >= math.log(self.thresholds[child])
                label = torch.where(settled & (choice == child) & confident, child, label)
        return label


def _likeliest(log_probs: torch.Tensor, children: Sequence[int], like: torch.Tensor) -> torch.Tensor:
    """The most probable of ``children`` at each voxel, the first of equals: (B, N, *S) → node map (B, 1, *S)."""
    best, choice = log_probs[:, children[0], None], torch.full_like(like, children[0])
    for child in children[1:]:
        candidate = log_probs[:, child, None]
        choice = torch.where(candidate > best, child, choice)
        best = torch.maximum(best, candidate)
    return choice
