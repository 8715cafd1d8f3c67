"""The integrity check: read every image and label once, before anything is trained on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from tqdm import tqdm

from cladeseg.errors import DataError
from cladeseg.taxonomy import NONE, LabelValueError, Taxonomy

Severity = Literal["fatal", "fixable", "info"]

#: Corner displacement in mm between image and label: above the first it is reported, above the second it is fatal.
NEGLIGIBLE_SHIFT_MM, FATAL_SHIFT_MM = 1e-3, 1.0
_SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd about one file.

    Attributes:
        severity: ``fatal`` stops a run, ``fixable`` is corrected at load, ``info`` is only worth knowing.
        path: the file.
        message: what is the matter, without the path.
    """

    severity: Severity
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True)
class Inspection:
    """What the check learnt about one case.

    Attributes:
        case: its name.
        shape: voxels along each axis of the image; empty if it could not be read.
        affine: 4 x 4, voxel indices to mm, as nested tuples.
        spacing: mm between voxel centres along each axis, from the affine.
        sha1: hash of the image's shape and voxels, equal for equal images whatever their file type or compression.
        findings: everything worth reporting.
        label_voxels: node name → number of voxels; empty if no label was opened.
    """

    case: str
    shape: tuple[int, ...] = ()
    affine: tuple[tuple[float, ...], ...] = ()
    spacing: tuple[float, ...] = ()
    sha1: str = ""
    findings: tuple[Finding, ...] = ()
    label_voxels: Mapping[str, int] = field(default_factory=dict)

    def found(self, severity: Severity) -> list[Finding]:
        """The findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]


def inspect_cases(
    cases: Sequence[Mapping[str, Any]],
    dataset_dir: str | Path,
    taxonomy: Taxonomy,
    dialect: str,
    *,
    images: Sequence[Inspection] | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> list[Inspection]:
    """Inspect many cases with a pool of threads; see :func:`inspect_case`.

    Args:
        cases: what to inspect.
        dataset_dir: folder that the cases' paths are relative to.
        taxonomy: the tree that label values belong to.
        dialect: which file convention wrote the labels.
        images: earlier inspections of the same cases' images: only labels are read then.
        workers: threads; as many as fit the machine by default.
        progress: show a progress bar.

    Returns:
        One inspection per case, in the same order.
    """
    taxonomy.values(dialect)  # an unknown dialect is one error, not one per file
    known = images if images is not None else [None] * len(cases)

    def inspect(case: Mapping[str, Any], image: Inspection | None) -> Inspection:
        return inspect_case(case, dataset_dir, taxonomy, dialect, image=image)

    with ThreadPoolExecutor(workers) as pool:
        results = pool.map(inspect, cases, known)
        what = "reading images" if images is None else "reading labels"
        return list(tqdm(results, total=len(cases), desc=what, unit="case", disable=not progress))


def inspect_images(cases: Sequence[Mapping[str, Any]], *, workers: int | None = None) -> list[Inspection]:
    """Inspect the images of ``{"case", "image"}`` alone, as before a prediction; see :func:`inspect_case`."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(_inspect_image, (c["case"] for c in cases), (Path(c["image"]) for c in cases)))


def inspect_case(
    case: Mapping[str, Any],
    dataset_dir: str | Path,
    taxonomy: Taxonomy,
    dialect: str,
    *,
    image: Inspection | None = None,
) -> Inspection:
    """Read one case's image and, unless its supervision is ``none``, its label, and report what is wrong with them.

    A case that does not say its supervision yet is checked with its label if it has one.

    Args:
        case: ``{"case", "image", "label", "supervision"}``.
        dataset_dir: folder that the case's paths are relative to.
        taxonomy: the tree that label values belong to.
        dialect: which file convention wrote the label.
        image: an earlier inspection of the image; it is not read again then.
    """
    inspection = image or _inspect_image(case["case"], Path(dataset_dir, case["image"]))
    supervision = case.get("supervision")
    if supervision == NONE or (supervision is None and "label" not in case):
        return inspection
    path = Path(dataset_dir, case.get("label") or case.get("missing_label") or f"{case['image']} (label)")
    if "label" not in case or not path.is_file():
        declared = f"'{case['case']}' is declared '{supervision or 'labelled'}'"
        message = f"missing, but {declared}; set allow_missing_labels to treat such cases as unlabelled"
        return _add(inspection, "fatal", path, message)
    return _inspect_label(inspection, path, taxonomy, dialect)


def require_sound(inspections: Iterable[Inspection]) -> None:
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


