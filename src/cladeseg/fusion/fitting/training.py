"""One network trained on some patients and stopped on others."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from cladeseg.classes import class_weights, marginal_loss
from cladeseg.fusion.fitting.inputs import Batch, InputScaling
from cladeseg.fusion.fitting.options import FitSettings
from cladeseg.fusion.model import FusionNetwork, FusionOutput, drop_modalities


def build_network(scaling: InputScaling, leaves: int, settings: FitSettings) -> FusionNetwork:
    """A network for these inputs, with random weights."""
    return FusionNetwork(
        scaling.tile_map.shape[1],
        list(scaling.groups.values()),
        leaves,
        width=settings.network.width,
        dropout=settings.network.dropout,
        form=settings.network.form,
    )


def run_network(network: nn.Module, batch: Batch) -> FusionOutput:
    """Its output of patients, each of whom has something."""
    found: FusionOutput = network(batch.tiles, batch.tile_mask, batch.expression, batch.has_expression)
    return found


def train_network(
    network: FusionNetwork,
    training: tuple[Batch, Tensor],
    held_out: tuple[Batch, Tensor],
    *,
    settings: FitSettings,
    seed: int,
) -> FusionNetwork:
    """Train until the held-out patients' loss gets no better, and return to the best epoch.

    Args:
        network: is changed.
        training: patients, each with something, and bool (N, C) classes below the node that is known of each.
        held_out: the same of others, who are looked at to stop.
        settings: of the training.
        seed: of the order, the dropped modalities and the drawn tiles.
    """
    options, generator = settings.training, torch.Generator().manual_seed(seed)
    # One update of all tensors at once: there are many small ones, and each would wait for Python.
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, foreach=True
    )
    best, least, waited = copy.deepcopy(network.state_dict()), float("inf"), 0
    for _ in range(options.epochs):
        _epoch(network, training, optimizer, settings, generator)
        loss = _held_out_loss(network, *held_out)
        waited = 0 if loss < least else waited + 1
        if loss < least:
            best, least = copy.deepcopy(network.state_dict()), loss
        if waited == options.patience:
            break
    network.load_state_dict(best)
    return network.eval()


def _epoch(
    network: FusionNetwork,
    training: tuple[Batch, Tensor],
    optimizer: torch.optim.Optimizer,
    settings: FitSettings,
    generator: torch.Generator,
) -> None:
    batch, possible = training
    weights = class_weights(possible, torch.ones(len(batch), dtype=torch.bool))
    network.train()
    for rows in _steps(len(batch), settings.training.batch_size, generator):
        seen = _drawn_tiles(batch.take(rows), settings.training.tiles_per_step, generator)
        seen = seen.kept(drop_modalities(seen.present, settings.training.modality_dropout, generator=generator))
        loss = marginal_loss(run_network(network, seen).log_p, possible[rows], weights[rows]) / len(rows)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()


def _steps(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    yield from torch.randperm(count, generator=generator).split(size)


def _drawn_tiles(batch: Batch, most: int, generator: torch.Generator) -> Batch:
    """At most ``most`` tiles of each patient, drawn among those that are there."""
    if batch.tile_mask.shape[1] <= most:
        return batch
    chance = torch.rand(batch.tile_mask.shape, generator=generator) + batch.tile_mask
    columns = chance.topk(most, dim=1).indices
    tiles = batch.tiles.gather(1, columns[..., None].expand(-1, -1, batch.tiles.shape[2]))
    return Batch(
        tiles=tiles,
        tile_mask=batch.tile_mask.gather(1, columns),
        expression=batch.expression,
        has_expression=batch.has_expression,
    )


@torch.no_grad()
def _held_out_loss(network: FusionNetwork, batch: Batch, possible: Tensor) -> float:
    network.eval()
    weights = class_weights(possible, torch.ones(len(batch), dtype=torch.bool))
    return float(marginal_loss(run_network(network, batch).log_p, possible, weights)) / max(1, len(batch))
