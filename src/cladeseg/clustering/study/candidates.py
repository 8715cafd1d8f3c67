"""What is lost and saved where key points are matched for the pairs most alike by descriptors alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from cladeseg.clustering.metrics import partition_scores
from cladeseg.clustering.model import PQAP, ClusteringModel, Measured, candidate_pairs
from cladeseg.clustering.multicut import Multicut, cluster


def candidate_rows(
    model: ClusteringModel, seen: Measured, classes: np.ndarray, budgets: Sequence[int]
) -> list[dict[str, Any]]:
    """Cluster the same objects with all pairs matched, and with fewer.

    Args:
        model: that was trained.
        seen: n objects, all pairs of which are matched.
        classes: (n,).
        budgets: numbers of pairs that are matched at most.

    Returns:
        A row for each method that matches key points and each budget, the last one with all pairs: ``pairs`` that are
        matched and their ``share``; ``recall``, the share of pairs of one class that are among them; ``vi_bits`` and
        ``rand``; ``vi_to_all``, the VI of the clusters and those of all pairs.
    """
    if seen.similarity is None:
        return []
    names = [name for name, held in model.variants.items() if PQAP in held.combination.methods]
    n = len(classes)
    budgets = [*(one for one in sorted(budgets) if one < n * (n - 1) // 2), n * (n - 1) // 2]
    pairs = {most: candidate_pairs(seen.vectors, most, model.methods.descriptors) for most in budgets}
    rows = []
    for name in names:
        numbers = {most: _clusters(model, name, _matched_alone(seen, held)) for most, held in pairs.items()}
        for most, held in pairs.items():
            compared = {"vi_to_all": partition_scores(numbers[most], numbers[budgets[-1]])["vi_bits"]}
            rows.append({"method": name, "max_pairs": most, **_row(numbers[most], held, classes), **compared})
    return rows


def _matched_alone(seen: Measured, pairs: np.ndarray) -> Measured:
    """The same objects, as if no other pairs had been matched."""
    known = np.full(seen.similarity.shape, np.nan, dtype=np.float32)  # type: ignore[union-attr]
    for one, other in (pairs.T, pairs.T[::-1]):
        known[one, other] = seen.similarity[one, other]  # type: ignore[index]
    np.fill_diagonal(known, 1.0)
    return replace(seen, similarity=known)


def _clusters(model: ClusteringModel, name: str, seen: Measured) -> np.ndarray:
    return cluster(Multicut.from_matrix(model.weights(model.methods.logits(seen), name)))


def _row(numbers: np.ndarray, pairs: np.ndarray, classes: np.ndarray) -> dict[str, float]:
    n, same = len(classes), (classes[pairs[:, 0]] == classes[pairs[:, 1]]).sum()
    _, counts = np.unique(classes, return_counts=True)
    scores = partition_scores(numbers, classes)
    return {
        "pairs": len(pairs),
        "share": 2 * len(pairs) / (n * (n - 1)),
        "recall": float(same / max((counts * (counts - 1) // 2).sum(), 1)),
        "vi_bits": scores["vi_bits"],
        "rand": scores["rand"],
    }


def candidate_page(rows: pd.DataFrame) -> str:
    """Markdown: means over the draws, a row for each method and budget; empty without rows."""
    if rows.empty:
        return ""
    table = rows.groupby(["method", "max_pairs"], sort=False).mean(numeric_only=True).reset_index()
    lines = ["**Fewer pairs matched** (means over the draws)", ""]
    lines += ["| methods | pairs matched | share | true pairs among them | VI (bits) | Rand | VI to all pairs |"]
    lines += ["|" + "---|" * 7]
    for one in table.to_dict("records"):
        cells = [one["method"], f"{one['pairs']:.0f}", f"{one['share']:.2f}", f"{one['recall']:.2f}"]
        cells += [f"{one['vi_bits']:.2f}", f"{one['rand']:.3f}", f"{one['vi_to_all']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])
