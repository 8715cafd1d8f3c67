"""Test-time flips: predict mirrored views of an image and average what the network says of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from cladeseg.segmentation.transforms import UNMIRRORED, Views, mirror, mirrored_views
from cladeseg.taxonomy import ALLOWED, ANATOMICAL_AXES, Taxonomy


def flips_of(text: str, taxonomy: Taxonomy) -> Views:
    """The views that somebody asks for.

    A network that never saw an image upside down knows little of it, whatever the tree allows.

    Args:
        text: ``"none"``, ``"allowed"`` for all anatomical axes that the tree allows, or names of such axes with commas
            between them; every set of the axes is a view, 2ᵏ of them for k axes.
        taxonomy: the label tree.

    Raises:
        ValueError: no such axis.
        TaxonomyError: the tree does not allow it.
    """
    if text == "none":
        return UNMIRRORED
    if text == ALLOWED:
        return mirrored_views(taxonomy.flips())
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in ANATOMICAL_AXES]
    if unknown:
        known = ", ".join(ANATOMICAL_AXES)
        raise ValueError(f"flips: '{unknown[0]}' is unknown; write none, allowed, or axes of {known}")
    return mirrored_views(taxonomy.flips(names))


def mean_log_probs(
    predict: Callable[[Tensor], Tensor], images: Tensor, views: Views, array_axes: Tensor | None = None
) -> Tensor:
    """Log of p(leaf), averaged over mirrored views, each mirrored back before.

    Args:
        predict: from images (B, C, *S) to log p(leaf) (B, L, *S).
        images: (B, C, *S).
        views: anatomical axes to mirror along, one set for each view; the empty one is the images themselves.
        array_axes: long (B, 3), where these lie in each image, see
            :class:`~cladeseg.segmentation.transforms.OrientAxesd`; ``None`` for images in the order RAS.

    Returns:
        float32 (B, L, *S) on the CPU.

    Raises:
        ValueError: there is no view.
    """
    axes = torch.arange(3).expand(len(images), 3) if array_axes is None else array_axes
    total: Tensor | None = None
    for flips in views:
        view = mirror(predict(mirror(images, axes, flips)), axes, flips).float().cpu()
        total = view if total is None else torch.logaddexp(total, view, out=total)
    if total is None:
        raise ValueError("views: there is none; () is the images themselves")
    return total - math.log(len(views)) if len(views) > 1 else total
