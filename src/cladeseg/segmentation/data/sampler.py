"""Which cases a training step sees: a fixed number of fine, coarse and unlabelled ones, reproducibly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler

from cladeseg.bundle.ranks import ALONE, Ranks
from cladeseg.files import DataError
from cladeseg.segmentation.data.cached_dataset import CachedDataset
from cladeseg.segmentation.data.supervision import supervision_of
from cladeseg.taxonomy import FINE, UNLABELLED

COARSE = "coarse"
#: The kinds of supervision in the order of a batch; the position is part of the random stream, so never reorder.
POOLS = (FINE, COARSE, UNLABELLED)
#: A training that nobody limits; the trainer sets the number of steps that it will take.
_UNLIMITED = 2**40


def training_loader(
    dataset: CachedDataset, per_batch: Mapping[str, int], seed: int, *, num_workers: int = 0, who: Ranks = ALONE
) -> DataLoader[Any]:
    """Loader over a whole training, whose batch of step t is a pure function of (seed, t).

    Args:
        dataset: cached cases with a patch function; a case that does not say its ``supervision`` is taken as
            :func:`~cladeseg.segmentation.data.supervision_of` says.
        per_batch: number of ``fine``, ``coarse`` and ``unlabelled`` cases in a batch; a kind without any case is
            left out.
        seed: of the draws.
        num_workers: loader processes; 0 loads in the training process.
        who: which of several processes this is, that share each batch.

    Raises:
        DataError: there is no case to fill a batch with, or a batch cannot be shared evenly.
    """
    supervisions = [supervision_of(case) for case in dataset.data]
    sampler = SupervisionSampler(supervisions, per_batch=per_batch, steps=_UNLIMITED, seed=seed, who=who)
    return DataLoader(dataset, batch_sampler=sampler, num_workers=num_workers, pin_memory=torch.cuda.is_available())


class SupervisionSampler(Sampler[list[tuple[int, int]]]):
    """Batch sampler with a fixed share of each kind of supervision.

    The batch of step t is a pure function of (``seed``, t, ``supervisions``, ``per_batch``): nothing is
    remembered, so that resuming at a step gives what an uninterrupted run would have given, whatever the number of
    workers.  Each pool is walked through in a new random order per epoch of its own: draw j from a pool of m cases is
    item j mod m of permutation j div m.

    Args:
        supervisions: of each case, by its index in the data set: ``"fine"``, ``"unlabelled"`` or superclass names.
        per_batch: slots per batch of ``"fine"``, ``"coarse"`` (any superclass) and ``"unlabelled"``; 0 if left out.
            The slots of a pool without cases are dropped.
        steps: total number of steps of the training.
        seed: of all draws, not negative.
        start_step: first step to yield.
        who: which of several processes this is; each gets an equal part of every pool's slots, and all of them together
            what one process alone would get.

    Yields:
        For each step a list of (case index, sample seed): fine slots first, then coarse, then unlabelled.

    Raises:
        DataError: no pool with slots has a case, or the slots of one cannot be shared evenly.
        ValueError: an unknown pool, or a negative number.

    Example:
        >>> supervisions = ["fine", "heart", "heart", "unlabelled"]
        >>> sampler = SupervisionSampler(supervisions, per_batch={"fine": 1, "coarse": 2}, steps=3, seed=0)
        >>> [[supervisions[case] for case, seed in batch] for batch in sampler][0]
        ['fine', 'heart', 'heart']
        >>> list(sampler)[2] == sampler.batch(2)  # nothing is remembered
        True
    """

    def __init__(
        self,
        supervisions: Sequence[str],
        *,
        per_batch: Mapping[str, int],
        steps: int,
        seed: int,
        start_step: int = 0,
        who: Ranks = ALONE,
    ) -> None:
        _check_numbers(per_batch, steps=steps, seed=seed, start_step=start_step)
        self.steps, self.seed, self.start_step = steps, seed, start_step
        kinds = [pool_of(name) for name in supervisions]
        self._pools = {pool: np.flatnonzero([kind == pool for kind in kinds]) for pool in POOLS}
        sizes = {pool: len(cases) for pool, cases in self._pools.items()}
        self._counts = _slots({pool: int(per_batch.get(pool, 0)) for pool in POOLS}, sizes)
        self.places = _places(self._counts, who)

    @property
    def slots(self) -> list[str]:
        """Kind of supervision (fine, coarse, unlabelled) at each position of a batch that all processes share."""
        return [pool for pool in POOLS for _ in range(self._counts[pool])]

    @property
    def batch_size(self) -> int:
        """Cases per step, of all processes."""
        return sum(self._counts.values())

    def __len__(self) -> int:
        return max(self.steps - self.start_step, 0)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return (self.batch(step) for step in range(self.start_step, self.steps))

    def batch(self, step: int) -> list[tuple[int, int]]:
        """This process's (case index, sample seed) pairs of one step."""
        cases = [self._draw(pool, step * count + slot) for pool, count in self._counts.items() for slot in range(count)]
        return [(cases[place], _sample_seed(self.seed, step, place)) for place in self.places]

    def _draw(self, pool: str, number: int) -> int:
        cases = self._pools[pool]
        epoch, position = divmod(number, len(cases))
        order = np.random.default_rng([self.seed, POOLS.index(pool), epoch]).permutation(len(cases))
        return int(cases[order[position]])


def pool_of(supervision: str) -> str:
    """Pool that a case is drawn from: ``"fine"``, ``"unlabelled"``, or ``"coarse"`` for any superclass name.

    Example:
        >>> pool_of("heart"), pool_of("fine")
        ('coarse', 'fine')
    """
    return supervision if supervision in {FINE, UNLABELLED} else COARSE


def _check_numbers(per_batch: Mapping[str, int], **numbers: int) -> None:
    unknown = sorted(set(per_batch) - set(POOLS))
    if unknown:
        raise ValueError(f"per_batch: unknown key '{unknown[0]}'; known keys are {', '.join(POOLS)}")
    for name, number in {**per_batch, **numbers}.items():
        if number < 0:
            raise ValueError(f"{name}: must not be negative, is {number}")


def _slots(wanted: Mapping[str, int], sizes: Mapping[str, int]) -> dict[str, int]:
    """Slots of each pool; none for a pool without cases."""
    counts = {pool: number if sizes[pool] else 0 for pool, number in wanted.items()}
    if not any(counts.values()):
        have = ", ".join(f"{sizes[pool]} {pool} (slots: {wanted[pool]})" for pool in POOLS)
        raise DataError(f"no training case: the datalist has {have}")
    return counts


def _sample_seed(seed: int, step: int, slot: int) -> int:
    return int(np.random.SeedSequence([seed, step, slot]).generate_state(1)[0])


def _places(counts: Mapping[str, int], who: Ranks) -> list[int]:
    """A process's places in a batch whose pools lie one after the other: a part of each pool."""
    places: list[int] = []
    begin = 0
    for pool, count in counts.items():
        _check_even(f"batch.{pool}", count, who.count)
        share = count // who.count
        places += range(begin + who.index * share, begin + (who.index + 1) * share)
        begin += count
    return places


def _check_even(name: str, number: int, count: int) -> None:
    less, rest = number - number % count, number % count
    if rest:
        near = " or ".join(str(one) for one in (less, less + count) if one)
        raise DataError(f"{name}: {number} cannot be shared evenly by {count} processes; make it {near}")
