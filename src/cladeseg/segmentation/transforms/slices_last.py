"""Orient volumes to RAS, but with the thick-slice axis last."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform, Orientation
from monai.utils import TraceKeys
from nibabel.affines import voxel_sizes

_POSITIVE = "RAS"
_LABELS = (("L", "R"), ("P", "A"), ("I", "S"))


def slices_last_axcodes(affine: np.ndarray, ratio: float = 1.5) -> str:
    """Axis codes of the closest positive orientation whose thick axis, if there is one, comes last.

    A short-axis cardiac stack is oblique: the world direction of its slice normal differs between patients, so plain
    RAS would put the slices on a different array axis from patient to patient.  Networks with anisotropic kernels need
    the slices on the last axis.

    Args:
        affine: (4, 4) voxel → RAS mm.
        ratio: the largest spacing must exceed the median one by this factor to count as the slice axis.

    Returns:
        ``"RAS"`` for near-isotropic volumes and for slices along S; else e.g. ``"RSA"`` for slices along A.

    Example:
        >>> import numpy as np
        >>> slices_last_axcodes(np.diag([1.5, 10.0, 1.5, 1.0]))  # thick along the patient's anterior axis
        'RSA'
    """
    spacing = voxel_sizes(affine)
    thick = int(np.argmax(spacing))
    if spacing[thick] < ratio * np.median(spacing):
        return _POSITIVE
    world = int(nib.io_orientation(affine)[thick, 0])
    return "".join(code for i, code in enumerate(_POSITIVE) if i != world) + _POSITIVE[world]


class OrientSlicesLastd(MapTransform, InvertibleTransform):
    """Reorient each volume by :func:`slices_last_axcodes`; exactly invertible.

    Args:
        keys: volumes (C, x, y, z) that share one geometry.
        ratio: see :func:`slices_last_axcodes`.
        allow_missing_keys: skip keys that an item lacks.
    """

    def __init__(self, keys: KeysCollection, ratio: float = 1.5, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.ratio = ratio

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Reorient every key; the affine follows."""
        out = dict(data)
        for key in self.key_iterator(out):
            volume: MetaTensor = out[key]
            affine = torch.as_tensor(volume.affine).double().numpy()
            out[key] = _Reorient(axcodes=slices_last_axcodes(affine, self.ratio), labels=_LABELS)(volume)
        return out

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Restore every key's own orientation and affine."""
        out = dict(data)
        for key in self.key_iterator(out):
            out[key] = _Reorient(axcodes=_POSITIVE, labels=_LABELS).undo(out[key], self.ratio)
        return out


def _turn(affine: np.ndarray, ratio: float) -> np.ndarray:
    """For each array axis, which axis it becomes and whether it is flipped (-1); int (3, 2)."""
    wanted = nib.orientations.axcodes2ornt(slices_last_axcodes(affine, ratio), labels=_LABELS)
    return nib.orientations.ornt_transform(nib.io_orientation(affine), wanted).astype(int)


class _Reorient(Orientation):
    """MONAI's ``Orientation``, one instance per volume: the instance that inverts is not the one that was applied."""

    def undo(self, volume: MetaTensor, ratio: float) -> MetaTensor:
        """Undo the turn that the recorded affine asked for.

        MONAI derives it anew from the affine that ``volume`` has now.  Where an axis lies at 45° to the world's axes,
        rounding alone would decide whether that is the same turn.
        """
        affine = np.asarray(self.pop_transform(volume)[TraceKeys.EXTRA_INFO]["original_affine"], dtype=np.float64)
        turn = _turn(affine, ratio)
        flipped = [1 + axis for axis in range(3) if turn[axis, 1] < 0]
        restored = volume.permute(0, *(1 + turn[:, 0])).flip(flipped)
        restored.affine = torch.from_numpy(affine)
        return restored

    def check_transforms_match(self, transform: Mapping[Hashable, Any]) -> None:
        """Any of this class may undo any other: the trace holds the original affine, which is all that is needed."""
        if transform.get(TraceKeys.CLASS_NAME) != self.__class__.__name__:
            super().check_transforms_match(transform)
