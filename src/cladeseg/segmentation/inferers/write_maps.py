"""Write probabilities and uncertainty as NIfTI volumes on the image's own grid."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.nifti1 import Nifti1Extension

from cladeseg.files import DataError, atomic_write
from cladeseg.segmentation.data import ImageFiles, volume_files
from cladeseg.segmentation.inferers.prediction import Prediction
from cladeseg.segmentation.transforms.geometry import volume_like

#: Bytes that a NIfTI header has for its description.
_DESCRIPTION_BYTES = 79


def write_probabilities(prediction: Prediction, image: ImageFiles, path: Path) -> None:
    """Write p(leaf) as float32 (x, y, z, L).

    The header's description names the leaves in the order of the fourth axis, as far as they fit; a comment extension
    holds all of them as JSON, ``{"leaves": [...]}``.  Probabilities of inner nodes are sums over their leaves.

    Raises:
        DataError: the image has another shape, or the file cannot be written.
    """
    leaves = list(prediction.taxonomy.leaf_names)
    voxels = np.moveaxis(prediction.probabilities.numpy(), 0, -1)
    named = ",".join(leaves)
    fits = len(named.encode()) <= _DESCRIPTION_BYTES
    text = named if fits else f"p of {len(leaves)} leaves, named in the header's comment extension"
    comment = json.dumps({"leaves": leaves}).encode()
    _write(voxels, image, path, intent="p(leaf)", description=text, extension=Nifti1Extension("comment", comment))


def write_uncertainty(prediction: Prediction, image: ImageFiles, path: Path) -> None:
    """Write the entropy of the leaf given the superclass, in nats, as float32 (x, y, z).

    Raises:
        DataError: as for :func:`write_probabilities`.
    """
    text = "entropy of the leaf given the superclass, in nats"
    _write(prediction.uncertainty.numpy(), image, path, intent="entropy", description=text)


def _write(
    voxels: np.ndarray,
    image: ImageFiles,
    path: Path,
    *,
    intent: str,
    description: str,
    extension: Nifti1Extension | None = None,
) -> None:
    source = volume_files(image)[0]
    grid = nib.load(source)
    if voxels.shape[:3] != grid.shape[:3]:
        raise DataError(f"{source}: the prediction's shape {voxels.shape[:3]} is not the image's {grid.shape[:3]}")
    volume = volume_like(voxels, grid)
    volume.header.set_intent("estimate", name=intent)
    volume.header["descrip"] = description.encode()
    if extension is not None:
        volume.header.extensions.append(extension)
    with atomic_write(path) as temporary:
        nib.save(volume, temporary)
