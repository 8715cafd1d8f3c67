"""Images that a data set holds twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.segmentation.data.finding import Finding, Inspection
from cladeseg.segmentation.data.volume_files import volume_files


def duplicate_scans(
    cases: Sequence[Mapping[str, Any]], inspections: Sequence[Inspection], dataset_dir: str | Path
) -> list[Finding]:
    """A finding for every case whose image is, voxel by voxel, that of an earlier case.

    Args:
        cases: of the data set.
        inspections: one for each of them.
        dataset_dir: folder that their paths are relative to.
    """
    first: dict[str, Mapping[str, Any]] = {}
    found = []
    for case, inspection in zip(cases, inspections, strict=True):
        if not inspection.sha1:  # it could not be read, which another finding says
            continue
        earlier = first.setdefault(inspection.sha1, case)
        if earlier is not case:
            file = str(Path(dataset_dir, volume_files(case["image"])[0]))
            found.append(Finding("info", file, _message(case, earlier)))
    return found


def same_patients(cases: Sequence[Mapping[str, Any]], inspections: Sequence[Inspection]) -> list[str]:
    """Patients that share a scan, as ``"patient074 = patient076"``."""
    scans = ((inspection.sha1, case["patient"]) for case, inspection in zip(cases, inspections, strict=True))
    return sorted({" = ".join(sorted(patients)) for patients in sharing_patients(scans)})


def sharing_patients(scans: Iterable[tuple[str, str]]) -> list[set[str]]:
    """Patients of each scan that several of them have.

    Args:
        scans: hash of an image, empty if it could not be read, and the patient.

    Example:
        >>> [sorted(patients) for patients in sharing_patients([("a", "p1"), ("a", "p2"), ("b", "p2"), ("", "p3")])]
        [['p1', 'p2']]
    """
    owners: dict[str, set[str]] = {}
    for sha1, patient in scans:
        if sha1:  # an image that could not be read has none, and is refused elsewhere
            owners.setdefault(sha1, set()).add(patient)
    return [patients for patients in owners.values() if len(patients) > 1]


def _message(case: Mapping[str, Any], earlier: Mapping[str, Any]) -> str:
    if case["patient"] == earlier["patient"]:
        return f"is the same scan as {earlier['case']} of the same patient"
    pair = f"{earlier['patient']} = {case['patient']}"
    return f"is the same scan as {earlier['case']} ({pair}); both patients stay on one side of the split"
