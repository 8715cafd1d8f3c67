"""From a finished run's folder to its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from statistics import fmean
from typing import Any

from cladeseg.benchmark.runs import RunKey
from cladeseg.benchmark.store import FINISHED, CaseRow, RunRow
from cladeseg.bundle.run_folder import RunFolder
from cladeseg.files import DataError, read_json
from cladeseg.segmentation.data import load_datalist
from cladeseg.segmentation.metrics import Record, read_csv
from cladeseg.taxonomy import Taxonomy


def case_rows(key: RunKey, folder: RunFolder, taxonomy: Taxonomy) -> list[CaseRow]:
    """Scores of every leaf but the background, in every case of the part that the key names.

    Raises:
        DataError: the scored cases are not those of that part.
    """
    patients = {case["case"]: case["patient"] for case in load_datalist(folder.datalist)[key.split]}
    path = folder.evaluation / "metrics.csv"
    found: dict[tuple[str, str], list[Record]] = {}
    for record in read_csv(path):
        if record.node in taxonomy.leaf_names[1:]:
            found.setdefault((record.case, record.node), []).append(record)
    if {case for case, _ in found} != set(patients):
        raise DataError(f"{path}: its cases are not the {key.split} cases of {folder.datalist}")
    return [_case_row(key, patients[case], records) for (case, _), records in found.items()]


def _case_row(key: RunKey, patient: str, records: Iterable[Record]) -> CaseRow:
    of = {record.metric: record for record in records}
    dice = of["dice"]
    return CaseRow(
        **asdict(key),
        case=dice.case,
        patient=patient,
        node=dice.node,
        dice=dice.value,
        iou=of["iou"].value,
        hd95_mm=of["hd95_mm"].value,
        status=dice.status,
    )


def run_row(key: RunKey, folder: RunFolder, taxonomy: Taxonomy, usage: Mapping[str, float]) -> RunRow:
    """The run's own scores, as its evaluation summed them up, with what it cost (``seconds``, ``peak_mb``)."""
    summary = read_json(folder.evaluation / "metrics.json")
    distances = [summary["nodes"][name]["hd95_mm"]["mean"] for name in taxonomy.leaf_names[1:]]
    return RunRow(
        **asdict(key),
        status=FINISHED,
        dice=summary["mean_leaf"]["dice"],
        iou=summary["mean_leaf"]["iou"],
        hd95_mm=_mean(distances),
        fine_dice=summary.get("fine_training", {}).get("dice"),
        cases=summary["cases"],
        patients=summary["patients"],
        seconds=usage["seconds"],
        peak_mb=usage["peak_mb"],
    )


def _mean(values: Iterable[Any]) -> float | None:
    defined = [value for value in values if value is not None]
    return fmean(defined) if defined else None
