"""A training sample of both passes from one case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cladeseg.segmentation.transforms.region_boxes import fit_box, slices_of
from cladeseg.segmentation.transforms.standardise import standardise

Crop = Callable[[dict[str, Any], int], dict[str, Any]]


class TwoViews:
    """A patch of the coarse view for the first pass, and one inside a box for the second.

    The box is one of the case's, each face moved by up to ``jitter`` voxels as the first pass errs; its intensities are
    standardised over the box, as inference does.  Now and then it is the whole volume, which inference searches where
    the first pass finds nothing.

    Args:
        crop: takes the second pass's patch from a case.
        overview_crop: takes the first pass's patch from a case whose image and nodes are the coarse ones.
        least: voxels of a box at least, as far as the volume has them: the second pass's patch.
        jitter: largest shift of a face along each axis, in voxels.
        whole_volume: chance that the box is the whole volume.
        nonzero: see :func:`~cladeseg.segmentation.transforms.standardise`.
    """

    def __init__(
        self,
        crop: Crop,
        overview_crop: Crop,
        *,
        least: Sequence[int],
        jitter: Sequence[float],
        whole_volume: float = 0.0,
        nonzero: bool = False,
    ) -> None:
        self.crop = crop
        self.overview_crop = overview_crop
        self.least = np.array(least, dtype=int)
        self.jitter = np.array(jitter, dtype=float)
        self.whole_volume = whole_volume
        self.nonzero = nonzero

    def __call__(self, case: dict[str, Any], seed: int) -> dict[str, Any]:
        """Both patches of ``case``; the same seed gives the same ones.

        Args:
            case: as :class:`~cladeseg.segmentation.transforms.overview.AddOverviewd` leaves it; images may be in half
                precision, and only what lies in the box is read.
            seed: of this sample.

        Returns:
            What ``crop`` gives, with ``overview_image`` (C, *S') and ``overview_nodes`` (1, *S').
        """
        box = slices_of(self.box(case, np.random.default_rng([seed, 1])))
        inside: dict[str, Any] = {key: case[key][box] for key in ("nodes", "propagated") if key in case}
        image = standardise(case["image"][box].float(), nonzero=self.nonzero)
        overview = self.overview_crop({**case, "image": case["overview_image"], "nodes": case["overview_nodes"]}, seed)
        return {
            **self.crop({**case, **inside, "image": image}, seed),
            "overview_image": overview["image"],
            "overview_nodes": overview["nodes"],
        }

    def box(self, case: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
        """Int (2, D): the box of one sample."""
        shape = np.array(case["nodes"].shape[1:])
        if rng.random() < self.whole_volume:
            return np.stack([np.zeros_like(shape), shape])
        box = case["boxes"][rng.integers(len(case["boxes"]))]
        moved = box + np.rint(rng.uniform(-1, 1, box.shape) * self.jitter).astype(int)
        start = np.clip(moved[0], 0, shape - 1)
        return fit_box(np.stack([start, np.maximum(moved[1], start + 1)]), self.least, shape)
