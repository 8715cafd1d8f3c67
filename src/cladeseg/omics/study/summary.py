"""The study in figures: means over draws with intervals, and paired differences to the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from cladeseg.omics.study.cell import DROPPED, OURS
from cladeseg.statistics import Estimate, mean_score, paired_difference

METRICS = ("macro_f1", "accuracy", "ece")


def study_table(results: pd.DataFrame, metric: str = "macro_f1") -> pd.DataFrame:
    """One row for each share, condition and method: the mean, and ours minus it, paired by draw.

    Args:
        results: of :func:`~cladeseg.omics.study.study.read_study`.
        metric: one of :data:`METRICS`.

    Returns:
        Columns share, coarse, condition, method, mean, low, high, draws, difference, difference_low, difference_high.
    """
    rows = []
    keys = ["share", "coarse", "condition"]
    for place, group in results.groupby(keys, sort=True):
        ours = group[group["method"] == OURS].set_index("draw")[metric]
        for method, one in group.groupby("method", sort=False):
            scores = one.set_index("draw")[metric]
            both = sorted(set(scores.index) & set(ours.index))
            rows.append(
                {
                    **dict(zip(keys, place, strict=True)),
                    "method": method,
                    **_columns("", _mean(scores), "mean"),
                    "draws": len(scores),
                    **_columns("difference_", _difference(ours, scores, both), "difference"),
                }
            )
    return pd.DataFrame(rows)


def _columns(prefix: str, estimate: Estimate, name: str) -> dict[str, float | None]:
    low, high = estimate["ci95"]
    return {name: estimate["mean"], f"{prefix}low": low, f"{prefix}high": high}


def _mean(scores: pd.Series) -> Estimate:
    return mean_score(scores.to_numpy(), draws=scores.index.to_numpy(), patients=np.zeros(len(scores)))


def _difference(ours: pd.Series, scores: pd.Series, draws: Sequence[int]) -> Estimate:
    if not draws:
        return {"mean": None, "ci95": [None, None], "n": 0}
    one, other = ours.loc[list(draws)].to_numpy(), scores.loc[list(draws)].to_numpy()
    return paired_difference(one, other, draws=np.array(draws), patients=np.zeros(len(draws)))


def pooled_calibration(bins: Sequence[Sequence[Sequence[float]]]) -> tuple[float, float]:
    """ECE over the predictions of all draws together, and what a calibrated method would get on one draw by chance.

    With 140 patients in ten bins even the true probabilities miss the shares of right ones by their sampling error,
    on average sqrt(2 p (1 - p) / (pi n)) for a bin of n patients.

    Args:
        bins: of each draw (patients, mean probability, share of right ones) of each tenth.

    Example:
        >>> both = [[[10, 0.75, 0.5]], [[10, 0.75, 1.0]]]  # too sure in one draw, not sure enough in the other
        >>> pooled_calibration(both)[0]
        0.0
    """
    sums = np.zeros((11, 2))
    floors = []
    for draw in bins:
        n, p, right = np.array(draw, dtype=float).T
        np.add.at(sums, (p * 10).astype(int), np.stack([n, n * (p - right)], axis=1))
        floors.append(float((n * np.sqrt(2 * p * (1 - p) / (np.pi * n))).sum() / n.sum()))
    return float(np.abs(sums[:, 1]).sum() / sums[:, 0].sum()), float(np.mean(floors))


def calibration_table(results: pd.DataFrame) -> pd.DataFrame:
    """Columns share, condition, method, ece (mean over draws), pooled (over all of them), by_chance."""
    rows = []
    for (share, condition, method), one in results.dropna(subset=["bins"]).groupby(
        ["share", "condition", "method"], sort=False
    ):
        pooled, floor = pooled_calibration(one["bins"].tolist())
        keys = {"share": share, "condition": condition, "method": method}
        rows.append({**keys, "ece": one["ece"].mean(), "pooled": pooled, "by_chance": floor})
    return pd.DataFrame(rows)


def taught_gain(results: pd.DataFrame) -> pd.DataFrame:
    """Macro-F1 of each omics' own head after distillation minus before; columns omics, share, mean, low, high."""
    plain = results[(results["coarse"] == 0) & (results["condition"] == "clean")]
    rows = []
    for method in plain["method"].unique():
        if not method.startswith(f"{OURS}: "):
            continue
        before = method.replace(OURS, f"{OURS}, no distillation", 1)
        for share, one in plain[plain["method"] == method].groupby("share"):
            after = one.set_index("draw")["macro_f1"]
            untaught = plain[(plain["method"] == before) & (plain["share"] == share)].set_index("draw")["macro_f1"]
            gain = _difference(after, untaught, sorted(set(after.index) & set(untaught.index)))
            omics = method.removeprefix(f"{OURS}: ").removesuffix(" head")
            rows.append({"omics": omics, "share": share, **_columns("", gain, "mean")})
    return pd.DataFrame(rows)


def difference_to(results: pd.DataFrame, method: str) -> Estimate:
    """Macro-F1 of ours minus that of a method, of the same draws.

    Args:
        results: of one share and condition.
        method: its name.
    """
    ours, other = (results[results["method"] == name].set_index("draw")["macro_f1"] for name in (OURS, method))
    return _difference(ours, other, sorted(set(ours.index) & set(other.index)))


def coarse_gain(results: pd.DataFrame, beside: str = DROPPED) -> Estimate:
    """Macro-F1 with superclass labels minus that of the same draws without.

    Args:
        results: of :func:`~cladeseg.omics.study.study.read_study`.
        beside: :data:`~cladeseg.omics.study.cell.DROPPED`, these patients are dropped, or
            :data:`~cladeseg.omics.study.cell.OURS`, they are unlabelled.
    """
    clean = results[results["condition"] == "clean"]
    coarse = clean[clean["coarse"] > 0]
    ours = coarse[coarse["method"] == OURS].set_index("draw")["macro_f1"]
    where = (
        coarse if beside == DROPPED else clean[(clean["coarse"] == 0) & clean["share"].isin(coarse["share"].unique())]
    )
    other = where[where["method"] == beside].set_index("draw")["macro_f1"]
    return _difference(ours, other, sorted(set(ours.index) & set(other.index)))


def common_features(results: pd.DataFrame) -> pd.DataFrame:
    """Columns share, node, common: the mean share of a list of features that the list of another draw holds as well."""
    rows = []
    for share, one in results.dropna(subset=["features"]).groupby("share") if "features" in results else ():
        nodes = sorted({node for lists in one["features"] for node in lists})
        for node in nodes:
            lists = [set(of_draw[node]) for of_draw in one["features"] if node in of_draw]
            both = [len(a & b) / max(1, len(a)) for a, b in combinations(lists, 2)]
            if both:
                rows.append({"share": share, "node": node, "common": float(np.mean(both))})
    return pd.DataFrame(rows, columns=["share", "node", "common"])
