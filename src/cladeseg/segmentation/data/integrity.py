"""The integrity check: read every image and label once, before anything is trained on them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from cladeseg.files import DataError
from cladeseg.segmentation.data.finding import Finding, Inspection, Severity
from cladeseg.segmentation.data.image_volume import ImageVolume, examine_volume, joint_hash, voxel_hash
from cladeseg.segmentation.data.rules.partial_channel import partial_channels
from cladeseg.segmentation.data.rules.unlabelled_slices import unlabelled_ends, unlabelled_message
from cladeseg.segmentation.data.volume_files import channel_files, volume_files
from cladeseg.taxonomy import UNLABELLED, LabelValueError, Taxonomy
from cladeseg.taxonomy.label_values import count_values
from cladeseg.volumes import corner_distance, form_difference, read_grid, read_volume

#: Corner displacement in mm between image and label: above the first it is reported, above the second it is fatal.
NEGLIGIBLE_SHIFT_MM, FATAL_SHIFT_MM = 1e-3, 1.0
_SHOWN = 20
_MAX_WORKERS = 4


def inspect_cases(
    cases: Sequence[Mapping[str, Any]],
    dataset_dir: str | Path,
    taxonomy: Taxonomy,
    label_convention: str,
    *,
    channels: int | None = None,
    images: Sequence[Inspection] | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> list[Inspection]:
    """Inspect many cases with a pool of threads; see :func:`inspect_case`.

    Args:
        cases: what to inspect.
        dataset_dir: folder that the cases' paths are relative to.
        taxonomy: the tree that label values belong to.
        label_convention: which file convention wrote the labels.
        channels: of every image; what most of the cases have, see :func:`channels_of`, if ``None``.
        images: earlier inspections of the same cases' images: only labels are read then.
        workers: threads; as many as fit the machine by default.
        progress: show a progress bar.

    Returns:
        One inspection per case, in the same order.
    """
    taxonomy.values(label_convention)  # an unknown label convention is one error, not one per file
    known = images if images is not None else [None] * len(cases)
    number = channels if channels is not None or images is not None else channels_of(cases, dataset_dir)

    def inspect(case: Mapping[str, Any], image: Inspection | None) -> Inspection:
        return inspect_case(case, dataset_dir, taxonomy, label_convention, channels=number, image=image)

    with ThreadPoolExecutor(workers or default_workers()) as pool:
        results = pool.map(inspect, cases, known)
        what = "reading images" if images is None else "reading labels"
        return list(tqdm(results, total=len(cases), desc=what, unit="case", disable=not progress))


def inspect_images(
    cases: Sequence[Mapping[str, Any]],
    *,
    channels: int | None = None,
    modalities: Sequence[str] = (),
    workers: int | None = None,
) -> list[Inspection]:
    """Inspect the images alone, as before a prediction; see :func:`inspect_case`.

    Args:
        cases: ``{"case", "image"}``; where ``modalities`` are given, a case's own ``modalities`` are those that will be
            used, and nobody minds what lies in the others' channels.
        channels: of every image; the number of ``modalities``, or else of files that the image names, if ``None``.
        modalities: names of the channels.
        workers: threads that read files.
    """
    number = channels or len(modalities) or None

    def inspect(case: Mapping[str, Any]) -> Inspection:
        used = case.get("modalities", modalities)
        unused = {i for i, name in enumerate(modalities) if name not in used}
        return _inspect_image(case["case"], channel_files(case["image"]), number, unused)

    with ThreadPoolExecutor(workers or default_workers()) as pool:
        return list(pool.map(inspect, cases))


def default_workers() -> int:
    """Threads that read files where nobody says how many: one for each core, and few, as each holds a volume."""
    return min(_MAX_WORKERS, os.cpu_count() or 1)


def channels_of(cases: Sequence[Mapping[str, Any]], dataset_dir: str | Path) -> int:
    """Number of channels that most of the cases have, judged by file lists and headers.

    A list of C files has C channels, one 3D file has 1, and one 4D file as many as volumes.  Files that cannot be read
    have no say: the check names them.
    """
    votes = Counter(n for n in map(partial(_declared_channels, root=Path(dataset_dir)), cases) if n)
    return max(votes, key=votes.__getitem__, default=1)


def inspect_case(
    case: Mapping[str, Any],
    dataset_dir: str | Path,
    taxonomy: Taxonomy,
    label_convention: str,
    *,
    channels: int | None = None,
    image: Inspection | None = None,
) -> Inspection:
    """Read one case's image and, unless it is ``unlabelled``, its label, and report what is wrong with them.

    A case that does not say its supervision yet is checked with its label if it has one.  The files of an image must
    share one grid, that of the first.

    Args:
        case: ``{"case", "image", "label", "supervision"}``.
        dataset_dir: folder that the case's paths are relative to.
        taxonomy: the tree that label values belong to.
        label_convention: which file convention wrote the label.
        channels: of the image, as one 3D file for 1, as that many files or one 4D file with channels last for more; the
            number of files that the image names if ``None``.
        image: an earlier inspection of the image; it is not read again then.
    """
    files = [path and Path(dataset_dir, path) for path in channel_files(case["image"])]
    inspection = image or _inspect_image(case["case"], files, channels)
    supervision = case.get("supervision")
    if supervision == UNLABELLED or (supervision is None and "label" not in case):
        return inspection
    expected = case.get("label") or case.get("missing_label") or f"{volume_files(case['image'])[0]} (label)"
    path = Path(dataset_dir, expected)
    if "label" not in case or not path.is_file():
        declared = f"'{case['case']}' is declared '{supervision or 'labelled'}'"
        message = f"missing, but {declared}; set allow_missing_labels to treat such cases as unlabelled"
        return _add(inspection, "fatal", path, message)
    return _inspect_label(inspection, path, taxonomy, label_convention)


def raise_if_fatal(inspections: Iterable[Inspection]) -> None:
    """Stop if any inspection has a fatal finding.

    Raises:
        DataError: one line for each fatal finding, file first, up to 20 and then a count.
    """
    fatal = [str(finding) for inspection in inspections for finding in inspection.found("fatal")]
    if len(fatal) > _SHOWN:
        fatal[_SHOWN:] = [f"… and {len(fatal) - _SHOWN} more"]
    if fatal:
        raise DataError("\n".join(fatal))


def _add(inspection: Inspection, severity: Severity, path: Path, message: str) -> Inspection:
    return replace(inspection, findings=(*inspection.findings, Finding(severity, str(path), message)))


# ---- images ----------------------------------------------------------------------------------------------------------


def _declared_channels(case: Mapping[str, Any], root: Path) -> int:
    """Channels by the number of files, or by the header of a single one; 0 if that cannot be read."""
    files = channel_files(case["image"])
    if len(files) != 1 or files[0] is None:
        return len(files)
    try:
        return read_grid(root / files[0]).channels
    except DataError:  # the check reads the file again and says what is wrong
        return 0


def _inspect_image(
    case: str, files: Sequence[Path | None], channels: int | None, unused: Collection[int] = ()
) -> Inspection:
    wanted = channels or len(files)
    if len(files) not in (1, wanted):
        message = f"'{case}' has {len(files)} channels, one file each, where {wanted} are needed"
        return _add(Inspection(case), "fatal", volume_files(files)[0], message)
    numbers = [range(wanted)] if len(files) == 1 else [range(i, i + 1) for i in range(wanted)]
    volumes = [
        None if file is None else examine_volume(file, holds, of=wanted, unused=unused)
        for file, holds in zip(files, numbers, strict=True)
    ]
    inspection = _odd_channels(_placed(case, [volume for volume in volumes if volume]), volumes)
    # A missing channel counts, so that the same files as other channels are another image.
    hashes = [one for volume in volumes for one in (volume.hashes if volume else ("",))]
    return replace(inspection, sha1=joint_hash(hashes) if len(hashes) == wanted else "")


def _placed(case: str, volumes: Sequence[ImageVolume]) -> Inspection:
    """The faults of every file, and the grid of the first sound one, which all must share."""
    first = next((volume for volume in volumes if volume.hashes), volumes[0])
    inspection = Inspection(case)
    if first.shape:
        affine = tuple(tuple(row) for row in first.affine.tolist())
        spacing = tuple(np.linalg.norm(first.affine[:3, :3], axis=0).tolist())
        inspection = Inspection(case, shape=first.shape, affine=affine, spacing=spacing)
    for volume in volumes:
        for message in volume.faults:
            inspection = _add(inspection, "fatal", volume.path, message)
        if volume.forms:
            inspection = _add(inspection, "fixable", volume.path, volume.forms)
        for message in volume.oddities:
            inspection = _add(inspection, "info", volume.path, message)
        if volume is not first and volume.hashes:
            for severity, message in _geometry_findings(inspection, volume.shape, volume.affine, first.path.name):
                inspection = _add(inspection, severity, volume.path, message)
    return inspection


def _odd_channels(inspection: Inspection, volumes: Sequence[ImageVolume | None]) -> Inspection:
    """Add which channels show less than the others."""
    channels = [(volume, count) for volume in volumes if volume for count in volume.covered]
    for i, message in partial_channels([count for _, count in channels]):
        volume = channels[i][0]
        several = len(volume.covered) > 1
        inspection = _add(inspection, "info", volume.path, f"channel {i}: {message}" if several else message)
    return inspection


# ---- labels ----------------------------------------------------------------------------------------------------------


def _inspect_label(inspection: Inspection, path: Path, taxonomy: Taxonomy, label_convention: str) -> Inspection:
    try:
        volume = read_volume(path)
        voxels, affine = volume.voxels, volume.grid.affine
        nodes = taxonomy.to_nodes(voxels, label_convention, source=str(path))
    except (DataError, LabelValueError) as error:
        return _add(inspection, "fatal", path, str(error).removeprefix(f"{path}: "))
    forms = form_difference(volume.grid)
    if forms:
        inspection = _add(inspection, "fixable", path, forms)
    for severity, message in _geometry_findings(inspection, voxels.shape, affine, "the image"):
        inspection = _add(inspection, severity, path, message)
    whole = np.rint(voxels) + 0 if voxels.dtype.kind == "f" else voxels  # + 0: no negative zeros
    uneven = int(np.count_nonzero(voxels != whole)) if whole is not voxels else 0
    if uneven:
        inspection = _add(inspection, "fixable", path, f"{uneven} voxels are rounded to the nearest integer")
    foreground = nodes != taxonomy.background
    if not foreground.any():
        inspection = _add(inspection, "info", path, "every voxel is background")
    first, last = unlabelled_ends(foreground, inspection.spacing) if foreground.shape == inspection.shape else (0, 0)
    if first or last:
        slices = foreground.shape[int(np.argmax(inspection.spacing))]
        inspection = _add(inspection, "info", path, unlabelled_message(first, last, slices))
    voxels_of = {taxonomy.names[v]: n for v, n in count_values(nodes).items()}
    changed = int(np.count_nonzero(taxonomy.from_nodes(nodes, label_convention) != voxels))
    return replace(
        inspection,
        label_voxels=voxels_of,
        label_sha1=voxel_hash(whole),
        changed=changed,
        bare_slices=first + last,
    )


def _geometry_findings(
    image: Inspection, shape: tuple[int, ...], affine: np.ndarray, owner: str
) -> Iterable[tuple[Severity, str]]:
    """What is wrong with the place of a file whose grid should be that of ``owner``, the inspected image."""
    if len(image.shape) != 3:
        return
    if shape != image.shape:
        yield "fatal", f"its shape {shape} is not {owner}'s {image.shape}"
        return
    shift = corner_distance(np.array(image.affine), affine, shape)
    if not shift <= FATAL_SHIFT_MM:  # written so that NaN is fatal too
        yield "fatal", f"lies {shift:.2f} mm away from {owner} (largest corner displacement)"
    elif shift > NEGLIGIBLE_SHIFT_MM:
        yield "fixable", f"lies {shift:.3f} mm away from {owner}, whose affine is used"
