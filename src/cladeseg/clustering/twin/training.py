"""Trains the twin network on all pairs of small batches; the weights of the best validation score are kept."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import affine_grid, binary_cross_entropy_with_logits, grid_sample
from tqdm import tqdm

from cladeseg.clustering.metrics import pair_auc
from cladeseg.clustering.twin.network import TwinNetwork

_AUGMENTED = 0.2  # probability of each flip and of a rotation, as in the paper


class Pictures(NamedTuple):
    """Pictures and their classes.

    Attributes:
        values: float (n, C, H, W).
        classes: (n,).
    """

    values: torch.Tensor
    classes: np.ndarray


@dataclass
class TwinTraining:
    """A trained twin network.

    Attributes:
        network: in eval mode, with the weights of the best validation score.
        history: (step, mean loss since the last row, validation pair AUC).
    """

    network: TwinNetwork
    history: list[tuple[int, float, float]] = field(default_factory=list)


def train_twin(
    training: Pictures,
    validation: Pictures,
    *,
    steps: int = 600,
    pictures: int = 32,
    learning_rate: float = 1e-4,
    check_every: int = 100,
    seed: int = 0,
    device: torch.device | str = "cpu",
    show_progress: bool = True,
) -> TwinTraining:
    """Train with binary cross-entropy and AdamW.

    The paper encodes two pictures for each pair of a batch.  Here each picture is encoded once and compared with all
    others of the batch: 32 pictures give 496 pairs, at a quarter of what 64 separate pairs cost.

    Args:
        training: what is learnt from.
        validation: what the best step is chosen by; no picture of it is in ``training``.
        steps: of the optimiser.
        pictures: of a batch, as many of each class.
        learning_rate: of AdamW.
        check_every: steps between two validations.
        seed: of weights, batches and augmentation.
        device: where to compute.
        show_progress: draw a bar.
    """
    network = _new_network(training.values.shape[1], seed).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate)
    rng = np.random.default_rng(seed)
    best, found, losses = -1.0, TwinTraining(network), []
    weights = deepcopy(network.state_dict())
    for step in tqdm(range(1, steps + 1), desc="twin network", unit="step", disable=None if show_progress else True):
        network.train()
        drawn = draw_batch(training.classes, pictures, rng)
        batch = augmented(training.values[torch.as_tensor(drawn)], rng).to(device)
        losses.append(_step(network, optimizer, batch, training.classes[drawn]))
        if step % check_every == 0 or step == steps:
            score = pair_auc(twin_logits(network, validation.values, device), validation.classes) or 0.0
            found.history.append((step, float(np.mean(losses)), score))
            losses = []
            if score > best:
                best, weights = score, deepcopy(network.state_dict())
    network.load_state_dict(weights)
    network.eval()
    return found


def _new_network(channels: int, seed: int) -> TwinNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TwinNetwork(channels)


def _step(network: TwinNetwork, optimizer: torch.optim.Optimizer, batch: torch.Tensor, classes: np.ndarray) -> float:
    loss = balanced_loss(network.compare_all(network.encoder(batch)), classes)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def balanced_loss(logits: torch.Tensor, classes: np.ndarray) -> torch.Tensor:
    """Cross-entropy of all pairs; those of one class weigh as much together as those of two.

    Args:
        logits: (n, n), symmetric; the diagonal is ignored.
        classes: (n,); where all pairs are alike, these alone count.

    Examples:
        >>> loss = balanced_loss(torch.zeros(3, 3), np.array(["a", "a", "b"]))
        >>> round(float(loss), 4)  # log 2: nothing is known yet
        0.6931
    """
    rows, columns = np.triu_indices(len(classes), 1)
    same = classes[rows] == classes[columns]
    each = [
        binary_cross_entropy_with_logits(logits[rows[held], columns[held]], logits.new_full((int(held.sum()),), wanted))
        for held, wanted in ((same, 1.0), (~same, 0.0))
        if held.any()
    ]
    return torch.stack(each).mean()


def twin_logits(network: TwinNetwork, pictures: torch.Tensor, device: torch.device | str = "cpu") -> np.ndarray:
    """Logits of all pairs; float (n, n)."""
    network.eval()
    return network.to(device).all_logits(pictures.to(device)).numpy().astype(np.float32)


def draw_batch(classes: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Objects of a batch: as many of each of some classes, four at least where there are so many, none twice.

    Returns:
        Indices, at most ``number``; fewer where classes are small.
    """
    names, counts = np.unique(classes, return_counts=True)
    several = names[counts > 1] if (counts > 1).sum() > 1 else names
    chosen = rng.permutation(several)[: max(number // 4, 2)]
    members = [rng.permutation(np.flatnonzero(classes == name)) for name in chosen]
    return np.concatenate([held[: max(number // chosen.size, 2)] for held in members])


def augmented(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Each picture mirrored along either axis and turned, each with probability 0.2; edges are repeated."""
    pictures = pictures.clone()
    for axis in (1, 2):
        chosen = torch.as_tensor(rng.random(len(pictures)) < _AUGMENTED)
        pictures[chosen] = pictures[chosen].flip(axis + 1)
    turned = np.flatnonzero(rng.random(len(pictures)) < _AUGMENTED)
    if turned.size:
        angles = torch.as_tensor(rng.uniform(-np.pi, np.pi, turned.size), dtype=torch.float32)
        pictures[turned] = _rotated(pictures[turned], angles)
    return pictures


def _rotated(pictures: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    matrices = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)
    grid = affine_grid(matrices, list(pictures.shape), align_corners=False)
    return grid_sample(pictures, grid, padding_mode="border", align_corners=False)
