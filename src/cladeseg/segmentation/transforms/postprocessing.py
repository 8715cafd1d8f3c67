"""From the network's log-probabilities back to a mask on the image's own grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monai.transforms import Compose, Invertd

from cladeseg.segmentation.transforms.keep_largest import KeepLargestRegiond, region_names
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
    keep_largest: str | Sequence[str] = (),
    output_format: str | None = None,
) -> Compose:
    """Undo the geometry of ``preprocessing`` on p(leaf), take the most probable leaf, write it.

    Probabilities, not labels, are resampled: interpolating integers would invent structures.

    Args:
        preprocessing: the chain that the image went through.
        taxonomy: the label tree.
        label_convention: file convention of the mask.
        output_dir: folder of the run.
        folder: sub-folder for the masks.
        keep_largest: superclasses of which only the largest component is kept, see :class:`KeepLargestRegiond`.
        output_format: of the mask, see :class:`SaveLabeld`; the image's own if ``None``.
    """
    label = LeavesToLabeld(taxonomy, label_convention, keys="pred")
    save = SaveLabeld("pred", output_dir=output_dir, folder=folder, output_format=output_format, names=label.names)
    return Compose(
        [
            ProbabilitiesFromLogsd("pred"),
            Invertd("pred", transform=preprocessing, orig_keys="image", nearest_interp=False, to_tensor=True),
            KeepLargestRegiond(taxonomy, region_names(keep_largest), keys="pred"),
            label,
            save,
        ]
    )
