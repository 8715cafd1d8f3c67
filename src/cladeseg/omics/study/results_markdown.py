"""The study as a page of Markdown: goals, tables, calibration, what distillation brings, features that stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from cladeseg.omics.study.cell import DROPPED, OURS
from cladeseg.omics.study.goals import Goal, goals
from cladeseg.omics.study.summary import calibration_table, coarse_gain, common_features, study_table, taught_gain
from cladeseg.report import interval_text
from cladeseg.statistics import Estimate

#: Conditions whose tables are written out; table.csv holds all.
_SHOWN = ("clean", "noise 0.5 SD", "masked 50%")


def results_markdown(results: pd.DataFrame, *, title: str, command: str) -> str:
    """The page; the same results give the same text.

    Args:
        results: of :func:`~cladeseg.omics.study.study.read_study`.
        title: heading.
        command: that makes these results.
    """
    draws, seeds = results["draw"].nunique(), ", ".join(str(s) for s in sorted(results["seed"].unique()))
    about = (
        f"`{command}`: seed {seeds}, {draws} draws of labels. Macro-F1 on held-out patients, mean over the draws that "
        "a method was run on; in brackets ours minus the method on the same draws, with the 95 % interval. Where all "
        "labels are shown there is one draw. `make results` writes this page from the files in records/; "
        "[table.csv](table.csv) holds all conditions, and how many draws each mean is of."
    )
    parts = [f"# {title}", about, "## Goals", _goals(goals(results))]
    plain = results[results["coarse"] == 0]
    table = study_table(plain)
    shown = [*_SHOWN, *(c for c in table["condition"].unique() if str(c).startswith("without"))]
    for condition in shown:
        one = table[table["condition"] == condition]
        parts += [f"## {condition}".capitalize() if condition == "clean" else f"## {condition}", _condition(one)]
    parts += [
        "## Calibration",
        _calibration(plain),
        "## What distillation brings to each omics' own head",
        _taught(plain),
    ]
    if (results["coarse"] > 0).any():
        parts += ["## Superclass labels", _coarse(results)]
    parts += ["## Features that other draws name as well", _features(plain)]
    return "\n\n".join(parts) + "\n"


def _goals(found: Sequence[Goal]) -> str:
    rows = [
        (
            goal.text,
            f"{goal.share:.0%}",
            _text(goal.value, goal.low, goal.high, "" if "ECE" in goal.text else "+"),
            "yes" if goal.met else "**no**",
        )
        for goal in found
    ]
    met = sum(goal.met for goal in found)
    return f"{met} of {len(found)} are met.\n\n" + _table(("goal", "labels", "figure", "met"), rows)


def _condition(table: pd.DataFrame) -> str:
    shares = sorted(table["share"].unique())
    rows = []
    for method, one in table[~table["method"].str.endswith(" head")].groupby("method", sort=False):
        by = one.set_index("share")
        rows.append((_bold(str(method)), *(_score(by, share, str(method)) for share in shares)))
    return _table(("method", *(f"{share:.0%}" for share in shares)), rows)


def _score(by: pd.DataFrame, share: float, method: str) -> str:
    if share not in by.index:
        return "–"
    row = by.loc[share]
    if method == OURS or pd.isna(row["difference"]):
        return f"{row['mean']:.3f}"
    return f"{row['mean']:.3f} ({_text(row['difference'], row['difference_low'], row['difference_high'])})"


def _calibration(results: pd.DataFrame) -> str:
    table = calibration_table(results)
    table = table[table["condition"] == "clean"]
    shares = sorted(table["share"].unique())
    rows = []
    for method, one in table.groupby("method", sort=False):
        by = one.set_index("share")
        cells = (
            f"{by.loc[s, 'ece']:.3f} / {by.loc[s, 'pooled']:.3f} / {by.loc[s, 'by_chance']:.3f}"
            if s in by.index
            else "–"
            for s in shares
        )
        rows.append((_bold(str(method)), *cells))
    words = "Mean ECE of a draw / ECE of all draws pooled / what true probabilities would get on one draw by chance."
    return words + "\n\n" + _table(("method", *(f"{share:.0%}" for share in shares)), rows)


def _taught(results: pd.DataFrame) -> str:
    table = taught_gain(results)
    if table.empty:
        return "–"
    shares = sorted(table["share"].unique())
    rows = []
    for omics, one in table.groupby("omics", sort=False):
        by = one.set_index("share")
        rows.append((str(omics), *(_text(*by.loc[s, ["mean", "low", "high"]]) for s in shares)))
    return _table(("omics", *(f"{share:.0%}" for share in shares)), rows)


def _coarse(results: pd.DataFrame) -> str:
    share = results.loc[results["coarse"] > 0, "share"].iloc[0]
    dropped, unlabelled = (_estimate(coarse_gain(results, beside)) for beside in (DROPPED, OURS))
    return (
        f"Class labels of {share:.0%} of the patients, and of all others the superclass: macro-F1 {dropped} against "
        f"training without these others, {unlabelled} against taking them as unlabelled."
    )


def _features(results: pd.DataFrame) -> str:
    table = common_features(results)
    if table.empty:
        return "–"
    shares = sorted(table["share"].unique())
    rows = []
    for node, one in table.groupby("node", sort=False):
        by = one.set_index("share")["common"]
        rows.append((str(node), *(f"{by[s]:.2f}" if s in by.index else "–" for s in shares)))
    words = (
        "Share of the ten features that speak most for a node which another draw's ten hold too, mean over all pairs."
    )
    return words + "\n\n" + _table(("node", *(f"{share:.0%}" for share in shares)), rows)


def _bold(method: str) -> str:
    return f"**{method}**" if method == OURS else method


def _estimate(estimate: Estimate) -> str:
    low, high = estimate["ci95"]
    return _text(estimate["mean"], low, high)


def _text(value: float | None, low: float | None, high: float | None, sign: str = "+") -> str:
    ends = tuple(None if end is None or pd.isna(end) else float(end) for end in (low, high))
    return interval_text(value, (ends[0], ends[1]), 3, sign)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
