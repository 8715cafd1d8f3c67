"""Linear probe: how well a linear map of frozen features tells the leaves apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cladeseg.pretraining.workflow.features import case_features
from cladeseg.segmentation.metrics import annotated_nodes, dice, inside
from cladeseg.taxonomy import Taxonomy

#: Voxels of a leaf that are taken from a case, at most.
_PER_LEAF = 500
_ITERATIONS = 100
#: On the squared weights.
_PENALTY = 1e-3


class Labelled(NamedTuple):
    """A preprocessed case with its fine label.

    Attributes:
        image: (C, *S).
        nodes: (1, *S) leaf indices.
    """

    image: Tensor
    nodes: Tensor


class LinearProbe(NamedTuple):
    """Multinomial logistic regression on standardised features.

    Attributes:
        mean: (F,) of the features it was fitted to.
        spread: (F,) their standard deviation.
        linear: maps F features to L scores.
    """

    mean: Tensor
    spread: Tensor
    linear: nn.Linear

    @torch.no_grad()
    def leaves(self, features: Tensor) -> Tensor:
        """Leaf indices (*S) of features (F, *S)."""
        flat = (features.flatten(1).T - self.mean) / self.spread
        return self.linear(flat).argmax(dim=1).view(features.shape[1:])


def fit_probe(features: Tensor, leaves: Tensor, classes: int) -> LinearProbe:
    """Fit to features (N, F) with leaf indices (N,); every leaf counts alike, whatever its number of voxels.

    Args:
        features: of single voxels.
        leaves: their classes.
        classes: L.
    """
    mean, spread = features.mean(dim=0), features.std(dim=0).clamp(min=1e-6)
    standard = (features - mean) / spread
    linear = nn.Linear(features.shape[1], classes)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    weights = 1 / torch.bincount(leaves, minlength=classes).clamp(min=1).float()
    optimizer = torch.optim.LBFGS(linear.parameters(), max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(linear(standard), leaves, weights)
        loss = loss + _PENALTY * linear.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return LinearProbe(mean, spread, linear.requires_grad_(False))


def probe_dice(
    network: nn.Module,
    training: Iterable[Labelled],
    test: Iterable[Labelled],
    taxonomy: Taxonomy,
    patch_size: Sequence[int],
) -> dict[str, float]:
    """Mean Dice of each leaf over test cases, on the network's grid, by a probe on frozen features.

    Args:
        network: frozen; maps (N, C, *S) to (N, F, *S).
        training: finely labelled cases.
        test: others.
        taxonomy: the tree.
        patch_size: voxels of a window.

    Returns:
        By the leaf's name, background left out; and ``mean`` of them.
    """
    samples = [sample_voxels(case_features(network, case.image, patch_size), case.nodes) for case in training]
    features, leaves = (torch.cat(part) for part in zip(*samples, strict=True))
    probe = fit_probe(features, leaves, taxonomy.num_leaves)
    scores: dict[str, list[float]] = {name: [] for name in taxonomy.leaf_names[1:]}
    for case in test:
        predicted = probe.leaves(case_features(network, case.image, patch_size)).numpy()
        truth = torch.as_tensor(case.nodes)[0].numpy()
        for v in annotated_nodes(truth, taxonomy):
            score = dice(inside(predicted, v, taxonomy), inside(truth, v, taxonomy))
            if taxonomy.names[v] in scores and score is not None:
                scores[taxonomy.names[v]].append(score)
    means = {name: float(np.mean(values)) for name, values in scores.items() if values}
    return {**means, "mean": float(np.mean(list(means.values())))}


def sample_voxels(features: Tensor, nodes: Tensor) -> tuple[Tensor, Tensor]:
    """Features (N, F) and leaves (N,) of evenly spread voxels, as many of each leaf as there are, up to a limit.

    Args:
        features: (F, *S).
        nodes: (1, *S) leaf indices.
    """
    flat = torch.as_tensor(nodes).as_subclass(torch.Tensor).flatten().long()
    chosen = []
    for leaf in flat.unique():
        index = (flat == leaf).nonzero().flatten()
        chosen.append(index[:: max(1, len(index) // _PER_LEAF)][:_PER_LEAF])
    at = torch.cat(chosen)
    return features.flatten(1).T[at], flat[at]
