"""Which cases of an evaluation are shown: those that failed, the worst, the median and the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from cladeseg.segmentation.metrics import Record
from cladeseg.taxonomy import Taxonomy

#: Failed cases that are shown; the table lists all.
MOST_FAILED = 4
_EACH = 2


def case_scores(records: Iterable[Record], taxonomy: Taxonomy) -> dict[str, float | None]:
    """Mean Dice over the leaves of each case; ``None`` where none is defined."""
    leaves = set(taxonomy.leaf_names[1:])
    found: dict[str, list[float]] = {}
    for record in records:
        if record.metric == "dice" and record.node in leaves:
            found.setdefault(record.case, []).extend([] if record.value is None else [record.value])
    return {case: float(np.mean(values)) if values else None for case, values in found.items()}


def failed_leaves(records: Iterable[Record], taxonomy: Taxonomy) -> dict[str, list[str]]:
    """Cases in which a leaf was missed altogether, or found where there is none → which leaves, in words."""
    leaves = set(taxonomy.leaf_names[1:])
    found: dict[str, list[str]] = {}
    for record in records:
        if record.metric == "dice" and record.node in leaves and record.status in {"missed", "spurious"}:
            found.setdefault(record.case, []).append(f"{record.node} {record.status}")
    return found


def chosen_cases(records: Sequence[Record], taxonomy: Taxonomy) -> dict[str, str]:
    """Case → why it is shown, the worst first.

    Args:
        records: of all cases.
        taxonomy: the label tree.
    """
    scores = case_scores(records, taxonomy)
    failed = failed_leaves(records, taxonomy)
    order = sorted((case for case, score in scores.items() if score is not None), key=lambda c: (scores[c] or 0.0, c))
    chosen = {case: f"failed: {', '.join(failed[case])}" for case in order if case in failed}
    chosen = dict(list(chosen.items())[:MOST_FAILED])
    middle = max(0, (len(order) - _EACH) // 2)
    for why, cases in (
        ("worst", order[:_EACH]),
        ("median", order[middle : middle + _EACH]),
        ("best", order[::-1][:_EACH]),
    ):
        for case in cases:
            chosen.setdefault(case, why)
    return chosen