def _inspect_image(case: str, path: Path) -> Inspection:
    try:
        voxels, affine = _read(path)
    except DataError as error:
        return _add(Inspection(case), "fatal", path, str(error))
    inspection = Inspection(
        case,
        shape=voxels.shape,
        affine=tuple(tuple(row) for row in affine.tolist()),
        spacing=tuple(np.linalg.norm(affine[:3, :3], axis=0).tolist()),
        sha1=_sha1(voxels),
    )
    for message in (_voxel_fault(voxels), _affine_fault(affine)):
        inspection = _add(inspection, "fatal", path, message) if message else inspection
    return inspection


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxels and affine; whatever nibabel raises for a broken file becomes a :class:`DataError` with the cause."""
    if not path.is_file():
        raise DataError("no such file")
    try:
        volume = nib.load(path)
        voxels, affine = np.asanyarray(volume.dataobj), np.asarray(volume.affine, dtype=np.float64)
    except Exception as error:  # there is no common type: EOFError, zlib.error, ImageFileError, HeaderDataError, …
        cause = str(error).replace(str(path), path.name)
        raise DataError(f"cannot be read ({type(error).__name__}: {cause})") from error
    if voxels.dtype.kind not in "biuf":
        raise DataError(f"holds {voxels.dtype} where one number per voxel is needed")
    return voxels, affine


def _voxel_fault(voxels: np.ndarray) -> str:
    if voxels.ndim != 3:
        return f"is {voxels.ndim}D with shape {voxels.shape}, not one 3D volume"
    if voxels.size == 0:
        return f"has no voxels (shape {voxels.shape})"
    broken = voxels.size - np.count_nonzero(np.isfinite(voxels))
    if broken:
        return f"{broken} voxels are not finite"
    if voxels.min() == voxels.max():
        return f"every voxel is {voxels.flat[0]:g}"
    return ""


def _affine_fault(affine: np.ndarray) -> str:
    axes = affine[:3, :3]
    if not np.isfinite(affine).all():
        return "its affine is not finite"
    spacing = np.linalg.norm(axes, axis=0)
    if spacing.min() <= 0:
        return f"its spacing {spacing.tolist()} mm is not positive"
    if abs(np.linalg.det(axes / spacing)) < 1e-6:
        return "its affine is singular: voxel axes lie in one plane"
    return ""


def _sha1(voxels: np.ndarray) -> str:
    with np.errstate(over="ignore"):
        plain = voxels.astype("<f4")
    return hashlib.sha1(str(voxels.shape).encode() + plain.tobytes(), usedforsecurity=False).hexdigest()


# ---- labels ----------------------------------------------------------------------------------------------------------


def _inspect_label(inspection: Inspection, path: Path, taxonomy: Taxonomy, dialect: str) -> Inspection:
    try:
        voxels, affine = _read(path)
        nodes = taxonomy.to_nodes(voxels, dialect, source=str(path))
    except (DataError, LabelValueError) as error:
        return _add(inspection, "fatal", path, str(error).removeprefix(f"{path}: "))
    for severity, message in _geometry_findings(inspection, voxels.shape, affine):
        inspection = _add(inspection, severity, path, message)
    uneven = int(np.count_nonzero(voxels != np.rint(voxels))) if voxels.dtype.kind == "f" else 0
    if uneven:
        inspection = _add(inspection, "fixable", path, f"{uneven} voxels are rounded to the nearest integer")
    found, counts = np.unique(nodes, return_counts=True)
    if not (found != taxonomy.background).any():
        inspection = _add(inspection, "info", path, "every voxel is background")
    voxels_of = {taxonomy.names[int(v)]: int(n) for v, n in zip(found, counts, strict=True)}
    return replace(inspection, label_voxels=voxels_of)


def _geometry_findings(image: Inspection, shape: tuple[int, ...], affine: np.ndarray) -> Iterable[tuple[Severity, str]]:
    if len(image.shape) != 3:
        return
    if shape != image.shape:
        yield "fatal", f"its shape {shape} is not the image's {image.shape}"
        return
    shift = _corner_shift(np.array(image.affine), affine, shape)
    if not shift <= FATAL_SHIFT_MM:  # written so that NaN is fatal too
        yield "fatal", f"lies {shift:.2f} mm away from the image (largest corner displacement)"
    elif shift > NEGLIGIBLE_SHIFT_MM:
        yield "fixable", f"lies {shift:.3f} mm away from the image; the image's affine is used"


def _corner_shift(one: np.ndarray, other: np.ndarray, shape: Sequence[int]) -> float:
    """Largest distance in mm between a corner voxel's centre under two affines."""
    corners = np.array([(*corner, 1) for corner in product(*((0, n - 1) for n in shape))], dtype=np.float64)
    return float(np.linalg.norm((corners @ (one - other).T)[:, :3], axis=1).max())
