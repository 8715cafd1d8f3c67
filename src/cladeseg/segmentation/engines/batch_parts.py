"""A batch in parts that are computed one after the other, for graphics cards with little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from cladeseg.segmentation.data import pool_of
from cladeseg.segmentation.engines.step import Overview, StepInput

#: Fields of a batch that are its cases', besides the supervisions and the overview.
_OF_CASES = ("images", "nodes", "propagated", "array_axes", "valid")


def batch_parts(batch: StepInput, count: int) -> Iterator[StepInput]:
    """The batch in ``count`` parts, each with its share of the finely labelled, the coarse and the unlabelled cases.

    Args:
        batch: augmented; the number of cases of each kind is a multiple of ``count``.
        count: of parts; 1 gives the batch itself.

    Raises:
        ValueError: the cases of a kind cannot be shared evenly.
    """
    if count == 1:
        yield batch
        return
    kinds = [pool_of(supervision) for supervision in batch.supervisions]
    places = {kind: [i for i, other in enumerate(kinds) if other == kind] for kind in dict.fromkeys(kinds)}
    for kind, of_kind in places.items():
        if len(of_kind) % count:
            raise ValueError(f"batch.parts: {len(of_kind)} {kind} cases cannot be shared evenly by {count} parts")
    for part in range(count):
        yield _cases(batch, [place for of_kind in places.values() for place in _share(of_kind, part, count)])


def _share(places: Sequence[int], part: int, count: int) -> Sequence[int]:
    size = len(places) // count
    return places[part * size : (part + 1) * size]


def _cases(batch: StepInput, places: list[int]) -> StepInput:
    """The batch of some cases; ``propagated`` stays the same tensor as ``nodes`` where it was."""

    def of(tensor: Tensor) -> Tensor:
        return tensor[torch.tensor(places).to(tensor.device, non_blocking=True)]

    fields: dict[str, Any] = {name: getattr(batch, name) for name in _OF_CASES}
    cut: dict[str, Any] = {name: of(value) for name, value in fields.items() if value is not None}
    if batch.propagated is batch.nodes:
        cut["propagated"] = cut["nodes"]
    overview = None if batch.overview is None else Overview(*(of(part) for part in batch.overview))
    return batch._replace(supervisions=[batch.supervisions[i] for i in places], overview=overview, **cut)
