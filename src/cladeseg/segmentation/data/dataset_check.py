"""Everything that can be said about a folder before it is trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.segmentation.data.integrity import Finding, Inspection, inspect_cases
from cladeseg.segmentation.data.label_conventions import resolve_label_convention
from cladeseg.segmentation.data.layouts import resolve_layout, scan
from cladeseg.segmentation.volumes import read_volume
from cladeseg.taxonomy import Taxonomy


@dataclass(frozen=True)
class DatasetCheck:
    """What :func:`check_dataset` found.

    Attributes:
        cases: as the layout lists them.
        inspections: one for each case, in the same order.
        findings: of all files, fatal ones first.
        unchanged: number of label files whose integers survive the way to nodes and back.
        labels: number of label files that could be read.
        label_convention: file convention that the labels were read in.
    """

    cases: Sequence[Mapping[str, Any]]
    inspections: Sequence[Inspection]
    findings: Sequence[Finding]
    unchanged: int
    labels: int
    label_convention: str = ""

    @property
    def fatal(self) -> bool:
        """Whether a training on these files would be refused."""
        return any(finding.severity == "fatal" for finding in self.findings)


def check_dataset(
    dataset_dir: str | Path,
    taxonomy: Taxonomy,
    *,
    layout: str,
    label_convention: str,
    channels: Sequence[str] = (),
    progress: bool = True,
) -> DatasetCheck:
    """Read every image and label of a folder, grade what is wrong, and prove that the tree can write what it reads.

    Args:
        dataset_dir: the folder.
        taxonomy: the tree of its labels.
        layout: folder layout; ``"auto"`` recognises it.
        label_convention: file convention of the labels; ``"auto"`` finds it out.
        channels: names of the channels; all that the layout finds if empty.
        progress: show a progress bar.

    Raises:
        DataError: the folder is not in this layout, or its label convention cannot be detected.
        TaxonomyError: the tree has no such label convention.
    """
    layout = resolve_layout(dataset_dir, layout)
    cases = scan(dataset_dir, layout, channels=channels)
    label_convention = resolve_label_convention(label_convention, cases, dataset_dir, taxonomy, layout)
    inspections = inspect_cases(cases, dataset_dir, taxonomy, label_convention, progress=progress)
    labels = [Path(dataset_dir, case["label"]) for case, i in zip(cases, inspections, strict=True) if i.label_voxels]
    with ThreadPoolExecutor() as pool:
        changed = list(pool.map(lambda file: _changed_voxels(file, taxonomy, label_convention), labels))
    found = [finding for inspection in inspections for finding in inspection.findings]
    found += [_missing_label(case, dataset_dir) for case in cases if "label" not in case]
    found += [_changed(file, count) for file, count in zip(labels, changed, strict=True) if count]
    found.sort(key=lambda finding: ("fatal", "fixable", "info").index(finding.severity))
    return DatasetCheck(cases, inspections, found, changed.count(0), len(labels), label_convention)


def _changed_voxels(file: Path, taxonomy: Taxonomy, label_convention: str) -> int:
    """Voxels of a label file that differ once it was translated into nodes and back."""
    stored = read_volume(file).voxels
    return int(
        np.count_nonzero(taxonomy.from_nodes(taxonomy.to_nodes(stored, label_convention), label_convention) != stored)
    )


def _changed(file: Path, count: int) -> Finding:
    # A value that is an integer always comes back: the file's integers and the tree's nodes are matched one to one.
    return Finding("fixable", str(file), f"{count} voxels hold no integer and would be written as one")


def _missing_label(case: Mapping[str, Any], dataset_dir: str | Path) -> Finding:
    message = "missing; a run needs split.allow_missing_labels=true, which trains on this case as an unlabelled one"
    return Finding("fixable", str(Path(dataset_dir, case["missing_label"])), message)
