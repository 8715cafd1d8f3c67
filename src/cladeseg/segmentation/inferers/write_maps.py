"""Write probabilities and uncertainty as NIfTI volumes on the image's own grid."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cladeseg.segmentation.data import ImageFiles, volume_files
from cladeseg.segmentation.inferers.prediction import Prediction
from cladeseg.volumes import write_map

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
    comment = json.dumps({"leaves": leaves})
    write_map(voxels, volume_files(image)[0], path, intent="p(leaf)", description=text, comment=comment)


def write_uncertainty(prediction: Prediction, image: ImageFiles, path: Path) -> None:
    """Write the entropy of the leaf given the superclass, in nats, as float32 (x, y, z).

    Raises:
        DataError: as for :func:`write_probabilities`.
    """
    text = "entropy of the leaf given the superclass, in nats"
    voxels = prediction.uncertainty.numpy()
    write_map(voxels, volume_files(image)[0], path, intent="entropy", description=text)
