"""Everything that can be said about a folder before it is trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.files import DataError
from cladeseg.segmentation.data.acquisition import mixed_planes
from cladeseg.segmentation.data.check_work import CheckWork, examine_as_tasks, examine_in_threads
from cladeseg.segmentation.data.finding import Finding, Inspection
from cladeseg.segmentation.data.integrity import channels_of
from cladeseg.segmentation.data.label_conventions import resolve_label_convention
from cladeseg.segmentation.data.layouts import resolve_layout, scan
from cladeseg.segmentation.data.load_check import Load
from cladeseg.segmentation.data.rules.duplicates import duplicate_scans, same_patients
from cladeseg.segmentation.data.volume_files import volume_files
from cladeseg.segmentation.transforms import preprocessing
from cladeseg.tasks import IN_PROCESS, Machines
from cladeseg.taxonomy import Taxonomy

#: An axis that is not resampled.
_AS_STORED = (-1.0, -1.0, -1.0)


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

    @property
    def same_patients(self) -> list[str]:
        """Patients that share a scan, as ``"patient074 = patient076"``."""
        return same_patients(self.cases, self.inspections)


def check_dataset(
    dataset_dir: str | Path,
    taxonomy: Taxonomy,
    *,
    layout: str,
    label_convention: str,
    channels: Sequence[str] = (),
    loader: Callable[[str], Load] | None = None,
    labels_required: bool = True,
    workers: int | None = None,
    progress: bool = True,
    results: str | Path | None = None,
    machines: Machines = IN_PROCESS,
) -> DatasetCheck:
    """Read every image and label of a folder as a training does, grade what is wrong, and prove the label tree on it.

    Args:
        dataset_dir: the folder.
        taxonomy: the tree of its labels.
        layout: folder layout; ``"auto"`` recognises it.
        label_convention: file convention of the labels; ``"auto"`` finds it out.
        channels: names of the channels; all that the layout finds if empty.
        loader: gives the training's preprocessing for a label convention; the default one at the files' own voxel size
            if ``None``.
        labels_required: whether a training would refuse a case without a label.
        workers: threads, each of which holds one case; see
            :func:`~cladeseg.segmentation.data.integrity.default_workers`.
        progress: show a progress bar.
        results: folder for a result file of each case, with which a check goes on where it stopped; then cases are
            read one at a time, or on ``machines``.
        machines: where cases are read.

    Raises:
        DataError: the folder is not in this layout, or its label convention cannot be detected.
        TaxonomyError: the tree has no such label convention.
    """
    layout = resolve_layout(dataset_dir, layout)
    cases = scan(dataset_dir, layout, channels=channels)
    label_convention = resolve_label_convention(label_convention, cases, dataset_dir, taxonomy, layout)
    taxonomy.values(label_convention)  # an unknown label convention is one error, not one per file
    number = channels_of(cases, dataset_dir)
    load = loader(label_convention) if loader else _default_load(taxonomy, label_convention, number)

    work = CheckWork(Path(dataset_dir).absolute(), taxonomy, label_convention, number, load)
    if results is None and machines.in_process:
        inspections = examine_in_threads(work, cases, workers=workers, progress=progress)
    elif results is None:
        raise DataError("results: a check on several processes needs a folder for a result file of each case")
    else:
        inspections = examine_as_tasks(work, cases, Path(results), machines, progress=progress)
    labels = [(case, seen) for case, seen in zip(cases, inspections, strict=True) if seen.label_voxels]
    found = [finding for inspection in inspections for finding in inspection.findings]
    found += [_missing_label(case, dataset_dir, labels_required) for case in cases if "label" not in case]
    found += [_changed(Path(dataset_dir, case["label"]), seen.changed) for case, seen in labels if seen.changed]
    found += _across_cases(cases, inspections, dataset_dir)
    found.sort(key=lambda finding: ("fatal", "fixable", "info").index(finding.severity))
    unchanged = sum(not seen.changed for _, seen in labels)
    return DatasetCheck(cases, inspections, found, unchanged, len(labels), label_convention)


def _across_cases(
    cases: Sequence[Mapping[str, Any]], inspections: Sequence[Inspection], dataset_dir: str | Path
) -> list[Finding]:
    """What only shows once all cases are known: one line for each kind of rule."""
    affines = {
        str(Path(dataset_dir, volume_files(case["image"])[0])): np.array(seen.affine)
        for case, seen in zip(cases, inspections, strict=True)
        if seen.affine and not seen.found("fatal")
    }
    planes = mixed_planes(affines)
    return [*duplicate_scans(cases, inspections, dataset_dir), *([] if planes is None else [planes])]


def _default_load(taxonomy: Taxonomy, label_convention: str, channels: int) -> Load:
    names = tuple(f"channel_{i}" for i in range(channels)) if channels > 1 else ()
    return preprocessing(spacing=_AS_STORED, modalities=names, taxonomy=taxonomy, label_convention=label_convention)


def _changed(file: Path, count: int) -> Finding:
    # A value that is an integer always comes back: the file's integers and the tree's nodes are matched one to one.
    return Finding("fixable", str(file), f"{count} voxels hold no integer and would be written as one")


def _missing_label(case: Mapping[str, Any], dataset_dir: str | Path, required: bool) -> Finding:
    way_out = "a run needs split.allow_missing_labels=true, which trains on this case as an unlabelled one"
    path = str(Path(dataset_dir, case["missing_label"]))
    if required:
        return Finding("fatal", path, f"missing; {way_out}")
    return Finding("info", path, "missing; this case is trained on as an unlabelled one, if at all")
