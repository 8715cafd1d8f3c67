"""The training loader: batches with a set share of each kind of supervision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader

from cladeseg.segmentation.data.cached_dataset import CachedDataset
from cladeseg.segmentation.data.sampler import SupervisionSampler
from cladeseg.segmentation.data.supervision import supervision_of

#: A training that nobody limits; the trainer sets the number of steps that it will take.
_UNLIMITED = 2**40


def training_loader(
    dataset: CachedDataset,
    per_batch: Mapping[str, int],
    seed: int,
    *,
    num_workers: int = 0,
    fill: bool = False,
) -> DataLoader[Any]:
    """Loader over a whole training, whose batch of step t is a pure function of (seed, t).

    Args:
        dataset: cached cases with a patch function; see :func:`~cladeseg.segmentation.data.supervision_of` for
            one that does not say its ``supervision``.
        per_batch: number of ``fine``, ``coarse`` and ``unlabelled`` cases in a batch.
        seed: of the draws.
        num_workers: loader processes; 0 loads in the training process.
        fill: whether the places of an empty kind go to the others; see :class:`SupervisionSampler`.

    Raises:
        DataError: there is no case to fill a batch with.
    """
    supervisions = [supervision_of(case) for case in dataset.data]
    sampler = SupervisionSampler(supervisions, per_batch=per_batch, steps=_UNLIMITED, seed=seed, fill=fill)
    return DataLoader(dataset, batch_sampler=sampler, num_workers=num_workers, pin_memory=torch.cuda.is_available())
