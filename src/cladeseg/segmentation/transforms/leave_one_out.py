"""Whether intensity helps to label regions: asked of the finely labelled cases, each left out in turn."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from cladeseg.segmentation.transforms.label_propagation import voxels_of
from cladeseg.segmentation.transforms.region_labels import RegionLabels
from cladeseg.taxonomy import Taxonomy


class LeftOut(NamedTuple):
    """Mean Dice of the parts inside the known regions of the left-out cases.

    Attributes:
        without: with place alone.
        with_intensity: with intensity too.
    """

    without: float
    with_intensity: float

    @property
    def intensity_helps(self) -> bool:
        """Whether intensity is better, or as good."""
        return self.with_intensity >= self.without


def leave_one_out(
    taxonomy: Taxonomy,
    cases: Sequence[Mapping[str, Any]],
    *,
    groups: Sequence[Hashable],
    supervision: str,
    **options: Any,
) -> LeftOut | None:
    """Label each finely labelled case from those of the other groups, with and without intensity.

    Args:
        taxonomy: the tree.
        cases: finely labelled ones with ``image`` (C, *S) and ``nodes`` (1, *S).
        groups: of each case, e.g. its patient; a case is never labelled from its own group.
        supervision: what is known of coarse cases, see :meth:`~cladeseg.taxonomy.Taxonomy.collapse_table`.
        options: of :class:`RegionLabels`, but ``images`` and ``intensity``.

    Returns:
        ``None`` where there is one group only, or no region to compare.
    """
    scores: dict[bool, list[float]] = {False: [], True: []}
    for group in dict.fromkeys(groups) if len(set(groups)) > 1 else ():
        others = [case for case, own in zip(cases, groups, strict=True) if own != group]
        atlases, images = [case["nodes"] for case in others], [case["image"] for case in others]
        for intensity, found in scores.items():
            labels = RegionLabels(taxonomy, atlases, images=images, intensity=intensity, **options)
            left_out = (case for case, own in zip(cases, groups, strict=True) if own == group)
            found += [score for case in left_out for score in part_dice(labels, case, supervision)]
    if not scores[False]:
        return None
    return LeftOut(float(np.mean(scores[False])), float(np.mean(scores[True])))


def part_dice(labels: RegionLabels, case: Mapping[str, Any], supervision: str) -> list[float]:
    """Dice of each part of a finely labelled case inside its known regions, the most probable part taken everywhere.

    Args:
        labels: what is scored.
        case: ``image`` (C, *S) and ``nodes`` (1, *S) with leaves.
        supervision: what of it is shown to ``labels``.
    """
    truth = voxels_of(case["nodes"])
    known = labels.taxonomy.collapse_table(supervision).numpy()[truth]
    dice = []
    for s in labels.propagation.superclasses:
        region = known == s
        if not region.any():
            continue
        shares = labels.posterior(torch.as_tensor(case["image"]), known, s)
        likeliest = np.array(list(shares))[np.stack(list(shares.values())).argmax(0)]
        for part in np.unique(truth[region]):
            found, there = (likeliest == part) & region, (truth == part) & region
            dice.append(2 * (found & there).sum() / (found.sum() + there.sum()))
    return [float(value) for value in dice]
