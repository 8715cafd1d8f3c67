"""Cases as nnU-Net's raw data set: one file for each channel, labels that are consecutive leaves."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.files import DataError, write_json
from cladeseg.segmentation.data import ImageFiles, channel_files, volume_files
from cladeseg.segmentation.transforms.load_modalities import LoadModalitiesd
from cladeseg.taxonomy import Taxonomy
from cladeseg.volumes import output_path, read_volume, write_label, write_map

#: Of the data set in ``nnUNet_raw``; each run has folders of its own, so that one name does.
DATASET = "Dataset001_cladeseg"
ENDING = ".nii.gz"
#: Turns every image to RAS, as our own loaders turn theirs to one order of axes.
_READER = "NibabelIOWithReorient"


def write_training_cases(
    cases: Sequence[Mapping[str, Any]],
    folder: Path,
    taxonomy: Taxonomy,
    label_convention: str,
    *,
    channels: Sequence[str] = (),
) -> None:
    """Write finely labelled cases with ``dataset.json``, in place of what is there.

    A leaf's integer is its index, 0 … L-1.  A voxel whose label is no leaf, as where only the superclass is known, gets
    nnU-Net's ignore label L: its loss passes it over, so that nothing is learnt from the superclass either.  The ignore
    label is declared only where there is such a voxel.

    Args:
        cases: with ``case``, ``image`` and ``label``, absolute paths.
        folder: of the data set; gets ``imagesTr``, ``labelsTr`` and, last, ``dataset.json``.
        taxonomy: the label tree.
        label_convention: of the labels.
        channels: names of the images' channels; empty for a single one.

    Raises:
        DataError: there is no case, or one cannot be read or written.
        LabelValueError: a label holds a value that the convention does not define.
    """
    if not cases:
        raise DataError(f"{folder}: nnU-Net needs a finely labelled training case; give n of at least 1")
    shutil.rmtree(folder, ignore_errors=True)
    write_images(cases, folder / "imagesTr", channels=channels)
    some_ignored = False
    for case in cases:
        leaves = _leaves(Path(case["label"]), taxonomy, label_convention)
        write_label(leaves, _first(case), output_path(folder / "labelsTr", case["case"], ENDING))
        some_ignored |= bool((leaves == taxonomy.num_leaves).any())
    labels = {name: i for i, name in enumerate(taxonomy.leaf_names)}
    content = {
        "channel_names": {str(i): name for i, name in enumerate(channels or ["image"])},
        "labels": {**labels, **({"ignore": taxonomy.num_leaves} if some_ignored else {})},
        "numTraining": len(cases),
        "file_ending": ENDING,
        "overwrite_image_reader_writer": _READER,
    }
    write_json(content, folder / "dataset.json")


def write_images(cases: Sequence[Mapping[str, Any]], folder: Path, *, channels: Sequence[str] = ()) -> None:
    """Write images as ``CASE_0000.nii.gz`` and so on, in place of what is there.

    Args:
        cases: with ``case`` and ``image``, absolute paths; a missing channel becomes 0, as for our own networks.
        folder: for the files.
        channels: names of the channels; empty for a single one.

    Raises:
        DataError: an image cannot be read or written, or has other channels.
    """
    shutil.rmtree(folder, ignore_errors=True)
    load = LoadModalitiesd("image", modalities=channels or ["image"], allow_missing=True)
    for case in cases:
        image = load({"image": _paths(case["image"])})["image"].numpy()
        for i, voxels in enumerate(image):
            file = output_path(folder, f"{case['case']}_{i:04d}", ENDING)
            write_map(voxels, _first(case), file, intent="image", description="one channel of an image")


def _leaves(label: Path, taxonomy: Taxonomy, label_convention: str) -> np.ndarray:
    nodes = taxonomy.to_nodes(read_volume(label).voxels, label_convention, source=str(label))
    return np.minimum(nodes, taxonomy.num_leaves)  # leaves come first, so that all other nodes are beyond


def _first(case: Mapping[str, Any]) -> Path:
    return volume_files(case["image"])[0]


def _paths(image: ImageFiles) -> str | list[str | None]:
    if isinstance(image, str | Path):
        return str(image)
    return [None if file is None else str(file) for file in channel_files(image)]
