"""The page that compares two evaluations of the same cases: paired differences, and what got worse first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.files import DataError
from cladeseg.report import Block, Cell, Row, interval_text, number_cell, row_chart, table_block, text_cell, write_page
from cladeseg.segmentation.metrics import Record
from cladeseg.segmentation.pages.chosen_cases import case_scores
from cladeseg.segmentation.pages.evaluation_page import read_scores, shown_cases
from cladeseg.segmentation.pages.head import head_block, training_use
from cladeseg.segmentation.pages.page_cases import ShownCase, cases_block
from cladeseg.segmentation.pages.page_record import read_record
from cladeseg.segmentation.pages.score_blocks import node_cell, nodes_in_order
from cladeseg.statistics.bootstrap import Estimate
from cladeseg.statistics.differences import paired_difference
from cladeseg.taxonomy import Taxonomy

_SHOWN = 3


def write_comparison_page(first: RunFolder, second: RunFolder, output: str | Path = "comparison.html") -> Path:
    """Compare two runs on the cases that both were evaluated on; differences are the second minus the first.

    Returns:
        The page.

    Raises:
        DataError: a run was not evaluated, the trees differ, or there is no common case.
    """
    (record, tree), (other, other_tree) = (read_record(run.evaluation) for run in (first, second))
    if tree.fingerprint != other_tree.fingerprint:
        raise DataError(f"{second.root}: has another label tree than {first.root}; compare runs on one tree")
    records = [read_scores(run.evaluation)[0] for run in (first, second)]
    common = sorted(set(record["patients"]) & set(other["patients"]))
    if not common:
        raise DataError(f"{second.root}: has no case in common with {first.root}; evaluate both on the same part")
    patients = {case: record["patients"][case] for case in common}
    dice = [_dice(found) for found in records]
    estimates = {v: _difference(dice, tree.names[v], patients) for v in nodes_in_order(tree)}
    changes = _changes(records, common, tree)
    shown = _shown_cases((first, second), (record, other), records, changes[:_SHOWN], tree)
    blocks = [
        _head((first, second), (record, other), common, tree),
        _forest(estimates, tree),
        _structures(estimates, dice, patients, tree),
        _cases(changes, dice, patients, tree),
        *([cases_block("Cases that got worse", shown, tree, notes=_NOTES)] if shown else []),
    ]
    subtitle = f"First: {first.root}. Second: {second.root}."
    return write_page(output, f"{tree.name}: comparison on {len(common)} cases", blocks, subtitle=subtitle)


def _shown_cases(
    runs: Sequence[RunFolder],
    known: Sequence[Mapping[str, Any]],
    records: Sequence[Sequence[Record]],
    changes: Sequence[tuple[str, float | None]],
    taxonomy: Taxonomy,
) -> list[ShownCase]:
    """The cases that got worse as each run drew them, if its own page shows them."""
    kept = [
        {case.name: case for case in shown_cases(run.evaluation, record, list(found), taxonomy)}
        for run, record, found in zip(runs, known, records, strict=True)
    ]
    shown = []
    for name, change in changes:
        if change is not None and change < 0:
            said = f"Change {number_cell(change, sign='+').text}."
            for which, cases in zip(("first", "second"), kept, strict=True):
                if name in cases:
                    one = cases[name]
                    shown.append(ShownCase(f"{name} ({which})", "", f"{one.facts} {said}", one.stored))
    return shown


_NOTES = ["Of the cases that lost most, those that an evaluation kept for its own page."]


def _dice(records: Sequence[Record]) -> dict[tuple[str, str], float]:
    return {(r.case, r.node): r.value for r in records if r.metric == "dice" and r.value is not None}


def _difference(dice: Sequence[Mapping[tuple[str, str], float]], node: str, patients: Mapping[str, str]) -> Estimate:
    both = [case for case in patients if all((case, node) in scores for scores in dice)]
    one, other = ([scores[case, node] for case in both] for scores in dice)
    return paired_difference(other, one, draws=[0] * len(both), patients=[patients[case] for case in both])


def _changes(
    records: Sequence[Sequence[Record]], common: Sequence[str], taxonomy: Taxonomy
) -> list[tuple[str, float | None]]:
    """Change of each case's mean leaf Dice, the largest loss first; cases without a score last."""
    first, second = (case_scores(found, taxonomy) for found in records)
    changes: list[tuple[str, float | None]] = []
    for case in common:
        before, after = first.get(case), second.get(case)
        changes.append((case, None if before is None or after is None else after - before))
    return sorted(changes, key=lambda one: (one[1] is None, one[1] or 0.0, one[0]))


