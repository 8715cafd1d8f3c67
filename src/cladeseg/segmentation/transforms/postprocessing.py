"""From the network's log-probabilities back to a mask on the image's own grid."""

from __future__ import annotations

from pathlib import Path

from monai.transforms import Compose, Invertd

from cladeseg.segmentation.transforms.save_label import SaveLabeld
from cladeseg.segmentation.transforms.to_label import LeavesToLabeld, ProbabilitiesFromLogsd
from cladeseg.taxonomy import Taxonomy


def postprocessing(
    *,
    preprocessing: Compose,
    taxonomy: Taxonomy,
    label_convention: str,
    output_dir: str | Path,
    folder: str = "predictions",
) -> Compose:
    """Undo the geometry of ``preprocessing`` on p(leaf), take the most probable leaf, write it.

    Probabilities, not labels, are resampled: interpolating integers would invent structures.

    Args:
        preprocessing: the chain that the image went through.
        taxonomy: the label tree.
        label_convention: file convention of the mask.
        output_dir: folder of the run.
        folder: sub-folder for the masks.
    """
    return Compose(
        [
            ProbabilitiesFromLogsd("pred"),
            Invertd("pred", transform=preprocessing, orig_keys="image", nearest_interp=False, to_tensor=True),
            LeavesToLabeld(taxonomy, label_convention, keys="pred"),
            SaveLabeld("pred", image_key="image", output_dir=output_dir, folder=folder),
        ]
    )
