"""What an evaluation keeps for its page, case by case: the cases to show, and sums for the calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from cladeseg.files import write_json
from cladeseg.segmentation.engines import EvaluatedCase
from cladeseg.segmentation.metrics import Record
from cladeseg.segmentation.pages.calibration import Calibration
from cladeseg.segmentation.pages.chosen_cases import chosen_cases
from cladeseg.segmentation.pages.page_record import CASES, FORMAT, RECORD, tree_content
from cladeseg.segmentation.pages.stored_case import keep_case, probabilities_in, structure_box, write_case
from cladeseg.taxonomy import Taxonomy


def keep_evaluated(folder: Path, case: EvaluatedCase, taxonomy: Taxonomy) -> dict[str, Any]:
    """Keep what the page may show of one case; which cases it shows is known once all are scored.

    Args:
        folder: of the evaluation.
        case: as it was scored.
        taxonomy: the label tree.

    Returns:
        ``name``, the ``file`` in the folder's ``cases``, and the sums of the case's ``calibration``, if its
        probabilities are known.
    """
    box = structure_box([case.truth, case.prediction], case.affine, taxonomy)
    probabilities = None if case.found is None else probabilities_in(case.found, box)
    calibration = Calibration(taxonomy)
    if probabilities is not None:
        calibration.add(probabilities, case.truth[box])
    kept = keep_case(
        case.image, case.prediction, case.affine, taxonomy, box=box, truth=case.truth, probabilities=probabilities
    )
    # A case's name is no name of a file.
    file = f"{sha256(case.name.encode()).hexdigest()[:16]}.npz"
    write_case(kept, folder / CASES / file)
    return {"name": case.name, "file": file, "calibration": None if probabilities is None else calibration.sums()}


def record_evaluation(
    folder: Path,
    taxonomy: Taxonomy,
    entries: Sequence[Mapping[str, Any]],
    *,
    records: Sequence[Record],
    patients: Mapping[str, str],
    facts: Mapping[str, Any],
) -> None:
    """Write the record of the page, and drop the cases that are not shown.

    Args:
        folder: of the evaluation.
        taxonomy: the label tree.
        entries: of :func:`keep_evaluated`, one for each case.
        records: of all cases.
        patients: case → patient.
        facts: what else the page's head says.

    Raises:
        DataError: it cannot be written.
    """
    chosen, files = chosen_cases(records, taxonomy), {entry["name"]: entry["file"] for entry in entries}
    for case, file in files.items():
        if case not in chosen:
            (folder / CASES / file).unlink(missing_ok=True)
    content = {
        "format": FORMAT,
        "kind": "evaluation",
        "taxonomy": tree_content(taxonomy),
        "patients": dict(patients),
        "calibration": _calibration_points(entries, taxonomy),
        "cases": [{"name": case, "why": why, "file": files[case]} for case, why in chosen.items() if case in files],
        **facts,
    }
    write_json(content, folder / RECORD)


def _calibration_points(entries: Sequence[Mapping[str, Any]], taxonomy: Taxonomy) -> list[dict[str, float]]:
    together = Calibration(taxonomy)
    for entry in entries:
        if entry["calibration"] is not None:
            together.add_sums(entry["calibration"])
    return together.points()