def _head(
    runs: Sequence[RunFolder], records: Sequence[Mapping[str, Any]], common: Sequence[str], taxonomy: Taxonomy
) -> Block:
    facts, warnings = [], []
    for name, run, record in zip(("First", "Second"), runs, records, strict=True):
        facts += [
            (f"{name} run", str(run.root)),
            (f"{name}: weights", str(record.get("weights", ""))),
            (f"{name}: trained on", str(record.get("trained_on", ""))),
            *training_use(record, f"{name}: training"),
        ]
        left = len(record["patients"]) - len(common)
        warnings += (
            [f"{left} cases of the {name.lower()} run are not in the other one and are left out."] if left else []
        )
        held = record.get("held_out") or {}
        warnings += [f"{name} run: {held['head']} {held['text']}"] if held.get("kind") != "good" and held else []
    return head_block([*facts, ("Compared", f"{len(common)} cases")], taxonomy=taxonomy, warnings=warnings)


def _forest(estimates: Mapping[int, Estimate], taxonomy: Taxonomy) -> Block:
    rows = [
        Row(taxonomy.names[v], mean=found["mean"], interval=None if low is None or high is None else (low, high))
        for v, found in estimates.items()
        for low, high in [found["ci95"]]
    ]
    description = (
        "Mean paired difference of the Dice, second minus first (upright bar), and its 95 % interval (thick line), for "
        "each structure. Left of the dashed line the second run is worse."
    )
    chart = row_chart(rows, x_label="difference of the Dice", description=description, reference=0.0)
    return Block("charts", "Forest plot", {"charts": [("Paired differences", chart)], "notes": []})


def _structures(
    estimates: Mapping[int, Estimate],
    dice: Sequence[Mapping[tuple[str, str], float]],
    patients: Mapping[str, str],
    taxonomy: Taxonomy,
) -> Block:
    rows = []
    for v, found in estimates.items():
        low, high = found["ci95"]
        both = [case for case in patients if all((case, taxonomy.names[v]) in scores for scores in dice)]
        means = [sum(scores[c, taxonomy.names[v]] for c in both) / len(both) if both else None for scores in dice]
        verdict = "open" if low is None or high is None or low <= 0 <= high else "better" if low > 0 else "worse"
        rows.append(
            [
                node_cell(taxonomy, v),
                *map(number_cell, means),
                Cell(interval_text(found["mean"], (low, high), sign="+"), found["mean"]),
                number_cell(found["n"], 0),
                text_cell(verdict, kind={"better": "good", "worse": "bad"}.get(verdict, "")),
            ]
        )
    header = ["structure", "Dice first", "Dice second", "difference [95 % CI]", "n", "second is"]
    notes = ["Intervals: bootstrap over patients. “open”: the interval holds 0."]
    return table_block("Difference per structure", "Means over cases that both scored", header, rows, notes=notes)


def _cases(
    changes: Sequence[tuple[str, float | None]],
    dice: Sequence[Mapping[tuple[str, str], float]],
    patients: Mapping[str, str],
    taxonomy: Taxonomy,
) -> Block:
    names = [taxonomy.names[v] for v in nodes_in_order(taxonomy)]
    rows = []
    for case, change in changes:
        parts: list[Cell] = []
        for name in names:
            before, after = (scores.get((case, name)) for scores in dice)
            parts.append(number_cell(None if before is None or after is None else after - before, sign="+"))
        kind = "" if change is None else "bad" if change < 0 else "good"
        rows.append([text_cell(case), text_cell(patients[case]), number_cell(change, sign="+", kind=kind), *parts])
    header = ["case", "patient", "change of mean leaf Dice", *(f"change {name}" for name in names)]
    caption = "Second minus first, the largest loss first"
    return table_block("Every case", caption, header, rows, notes=[], filtered=True)
