"""What a page needs of one case: the part of image and masks around the structures, small enough to be kept."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from nibabel.affines import voxel_sizes

from cladeseg.files import DataError, atomic_write
from cladeseg.report import shades
from cladeseg.segmentation.inferers import Prediction, uncertainty_map
from cladeseg.taxonomy import Taxonomy
from cladeseg.volumes import turn_to

_MARGIN_MM = 15.0
#: Voxels of a kept volume; larger ones are thinned out.
_MOST_VOXELS = 1_500_000
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class StoredCase:
    """One case in RAS order.

    Attributes:
        image: uint8 (x, y, z), from the 1st to the 99th percentile of the whole image.
        prediction: (x, y, z) node indices.
        affine: (4, 4) voxel → RAS mm.
        truth: (x, y, z) node indices; ``None`` if nobody knows.
        uncertainty: uint8 (x, y, z), 255 for the largest that the tree allows; ``None`` if it was not measured.
    """

    image: np.ndarray
    prediction: np.ndarray
    affine: np.ndarray
    truth: np.ndarray | None = None
    uncertainty: np.ndarray | None = None

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance in mm of voxel centres along x, y, z."""
        return tuple(float(mm) for mm in voxel_sizes(self.affine))


def structure_box(masks: Sequence[np.ndarray], affine: np.ndarray, taxonomy: Taxonomy) -> Box:
    """The part of a volume around all structures of (x, y, z) node maps; all of it if there are none."""
    held = np.zeros(masks[0].shape, bool)
    for nodes in masks:
        held |= (nodes != taxonomy.background) & (nodes != taxonomy.root)
    if not held.any():
        held[:] = True
    box = []
    for axis, mm in enumerate(voxel_sizes(affine)):
        places = np.flatnonzero(held.any(axis=tuple(a for a in range(3) if a != axis)))
        margin = max(1, round(_MARGIN_MM / float(mm)))
        box.append(slice(max(0, int(places[0]) - margin), int(places[-1]) + 1 + margin))
    return box[0], box[1], box[2]


def keep_case(
    image: np.ndarray,
    prediction: np.ndarray,
    affine: np.ndarray,
    taxonomy: Taxonomy,
    *,
    box: Box,
    truth: np.ndarray | None = None,
    probabilities: np.ndarray | None = None,
) -> StoredCase:
    """Cut out, thin out and turn what a page shows of a case.

    Args:
        image: (x, y, z) intensities.
        prediction: (x, y, z) node indices.
        affine: (4, 4) voxel → RAS mm of these arrays.
        taxonomy: the label tree.
        box: the part that is kept, see :func:`structure_box`.
        truth: (x, y, z) node indices.
        probabilities: float32 (L, *box) p(leaf) in the box.
    """
    size = [len(range(*part.indices(n))) for part, n in zip(box, image.shape, strict=True)]
    step = [2 if np.prod(size) > _MOST_VOXELS and n > 64 else 1 for n in size]
    thin = tuple(slice(None, None, one) for one in step)
    placed = np.array(affine, dtype=float) @ nib.affines.from_matvec(np.diag(step), [part.start for part in box])
    turn = turn_to(placed, "RAS")

    def kept(volume: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(nib.orientations.apply_orientation(volume[thin], turn))

    shape = tuple(len(range(0, n, one)) for n, one in zip(size, step, strict=True))
    return StoredCase(
        image=kept(shades(image)[box]),
        prediction=kept(prediction[box]),
        affine=placed @ nib.orientations.inv_ornt_aff(turn, shape),
        truth=None if truth is None else kept(truth[box]),
        uncertainty=None if probabilities is None else kept(_uncertainty(probabilities, taxonomy)),
    )


def probabilities_in(found: Prediction, box: Box) -> np.ndarray:
    """float32 (L, *box) p(leaf) in a part of the image; what the network never saw is background."""
    x, y, z = box
    p = np.array(np.asarray(found.scores)[:, x, y, z], dtype=np.float32)
    total = p.sum(axis=0)
    p[found.taxonomy.background][total <= 0] = 1.0
    return p / np.where(total <= 0, 1.0, total)


def write_case(case: StoredCase, path: str | Path) -> None:
    """Write a case as ``.npz``, which appears whole or not at all."""
    arrays = {name: value for name, value in vars(case).items() if value is not None}
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_case(path: str | Path) -> StoredCase:
    """Read what :func:`write_case` wrote.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return StoredCase(**{name: arrays[name] for name in arrays.files})
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read ({error}); evaluate or predict again") from error


def _uncertainty(probabilities: np.ndarray, taxonomy: Taxonomy) -> np.ndarray:
    with np.errstate(divide="ignore"):
        nats = uncertainty_map(torch.from_numpy(np.log(probabilities)), taxonomy).numpy()
    most = np.log(max(2, *(len(taxonomy.leaves(v)) for v in taxonomy.children(taxonomy.root))))
    return np.rint(255 * np.clip(nats / most, 0, 1)).astype(np.uint8)
