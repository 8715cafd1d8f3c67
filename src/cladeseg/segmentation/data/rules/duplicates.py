"""Images that a data set holds twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    owners: dict[str, set[str]] = {}
    for case, inspection in zip(cases, inspections, strict=True):
        if inspection.sha1:
            owners.setdefault(inspection.sha1, set()).add(case["patient"])
    return sorted({" = ".join(sorted(patients)) for patients in owners.values() if len(patients) > 1})


def _message(case: Mapping[str, Any], earlier: Mapping[str, Any]) -> str:
    if case["patient"] == earlier["patient"]:
        return f"is the same scan as {earlier['case']} of the same patient"
    pair = f"{earlier['patient']} = {case['patient']}"
    return f"is the same scan as {earlier['case']} ({pair}); both patients stay on one side of the split"
