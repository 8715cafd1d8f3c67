"""The page of a study: goals, curves, a table for each condition, calibration, what distillation brings, features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cladeseg.omics.study.cell import DROPPED, OURS
from cladeseg.omics.study.goals import goals
from cladeseg.omics.study.summary import calibration_table, coarse_gain, common_features, study_table, taught_gain
from cladeseg.report import (
    Block,
    Cell,
    Chart,
    interval_text,
    line_chart,
    number_cell,
    table_block,
    text_cell,
    write_page,
)

#: As many as lines can be told apart: ours, and the baselines that the goals name.
_DRAWN = (OURS, "pca_lr", "graph_lr", "tuned_graph_lr", "distilled_lr", "completed_lr")


def study_page(results: pd.DataFrame, path: str | Path, *, title: str = "Omics study") -> Path:
    """The page of a study: curves over shares, a table for each condition, calibration.

    Raises:
        DataError: it cannot be written.
    """
    table = study_table(results)
    plain = table[table["coarse"] == 0]
    blocks = [_goals(results), _curves(plain)]
    for condition in plain["condition"].unique():
        blocks.append(_condition(plain[plain["condition"] == condition], str(condition)))
    blocks.append(_calibration(results[(results["coarse"] == 0) & (results["condition"] == "clean")]))
    blocks.append(_taught_heads(results))
    if (table["coarse"] > 0).any():
        blocks.append(_coarse(results))
    blocks.append(_features(results))
    draws = results["draw"].nunique()
    return write_page(
        path, title, blocks, subtitle=f"Means over {draws} draws of labels; macro-F1 on held-out patients."
    )


def _goals(results: pd.DataFrame) -> Block:
    rows: list[list[Cell]] = []
    for goal in goals(results):
        figure = interval_text(goal.value, (goal.low, goal.high), 3, "" if "ECE" in goal.text else "+")
        met = text_cell("yes" if goal.met else "no")
        rows.append([text_cell(goal.text, wide=True), text_cell(f"{goal.share:.0%}"), Cell(figure, goal.value), met])
    caption = "What the method was built to reach, and what was found, with its 95 % interval over draws"
    return table_block("Goals", caption, ["goal", "labels", "figure", "met"], rows)


def _features(results: pd.DataFrame) -> Block:
    table = common_features(results)
    shares = sorted(table["share"].unique())
    rows: list[list[Cell]] = []
    for node, one in table.groupby("node", sort=False):
        by = one.set_index("share")["common"]
        rows.append([text_cell(str(node)), *(number_cell(by.get(share), 2) for share in shares)])
    caption = "Share of the ten features that speak most for a node which another draw's ten hold too, mean over pairs"
    return table_block("Features that stay", caption, ["node", *(f"{share:.0%}" for share in shares)], rows)


def _curves(table: pd.DataFrame) -> Block:
    charts: list[tuple[str, Chart]] = []
    for condition in [
        c for c in ("clean", *table["condition"].unique()) if c == "clean" or str(c).startswith("without")
    ]:
        part = table[table["condition"] == condition]
        series = {
            str(method): [(float(np.log10(s)), float(m)) for s, m in zip(one["share"], one["mean"], strict=True)]
            for method, one in part.groupby("method", sort=False)
            if method in _DRAWN
        }
        if series and (condition != "clean" or not charts):
            text = "Macro-F1 against the share of labels that is shown, for ours and the baselines that come near."
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


def _coarse(results: pd.DataFrame) -> Block:
    notes = []
    for beside, words in ((DROPPED, "dropping them"), (OURS, "taking them as unlabelled")):
        gain = coarse_gain(results, beside)
        by = interval_text(gain["mean"], (gain["ci95"][0], gain["ci95"][1]), 3, "+")
        notes.append(f"Patients of whom only the superclass is known change macro-F1 by {by} against {words}.")
    return Block("notes", "Superclass labels", {"notes": notes})
