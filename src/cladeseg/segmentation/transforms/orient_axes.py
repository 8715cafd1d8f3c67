"""Bring the axes of every image of a bundle to one order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform, Orientation
from monai.utils import TraceKeys

from cladeseg.volumes import DEFAULT_ORDER, STORED, array_axes, check_axis_order, turn_to
from cladeseg.volumes.axes import ENDS


class OrientAxesd(MapTransform, InvertibleTransform):
    """Exchange and turn round the axes of volumes until they are in one order; exactly invertible.

    The order is the bundle's and the same for every image: nothing about an image but the directions of its axes
    decides how it is turned.  Adds ``array_axes``, long (3,): the array axis of each anatomical axis after the turn, by
    which flips are mapped to arrays.

    Args:
        keys: volumes (C, x, y, z) that share one geometry.
        axis_order: three letters such as ``"RAS"``, or ``"stored"``; see :mod:`cladeseg.volumes.axes`.
        allow_missing_keys: skip keys that an item lacks.

    Raises:
        ValueError: no such order.

    Example:
        >>> stored = MetaTensor(torch.rand(1, 4, 5, 3), affine=torch.diag(torch.tensor([1.0, 1.0, 6.0, 1.0])))
        >>> item = OrientAxesd("image", "SAR")({"image": stored})
        >>> item["image"].shape, item["array_axes"].tolist()
        (torch.Size([1, 3, 5, 4]), [2, 1, 0])
    """

    def __init__(self, keys: KeysCollection, axis_order: str = DEFAULT_ORDER, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.axis_order = check_axis_order(axis_order)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Reorient every key; the affine follows."""
        out = dict(data)
        for key in self.key_iterator(out):
            volume: MetaTensor = out[key]
            affine = torch.as_tensor(volume.affine).double().numpy()
            out["array_axes"] = torch.from_numpy(array_axes(affine, self.axis_order))
            if self.axis_order != STORED:
                out[key] = _Reorient(axcodes=self.axis_order, labels=ENDS)(volume)
        return out

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Restore every key's own orientation and affine."""
        out = dict(data)
        for key in self.key_iterator(out):
            if self.axis_order != STORED:
                out[key] = _Reorient(axcodes=self.axis_order, labels=ENDS).undo(out[key])
        return out


class _Reorient(Orientation):
    """MONAI's ``Orientation``, one instance per volume: the instance that inverts is not the one that was applied."""

    def undo(self, volume: MetaTensor) -> MetaTensor:
        """Undo the turn that the recorded affine asked for.

        MONAI derives it anew from the affine that ``volume`` has now.  Where an axis lies at 45° to the world's axes,
        rounding alone would decide whether that is the same turn.
        """
        affine = np.asarray(self.pop_transform(volume)[TraceKeys.EXTRA_INFO]["original_affine"], dtype=np.float64)
        turn = turn_to(affine, str(self.axcodes))
        flipped = [1 + axis for axis in range(3) if turn[axis, 1] < 0]
        restored = volume.permute(0, *(1 + turn[:, 0])).flip(flipped)
        restored.affine = torch.from_numpy(affine)
        return restored

    def check_transforms_match(self, transform: Mapping[Hashable, Any]) -> None:
        """Any of this class may undo any other: the trace holds the original affine, which is all that is needed."""
        if transform.get(TraceKeys.CLASS_NAME) != self.__class__.__name__:
            super().check_transforms_match(transform)
