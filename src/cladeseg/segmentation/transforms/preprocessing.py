"""From files to what the network sees: one chain for training, validation and inference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from monai.transforms import (
    CastToTyped,
    ClipIntensityPercentilesd,
    Compose,
    CropForegroundd,
    MapTransform,
    NormalizeIntensityd,
)

from cladeseg.segmentation.transforms.check_image import CheckImaged, CheckNormalised
from cladeseg.segmentation.transforms.load_modalities import LoadModalitiesd
from cladeseg.segmentation.transforms.load_nodes import LoadNodesd
from cladeseg.segmentation.transforms.orient_axes import OrientAxesd
from cladeseg.segmentation.transforms.spacing import Spacingd
from cladeseg.taxonomy import Taxonomy
from cladeseg.volumes import DEFAULT_ORDER


def preprocessing(
    *,
    spacing: Sequence[float],
    axis_order: str = DEFAULT_ORDER,
    intensity: str = "percentiles",
    modalities: Sequence[str] = (),
    use: str | Sequence[str] | None = None,
    taxonomy: Taxonomy | None = None,
    label_convention: str = "",
    allow_missing: bool | None = None,
) -> Compose:
    """Load, check, orient, resample and normalise the ``image`` of an item and, with a taxonomy, its ``nodes``.

    Training and inference call this with the same values, so that a network meets the images that it knows.  Every
    step keeps a record from which ``Invertd`` finds the way back to the image's own grid.

    Args:
        spacing: target voxel size in mm along the axes of ``axis_order``; an entry that is not positive keeps the
            image's.
        axis_order: order of the axes that every image is brought to, see :class:`OrientAxesd`.
        intensity: ``"percentiles"`` clips each channel at its 0.5th and 99.5th percentile and standardises it;
            ``"brain"`` crops to the voxels that are not 0 and standardises each channel over them, 0 staying 0.
        modalities: names of the channels; empty for single-channel images.
        use: the modalities that are looked at, see :func:`chosen_modalities`; the others become 0.
        taxonomy: label tree of ``nodes``; without one, no label is read.
        label_convention: file convention of the labels.
        allow_missing: whether a case may lack modalities; by default only where no label is read.

    Raises:
        ValueError: no such axis order, kind of intensity or modality.
    """
    if intensity not in INTENSITY:
        raise ValueError(f"intensity: '{intensity}' is unknown; known are {', '.join(INTENSITY)}")
    labelled, used = taxonomy is not None, chosen_modalities(use, modalities)
    keys = ["image", "nodes"] if labelled else ["image"]
    missing = not labelled if allow_missing is None else allow_missing
    chain: list[Callable[[Any], Any]] = [
        LoadModalitiesd("image", modalities=modalities, use=used, allow_missing=missing),
        CheckImaged("image", channels=len(modalities) or 1),
    ]
    if taxonomy is not None:
        chain.append(LoadNodesd(taxonomy, label_convention))
    chain += [
        OrientAxesd(keys, axis_order),
        Spacingd(keys, pixdim=tuple(spacing), mode=["bilinear", "nearest"][: len(keys)]),
        *INTENSITY[intensity](keys),
        CheckNormalised("image"),
    ]
    if labelled:
        chain.append(CastToTyped(keys, dtype=[torch.float32, torch.uint8]))
    return Compose(chain)


def chosen_modalities(use: str | Sequence[str] | None, modalities: Sequence[str]) -> tuple[str, ...] | None:
    """The modalities that somebody named, in the channels' order; ``None`` if nobody chose.

    Args:
        use: names, or one text with commas between them as a command line has it.
        modalities: names of all channels.

    Raises:
        ValueError: a name is no modality, or none is left.
    """
    if use is None:
        return None
    names = [name.strip() for name in (use.split(",") if isinstance(use, str) else use)]
    unknown = [name for name in names if name not in modalities]
    if unknown or not names:
        known = ", ".join(modalities) or "this bundle has a single one, without a name"
        raise ValueError(f"modalities: '{', '.join(unknown)}' is unknown; known are {known}")
    return tuple(name for name in modalities if name in names)


def _percentiles(keys: Sequence[str]) -> list[MapTransform]:
    return [
        ClipIntensityPercentilesd("image", lower=0.5, upper=99.5, channel_wise=True),
        NormalizeIntensityd("image", channel_wise=True),
    ]


def _brain(keys: Sequence[str]) -> list[MapTransform]:
    return [
        CropForegroundd(list(keys), source_key="image", allow_smaller=True),
        NormalizeIntensityd("image", nonzero=True, channel_wise=True),
    ]


#: Kinds of intensity normalisation, by name.
INTENSITY: dict[str, Callable[[Sequence[str]], list[MapTransform]]] = {"percentiles": _percentiles, "brain": _brain}
