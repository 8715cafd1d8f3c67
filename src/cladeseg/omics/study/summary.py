"""The study in figures: means over draws with intervals, and paired differences to the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from cladeseg.omics.study.cell import DROPPED, LINEAR, OURS
from cladeseg.report import Block, Cell, Chart, interval_text, line_chart, table_block, text_cell, write_page
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


def study_page(results: pd.DataFrame, path: str | Path, *, title: str = "Omics study") -> Path:
    """The page of a study: curves over shares, a table for each condition, calibration.

    Raises:
        DataError: it cannot be written.
    """
    table = study_table(results)
    plain = table[table["coarse"] == 0]
    blocks = [_curves(plain)]
    for condition in plain["condition"].unique():
        blocks.append(_condition(plain[plain["condition"] == condition], str(condition)))
    blocks.append(_calibration(results[(results["coarse"] == 0) & (results["condition"] == "clean")]))
    blocks.append(_taught_heads(results))
    if (table["coarse"] > 0).any():
        blocks.append(_coarse(results))
    draws = results["draw"].nunique()
    return write_page(
        path, title, blocks, subtitle=f"Means over {draws} draws of labels; macro-F1 on held-out patients."
    )


def _curves(table: pd.DataFrame) -> Block:
    charts: list[tuple[str, Chart]] = []
    for condition in [
        c for c in ("clean", *table["condition"].unique()) if c == "clean" or str(c).startswith("without")
    ]:
        part = table[table["condition"] == condition]
        series = {
            str(method): [(float(np.log10(s)), float(m)) for s, m in zip(one["share"], one["mean"], strict=True)]
            for method, one in part.groupby("method", sort=False)
            if method in (OURS, *LINEAR)
        }
        if series and (condition != "clean" or not charts):
            text = "Macro-F1 against the share of labels that is shown, for ours and the linear baselines."
            chart = line_chart(series, x_label="log10 of the share of labels", y_label="macro-F1", description=text)
            charts.append((str(condition), chart))
    return Block("charts", "Few labels", {"charts": charts, "notes": []})


def _condition(table: pd.DataFrame, name: str) -> Block:
    shares = sorted(table["share"].unique())
    rows: list[list[Cell]] = []
    for method, one in table.groupby("method", sort=False):
        found = one.set_index("share")
        rows.append([text_cell(str(method)), *(_cell(found, share, str(method)) for share in shares)])
    header = ["method", *(f"{share:.0%}" for share in shares)]
    return table_block(name, "Mean, and ours minus it with its 95 % interval", header, rows)


def _cell(found: pd.DataFrame, share: float, method: str) -> Cell:
    if share not in found.index:
        return Cell("–", "")
    row = found.loc[share]
    ends = [None if pd.isna(row[name]) else row[name] for name in ("difference_low", "difference_high")]
    minus = interval_text(row["difference"], (ends[0], ends[1]), 3, "+")
    text = f"{row['mean']:.3f}" if method == OURS or pd.isna(row["difference"]) else f"{row['mean']:.3f} ({minus})"
    return Cell(text, float(row["mean"]))


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


def _calibration(results: pd.DataFrame) -> Block:
    table = calibration_table(results)
    shares = sorted(table["share"].unique())
    rows: list[list[Cell]] = []
    for method, one in table.groupby("method", sort=False):
        by = one.set_index("share")
        found = [by.loc[share] if share in by.index else None for share in shares]
        cells = [
            Cell("–", "")
            if row is None
            else Cell(f"{row['ece']:.3f} / {row['pooled']:.3f} / {row['by_chance']:.3f}", float(row["ece"]))
            for row in found
        ]
        rows.append([text_cell(str(method)), *cells])
    caption = "Mean ECE of a draw / ECE of all draws pooled / what true probabilities would get on one draw by chance"
    header = ["method", *(f"{share:.0%}" for share in shares)]
    return table_block("calibration error (ECE)", caption, header, rows)


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


def _taught_heads(results: pd.DataFrame) -> Block:
    table = taught_gain(results)
    shares = sorted(table["share"].unique()) if len(table) else []
    rows: list[list[Cell]] = []
    for omics, one in table.groupby("omics", sort=False) if len(table) else ():
        found = one.set_index("share")
        ends = [found.loc[s, ["low", "high"]] for s in shares]
        texts = [
            interval_text(found.loc[s, "mean"], (None, None) if pd.isna(e["low"]) else (e["low"], e["high"]), 3, "+")
            for s, e in zip(shares, ends, strict=True)
        ]
        cells = [Cell(text, float(found.loc[s, "mean"])) for s, text in zip(shares, texts, strict=True)]
        rows.append([text_cell(str(omics)), *cells])
    header = ["omics", *(f"{share:.0%}" for share in shares)]
    caption = "Macro-F1 of each omics' own head, after distillation minus before, with its 95 % interval"
    return table_block("What distillation brings", caption, header, rows)


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


def _coarse(results: pd.DataFrame) -> Block:
    notes = []
    for beside, words in ((DROPPED, "dropping them"), (OURS, "taking them as unlabelled")):
        gain = coarse_gain(results, beside)
        by = interval_text(gain["mean"], (gain["ci95"][0], gain["ci95"][1]), 3, "+")
        notes.append(f"Patients of whom only the superclass is known change macro-F1 by {by} against {words}.")
    return Block("notes", "Superclass labels", {"notes": notes})
