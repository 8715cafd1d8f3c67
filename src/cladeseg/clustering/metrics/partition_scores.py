"""How well a clustering agrees with known classes: variation of information, Rand, cuts and joins."""

from __future__ import annotations

from typing import Any, TypedDict, cast

import numpy as np


class PartitionScores(TypedDict):
    """Agreement of a clustering with the truth.

    ``vi_split`` is H(clusters | classes), bits lost because classes were split; ``vi_join`` is H(classes | clusters),
    bits lost because classes were joined; ``vi_bits`` is their sum (Meilă 2007).  ``rand`` and ``ari`` are the Rand
    index and the adjusted one.  Precision, recall and F1 are those of pairs that are cut and of pairs that are joined;
    ``None`` where there is no such pair.
    """

    vi_bits: float
    vi_split: float
    vi_join: float
    rand: float
    ari: float
    precision_join: float | None
    recall_join: float | None
    f1_join: float | None
    precision_cut: float | None
    recall_cut: float | None
    f1_cut: float | None
    clusters: int
    classes: int


def partition_scores(clusters: np.ndarray, classes: np.ndarray, *, counts: np.ndarray | None = None) -> PartitionScores:
    """Scores of a clustering.

    Args:
        clusters: cluster of each object; (n,), n ≥ 1.
        classes: true class of each object; (n,).
        counts: how often each object counts, e.g. in a bootstrap; once each if ``None``.  An object's copies are no
            pairs of each other.

    Examples:
        >>> found = partition_scores(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]))
        >>> found["vi_bits"], found["vi_split"], found["vi_join"], round(found["rand"], 3)
        (1.0, 1.0, 0.0, 0.333)
    """
    found, a = np.unique(clusters, return_inverse=True)
    true, b = np.unique(classes, return_inverse=True)
    counts = np.ones(a.size) if counts is None else np.asarray(counts, dtype=float)
    table = np.zeros((found.size, true.size))
    np.add.at(table, (a, b), counts)
    split, join = _conditional_entropy(table), _conditional_entropy(table.T)
    scores: dict[str, Any] = {"vi_bits": split + join, "vi_split": split, "vi_join": join}
    scores |= _pair_scores(table, float((counts**2).sum()))
    held = table.sum(axis=1) > 0, table.sum(axis=0) > 0
    return cast("PartitionScores", scores | {"clusters": int(held[0].sum()), "classes": int(held[1].sum())})


def _conditional_entropy(table: np.ndarray) -> float:
    """H(row | column) in bits."""
    share = table / table.sum()
    column = np.broadcast_to(share.sum(axis=0), share.shape)
    there = share > 0
    return float(abs(-(share[there] * np.log2(share[there] / column[there])).sum()))


def _pair_scores(table: np.ndarray, self_pairs: float) -> dict[str, float | None]:
    """From the numbers of pairs that are joined in both, in one, or in none."""
    total = (table.sum() ** 2 - self_pairs) / 2
    both = ((table**2).sum() - self_pairs) / 2
    said = ((table.sum(axis=1) ** 2).sum() - self_pairs) / 2
    true = ((table.sum(axis=0) ** 2).sum() - self_pairs) / 2
    none = total - said - true + both
    join, cut = _f1("join", both, said, true), _f1("cut", none, total - said, total - true)
    rand = float((both + none) / total) if total > 0 else 1.0
    return {"rand": rand, "ari": _adjusted(both, said, true, total), **join, **cut}


def _f1(name: str, both: float, said: float, true: float) -> dict[str, float | None]:
    precision = float(both / said) if said > 0 else None
    recall = float(both / true) if true > 0 else None
    f1 = float(2 * both / (said + true)) if said + true > 0 else None
    return {f"precision_{name}": precision, f"recall_{name}": recall, f"f1_{name}": f1}


def _adjusted(both: float, said: float, true: float, total: float) -> float:
    """Rand index above chance (Hubert & Arabie 1985); 1 where both are trivial in the same way."""
    if total <= 0:
        return 1.0
    chance = said * true / total
    best = (said + true) / 2
    return 1.0 if abs(best - chance) < 1e-12 else float((both - chance) / (best - chance))
