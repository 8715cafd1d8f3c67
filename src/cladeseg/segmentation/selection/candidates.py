"""Every case of a folder that could be proposed, each scan once, with its features."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from cladeseg.cohort.split import merge_overlapping
from cladeseg.files import DataError
from cladeseg.segmentation.data import absolute_paths, inspect_cases, raise_if_fatal
from cladeseg.segmentation.selection.features import Feature, case_features
from cladeseg.segmentation.selection.superclass_view import SuperclassLoader
from cladeseg.taxonomy import UNLABELLED

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CandidateFeatures:
    """What there is to choose from.

    Attributes:
        cases: with absolute paths, in the layout's order.
        group_of: patient → number of the group: a patient, or patients who share a scan; those left out are in it too.
        features: of each case, the same ones in the same order.
    """

    cases: Sequence[Mapping[str, Any]]
    group_of: Mapping[str, int]
    features: Sequence[Mapping[Feature, float]]

    @property
    def table(self) -> np.ndarray:
        """float64 (cases, features)."""
        return np.array([list(one.values()) for one in self.features], dtype=np.float64)

    @property
    def groups(self) -> list[int]:
        """The group of each case."""
        return [self.group_of[case["patient"]] for case in self.cases]

    def groups_of(self, patients: Collection[str]) -> set[int]:
        """The groups that hold any of the patients."""
        return {group for patient, group in self.group_of.items() if patient in patients}


def candidate_features(
    cases: Sequence[Mapping[str, Any]],
    dataset_dir: str | Path,
    load: SuperclassLoader,
    *,
    workers: int | None = None,
    progress: bool = False,
) -> CandidateFeatures:
    """Check the images, leave out what cannot be chosen, and describe the rest.

    A case without a label file, one whose superclass is empty and a scan that was seen before are left out; the log
    names them.  No label is opened but through ``load``.

    Args:
        cases: as a layout lists them.
        dataset_dir: folder that their paths are relative to.
        load: gives the superclass view of a case.
        workers: threads that read files.
        progress: show progress bars.

    Raises:
        DataError: an image or label cannot be used, or no case is left.
    """
    outlined = _without(cases, [case["case"] for case in cases if "label" not in case], "it has no label file")
    unread = [{**case, "supervision": UNLABELLED} for case in outlined]
    images = inspect_cases(
        unread, dataset_dir, load.taxonomy, load.label_convention, workers=workers, progress=progress
    )
    raise_if_fatal(images)
    hashes = [image.sha1 for image in images]
    group_of = _group_of_patient(outlined, hashes)
    first = {sha1: case["case"] for case, sha1 in reversed(list(zip(outlined, hashes, strict=True)))}
    again = [case["case"] for case, sha1 in zip(outlined, hashes, strict=True) if first[sha1] != case["case"]]
    single = [absolute_paths(case, dataset_dir) for case in _without(outlined, again, "its scan is another case's")]
    described = _describe(single, load, workers, progress)
    empty = [case["case"] for case, found in zip(single, described, strict=True) if not found]
    kept = _without(single, empty, f"its label holds no {load.superclass}")
    if not kept:
        raise DataError(f"{dataset_dir}: no case with an outline of {load.superclass} is left to choose from")
    return CandidateFeatures(kept, group_of, [found for found in described if found])


def _describe(
    cases: Sequence[Mapping[str, Any]], load: SuperclassLoader, workers: int | None, progress: bool
) -> list[dict[Feature, float]]:
    """Features of each case; none where the superclass is empty."""

    def describe(case: Mapping[str, Any]) -> dict[Feature, float]:
        view = load(case)
        return case_features(view) if view.inside.any() else {}

    with ThreadPoolExecutor(workers) as pool:
        results = pool.map(describe, cases)
        return list(tqdm(results, total=len(cases), desc="describing cases", unit="case", disable=not progress))


def _without(cases: Sequence[Mapping[str, Any]], names: Sequence[str], why: str) -> list[Mapping[str, Any]]:
    for name in names:
        logger.warning("%s: left out of the selection because %s", name, why)
    return [case for case in cases if case["case"] not in set(names)]


def _group_of_patient(cases: Iterable[Mapping[str, Any]], hashes: Iterable[str]) -> dict[str, int]:
    """Patient → group; patients that share a scan are one group, since fine labels of both would say the same twice."""
    owners: dict[str, set[str]] = {}
    for case, sha1 in zip(cases, hashes, strict=True):
        owners.setdefault(f"scan {sha1}", set()).add(case["patient"])
    return {patient: group for group, together in enumerate(merge_overlapping(owners.values())) for patient in together}
