"""Undo the preprocessing leaf by leaf, into a file that is mapped to memory: bounded whatever the number of leaves."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd
from torch import Tensor

from cladeseg.files import DataError

#: Volumes of all leaves that are in memory at once: where they are restored, and where the network's are blended.
_COPIES = 3
_BYTES = 4


def needs_file(leaves: int, *, seen: Sequence[int], own: Sequence[int], max_ram: float, source: str) -> bool:
    """Whether p(leaf) on the image's own grid must go to a file.

    Args:
        leaves: their number.
        seen: shape of the grid that the network sees.
        own: shape of the image.
        max_ram: GiB that may be used.
        source: the image's file.

    Raises:
        DataError: what the network says does not fit either.
    """
    one, network = _gib(math.prod(own)), _gib(leaves * math.prod(seen))
    least = max(network, one)
    if least > max_ram:
        grid = "×".join(map(str, seen))
        raise DataError(
            f"{source}: needs at least {least:.2f} GiB of memory for {leaves} leaves on {grid} voxels, and "
            f"max_ram allows {max_ram:g}; raise it, or crop the image"
        )
    return _gib(leaves * math.prod(own)) > max_ram


def _gib(values: int) -> float:
    return values * _BYTES * _COPIES / 2**30


def restore_by_leaf(restore: Compose, item: dict[str, Any]) -> dict[str, Any]:
    """What ``restore(item)`` gives, to the bit, with p(leaf) in a mapped file.

    The steps up to the last ``Invertd`` treat channels apart, so they are done for one leaf at a time.

    Args:
        restore: from log p(leaf) ``pred`` (L, *S) to p(leaf) on the image's own grid.
        item: with ``image`` and ``pred``.
    """
    steps = list(restore.transforms)
    apart = max((i + 1 for i, step in enumerate(steps) if isinstance(step, Invertd)), default=0)
    scores: MetaTensor = item["pred"]
    whole: Tensor | None = None
    meta: dict[str, Any] = {}
    for leaf in range(len(scores)):
        one = Compose(steps[:apart])({**item, "pred": MetaTensor(scores[leaf : leaf + 1], meta=scores.meta)})["pred"]
        if whole is None:
            whole, meta = mapped_tensor((len(scores), *one.shape[1:])), one.meta
        whole[leaf] = one.as_tensor()[0]
    return dict(Compose(steps[apart:])({**item, "pred": MetaTensor(whole, meta=meta)}))


def mapped_tensor(shape: Sequence[int]) -> Tensor:
    """A float32 tensor in a temporary file, which is gone when the tensor is."""
    with tempfile.NamedTemporaryFile(prefix="cladeseg-", delete=False) as file:
        path = Path(file.name)
    values = torch.from_file(str(path), shared=True, size=math.prod(shape), dtype=torch.float32).view(*shape)
    with contextlib.suppress(OSError):  # Windows keeps the file while it is mapped
        path.unlink()
    return values
