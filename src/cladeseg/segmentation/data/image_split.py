"""The images of a folder without their labels, split as a datalist of the same seed splits them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cladeseg.cohort.split import PARTS
from cladeseg.segmentation.data.datalist import divide, sharing_an_image
from cladeseg.segmentation.data.datalist_settings import DatalistSettings
from cladeseg.segmentation.data.images import find_images
from cladeseg.segmentation.data.integrity import channels_of, inspect_images, raise_if_fatal
from cladeseg.segmentation.data.label_conventions import AUTO
from cladeseg.segmentation.data.layouts import scan
from cladeseg.segmentation.data.supervision import without_hidden_labels
from cladeseg.segmentation.data.volume_files import absolute_paths
from cladeseg.taxonomy import UNLABELLED

logger = logging.getLogger(__name__)


def split_images(
    dataset_dir: str | Path,
    *,
    layout: str = AUTO,
    channels: Sequence[str] = (),
    incomplete: bool = False,
    seed: int = 0,
    validation_fraction: float = 0.1,
    test_fraction: float = 0.2,
) -> dict[str, list[dict[str, Any]]]:
    """List the images of a folder by part of the split; no label file is opened, or need be there.

    A patient is on the side that :func:`~cladeseg.segmentation.data.build_datalist` puts it on with the same seed,
    fractions and files, so that what is learnt from the images never saw a test patient.

    Args:
        dataset_dir: the folder.
        layout: its layout; ``"auto"`` recognises it.
        channels: names of the modalities, in order; all that the layout finds if empty.
        incomplete: take any folder of images in which cases may lack some of ``channels``, each case a patient.
        seed: of the split.
        validation_fraction: share of the patients for validation.
        test_fraction: share of the patients for test.

    Returns:
        Part → cases ``{"case", "patient", "image", "sha1", "supervision": "unlabelled"}`` with absolute paths.

    Raises:
        DataError: the folder is in no layout, or an image cannot be used; the message names the file.
    """
    listed = _incomplete(dataset_dir, channels) if incomplete else _complete(dataset_dir, layout, channels)
    number = len(channels) or channels_of(listed, dataset_dir)
    inspections = inspect_images(listed, channels=number, modalities=channels)
    raise_if_fatal(inspections)
    listed = [{**case, "sha1": found.sha1} for case, found in zip(listed, inspections, strict=True)]
    chosen = DatalistSettings(
        label_convention=AUTO, seed=seed, validation_fraction=validation_fraction, test_fraction=test_fraction
    )
    parts = divide(listed, chosen, sharing_an_image(listed))
    cases = [{key: value for key, value in case.items() if key not in ("part", "group")} for case in listed]
    return {part: [case for case in cases if case["patient"] in parts[part]] for part in PARTS}


def _complete(dataset_dir: str | Path, layout: str, channels: Sequence[str]) -> list[dict[str, Any]]:
    found = [{**case, "supervision": UNLABELLED} for case in scan(dataset_dir, layout, channels=channels)]
    return [absolute_paths(without_hidden_labels(case), dataset_dir) for case in found]


def _incomplete(dataset_dir: str | Path, channels: Sequence[str]) -> list[dict[str, Any]]:
    found = find_images(dataset_dir, modalities=channels)
    more = {"group": "unknown", "supervision": UNLABELLED}
    return [{**case, "patient": case["case"], **more} for case in found]
