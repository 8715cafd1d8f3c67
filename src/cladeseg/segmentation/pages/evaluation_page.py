"""The page of one evaluation, made from what lies in its folder: no data and no weights are needed again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.files import DataError, read_json
from cladeseg.report import Block, write_page
from cladeseg.segmentation.metrics import Record, read_csv
from cladeseg.segmentation.pages.chosen_cases import MOST_FAILED, case_scores, failed_leaves
from cladeseg.segmentation.pages.head import head_block, made_facts, use_facts
from cladeseg.segmentation.pages.page_cases import ShownCase, cases_block, viewer_block
from cladeseg.segmentation.pages.page_record import CASES, PAGE, read_record
from cladeseg.segmentation.pages.score_blocks import (
    calibration_block,
    cases_table,
    curves_block,
    distribution_block,
    structures_block,
)
from cladeseg.segmentation.pages.stored_case import read_case
from cladeseg.taxonomy import Taxonomy


def write_evaluation_page(run_folder: RunFolder, output: str | Path | None = None) -> Path:
    """Write the page of a run's latest evaluation.

    Args:
        run_folder: of the run.
        output: the page; ``R/eval/report.html`` if ``None``.

    Returns:
        The page.

    Raises:
        DataError: the run was not evaluated, or a file of the evaluation cannot be read; the message names it.
    """
    folder = run_folder.evaluation
    record, taxonomy = read_record(folder)
    records, summary = read_scores(folder)
    shown = shown_cases(folder, record, records, taxonomy)
    failed = len(failed_leaves(records, taxonomy))
    notes = [
        "Each row is one slice. Pictures keep the proportions of the body; the bar is its scale.",
        "The patient's right is on your left (R); the front is at the top, or on the left (A).",
    ]
    if failed > MOST_FAILED:
        notes.append(f"{failed} cases failed; the {MOST_FAILED} worst of them are shown, the table lists all.")
    blocks: list[Block | None] = [
        _head(record, summary, taxonomy),
        structures_block(summary, taxonomy),
        distribution_block(records, summary, taxonomy),
        cases_block("Cases", shown, taxonomy, notes=notes) if shown else None,
        viewer_block(shown, taxonomy) if shown else None,
        cases_table(records, record["patients"], taxonomy, shown=[case.name for case in shown]),
        calibration_block(record["calibration"]),
        curves_block(run_folder.history),
    ]
    title = f"{taxonomy.name}: evaluation of {summary['cases']} {record['split']} cases"
    found = [block for block in blocks if block is not None]
    return write_page(output or folder / PAGE, title, found, subtitle=_subtitle(summary))


def read_scores(folder: Path) -> tuple[list[Record], dict[str, Any]]:
    """Records and summary of an evaluation.

    Raises:
        DataError: one of the files is missing or damaged.
    """
    for name in ("metrics.csv", "metrics.json"):
        if not (folder / name).is_file():
            raise DataError(f"{folder / name}: there is no such file; evaluate the run first")
    return read_csv(folder / "metrics.csv"), read_json(folder / "metrics.json")


def shown_cases(folder: Path, record: Mapping[str, Any], records: list[Record], taxonomy: Taxonomy) -> list[ShownCase]:
    """The cases that an evaluation kept for its page."""
    scores = case_scores(records, taxonomy)
    found = []
    for case in record["cases"]:
        score = scores.get(case["name"])
        facts = "" if score is None else f"Mean leaf Dice {score:.3f}."
        stored = read_case(folder / CASES / Path(case["file"]).name)
        found.append(ShownCase(case["name"], case["why"], facts, stored))
    return found


def _subtitle(summary: Mapping[str, Any]) -> str:
    dice = summary["mean_leaf"]["dice"]
    return f"{summary['patients']} patients" + ("" if dice is None else f", mean leaf Dice {dice:.3f}")


def _head(record: Mapping[str, Any], summary: Mapping[str, Any], taxonomy: Taxonomy) -> Block:
    fit = summary.get("fine_training") or {}
    fitted = f"Dice {fit['dice']:.3f} on {fit['cases']} of them" if fit.get("dice") is not None else ""
    facts = [
        ("Evaluated", f"{summary['cases']} cases of {summary['patients']} patients, part “{record['split']}”"),
        ("Data", str(record.get("dataset", ""))),
        ("Weights", str(record.get("weights", ""))),
        ("Trained on", str(record.get("trained_on", ""))),
        ("Fit of its own fine cases", fitted),
        *use_facts(record, "Evaluation"),
    ]
    return head_block(
        facts,
        taxonomy=taxonomy,
        made=made_facts(record, "Evaluation"),
        warnings=record.get("warnings", ()),
        statement=record.get("held_out"),
    )
