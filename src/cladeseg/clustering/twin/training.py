"""Trains the twin network on balanced pairs; the weights of the best validation score are kept."""

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
    pairs: int = 64,
    learning_rate: float = 1e-4,
    check_every: int = 100,
    seed: int = 0,
    device: torch.device | str = "cpu",
    show_progress: bool = True,
) -> TwinTraining:
    """Train with binary cross-entropy and AdamW.

    Args:
        training: what is learnt from.
        validation: what the best step is chosen by; no picture of it is in ``training``.
        steps: of the optimiser.
        pairs: of a batch; half of them are of one class.
        learning_rate: of AdamW.
        check_every: steps between two validations.
        seed: of weights, pairs and augmentation.
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
        indices, same = draw_pairs(training.classes, pairs, rng)
        one, other = (augmented(training.values[indices[:, side]], rng).to(device) for side in (0, 1))
        losses.append(_step(network, optimizer, torch.cat([one, other], dim=1), same))
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


def _step(network: TwinNetwork, optimizer: torch.optim.Optimizer, pairs: torch.Tensor, same: np.ndarray) -> float:
    wanted = torch.as_tensor(same, dtype=torch.float32, device=pairs.device)
    loss = binary_cross_entropy_with_logits(network(pairs)[:, 0], wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def twin_logits(network: TwinNetwork, pictures: torch.Tensor, device: torch.device | str = "cpu") -> np.ndarray:
    """Logits of all pairs; float (n, n)."""
    network.eval()
    return network.to(device).all_logits(pictures.to(device)).numpy().astype(np.float32)


def draw_pairs(classes: np.ndarray, number: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of objects, the first half of one class and the rest of two; each class is as likely.

    Returns:
        Indices (number, 2), and whether they are of one class (number,).
    """
    names = np.unique(classes)
    members = {name: np.flatnonzero(classes == name) for name in names}
    several = [name for name in names if members[name].size > 1]
    indices = np.empty((number, 2), dtype=np.int64)
    same = np.arange(number) < number // 2
    for row in range(number):
        if same[row]:
            indices[row] = rng.choice(members[rng.choice(several)], 2, replace=False)
        else:
            indices[row] = [rng.choice(members[name]) for name in rng.choice(names, 2, replace=False)]
    return indices, same


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
