"""Test-time flips: predict mirrored views of an image and average what the network says of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import nibabel as nib
import numpy as np
import torch
from torch import Tensor

from cladeseg.taxonomy import Taxonomy, TaxonomyError

#: Sets of anatomical axes, one for each view of an image.
Flips = tuple[tuple[int, ...], ...]
#: The image as it is, and nothing else.
NO_FLIPS: Flips = ((),)
_AXES = ("left-right", "posterior-anterior", "inferior-superior")


def flips_of(text: str, taxonomy: Taxonomy) -> Flips:
    """The views that somebody asks for.

    Args:
        text: ``"none"``, ``"allowed"`` (see :func:`allowed_flips`), or names of anatomical axes with commas between
            them, every set of which is a view.
        taxonomy: the label tree.

    Raises:
        ValueError: no such axis.
        TaxonomyError: the tree forbids it.
    """
    if text in ("none", "allowed"):
        return allowed_flips(taxonomy) if text == "allowed" else NO_FLIPS
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in _AXES]
    if unknown:
        raise ValueError(f"flips: '{unknown[0]}' is unknown; write none, allowed, or axes of {', '.join(_AXES)}")
    axes = sorted(_AXES.index(name) for name in set(names))
    taxonomy.check_flips(axes)
    return _subsets(axes)


def allowed_flips(taxonomy: Taxonomy) -> Flips:
    """Every set of anatomical axes along which the tree lets an image be mirrored, the empty set first.

    A network that never saw an image upside down knows little of it, whatever the tree allows.

    Args:
        taxonomy: the label tree with its forbidden flips.

    Returns:
        Sets of axes 0 (left-right), 1 (posterior-anterior) and 2 (inferior-superior): 2ᵏ of them for k allowed axes.
    """
    return _subsets([axis for axis in range(len(_AXES)) if _is_allowed(axis, taxonomy)])


def _subsets(axes: Sequence[int]) -> Flips:
    return tuple(chosen for size in range(len(axes) + 1) for chosen in combinations(axes, size))


def _is_allowed(axis: int, taxonomy: Taxonomy) -> bool:
    try:
        taxonomy.check_flips([axis])
    except TaxonomyError:
        return False
    return True


def array_axes(affine: np.ndarray, flips: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """The array axes that lie closest to the anatomical ones, because an image's axes may come in any order.

    Args:
        affine: (4, 4) voxel → RAS mm.
        flips: sets of anatomical axes.
    """
    world = nib.io_orientation(affine)[:, 0].astype(int).tolist()
    return [tuple(world.index(axis) for axis in axes) for axes in flips]


def mean_log_probs(predict: Callable[[Tensor], Tensor], images: Tensor, views: Sequence[tuple[int, ...]]) -> Tensor:
    """Log of p(leaf), averaged over mirrored views, each mirrored back before.

    Args:
        predict: from images (B, C, *S) to log p(leaf) (B, L, *S).
        images: (B, C, *S).
        views: spatial axes (from 0) to mirror, one tuple for each view; ``()`` is the images themselves.

    Returns:
        float32 (B, L, *S) on the CPU.

    Raises:
        ValueError: there is no view.
    """
    total: Tensor | None = None
    for axes in views:
        dims = [axis + 2 for axis in axes]
        view = predict(images.flip(dims)).flip(dims) if dims else predict(images)
        view = view.float().cpu()
        total = view if total is None else torch.logaddexp(total, view, out=total)
    if total is None:
        raise ValueError("views: there is none; () is the images themselves")
    return total - math.log(len(views)) if len(views) > 1 else total
