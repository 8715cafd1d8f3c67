"""The page of one evaluation: our scores beside every baseline's, reliability, who taught whom, uncertain patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.manifold import TSNE

from cladeseg.omics.model import Predictions
from cladeseg.report import Block, Cell, line_chart, number_cell, reliability_chart, table_block, text_cell, write_page
from cladeseg.taxonomy import Taxonomy

_SCORES = ("macro_f1", "accuracy", "ece")
_SURE, _SPEAKING = 20, 5


def write_omics_page(
    path: str | Path,
    summary: Mapping[str, Any],
    tree: Taxonomy,
    found: Predictions,
    *,
    features: pd.DataFrame,
    embedding: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Write the page.

    Args:
        path: of the page.
        summary: what ``metrics.json`` holds.
        tree: the classes.
        found: the predictions that were scored.
        features: of :func:`~cladeseg.omics.model.top_features`.
        embedding: class → (N, 2) of its patients; see :func:`embedded`.
    """
    blocks = [
        _scores(summary),
        _heads(summary),
        _reliability(summary),
        _confidence(found, tuple(summary["taught"])),
        _teaching(summary),
        _features(features),
    ]
    if embedding is not None:
        blocks.append(_embedding(embedding))
    seen = summary["held_out"]["seen"]
    note = "none of them was seen in training" if not seen else f"{seen} of them were seen in training"
    title = f"{tree.name}: evaluation of {summary['patients']} patients"
    subtitle = f"Macro-F1 {summary['macro_f1']:.3f}; {note}."
    return write_page(path, title, blocks, subtitle=subtitle)


def _scores(summary: Mapping[str, Any]) -> Block:
    methods = {"ours": summary, **summary["baselines"]}
    rows = [[text_cell(name), *(number_cell(one[score]) for score in _SCORES)] for name, one in methods.items()]
    return table_block(
        "Scores", "Every method on the same patients and labels", ["method", "macro-F1", "accuracy", "ECE"], rows
    )


def _heads(summary: Mapping[str, Any]) -> Block:
    rows = [[text_cell(name), *(number_cell(one[s]) for s in _SCORES)] for name, one in summary["heads"].items()]
    return table_block("Each omics alone", "The omics' own heads", ["omics", "macro-F1", "accuracy", "ECE"], rows)


def _reliability(summary: Mapping[str, Any]) -> Block:
    points = [(one["probability"], one["right"]) for one in summary["reliability"]]
    chart = reliability_chart(
        {"ours": points},
        description="Share of right predictions by their probability; on the diagonal both agree.",
    )
    certain = summary["certain"]
    share = f"{certain['share']:.0%} of the patients are above the threshold"
    right = "" if certain["accuracy"] is None else f"; {certain['accuracy']:.0%} of them are right"
    return Block("charts", "Reliability", {"charts": [("Reliability", chart)], "notes": [f"{share}{right}."]})


def _confidence(found: Predictions, omics: Sequence[str]) -> Block:
    """How sure the heads are: patients by the confidence of their omics."""
    steps = np.linspace(0, 1, _SURE + 1)
    series = {}
    for i in range(found.confidence.shape[1]):
        own = found.confidence[:, i]
        own = own[~np.isnan(own)]
        if len(own):
            series[omics[i]] = [(float(s), float((own <= s).mean())) for s in steps]
    chart = line_chart(
        series or {"none": [(0.0, 0.0), (1.0, 0.0)]},
        x_label="confidence",
        y_label="share of patients at or below",
        description="Distribution of each omics' confidence.",
        x_range=(0, 1),
        y_range=(0, 1),
    )
    return Block("charts", "Confidence", {"charts": [("Confidence of each omics", chart)], "notes": []})


def _teaching(summary: Mapping[str, Any]) -> Block:
    names = list(summary["taught"])
    rows = [
        [text_cell(a), *(Cell("–", "") if a == b else number_cell(summary["taught"][a][b]) for b in names)]
        for a in names
    ]
    return table_block("Who teaches whom", "Mean weight, teacher by row, pupil by column", ["teacher", *names], rows)


def _features(table: pd.DataFrame) -> Block:
    """The first features of each node."""
    rows = [
        [
            text_cell(row.node),
            text_cell(row.feature),
            text_cell(row.omics),
            number_cell(row.attribution, 2, sign="+"),
            text_cell("–" if np.isnan(row.kept) else f"{row.kept:.0%}"),
        ]
        for row in table[table["rank"] <= _SPEAKING].itertuples()
    ]
    caption = (
        f"The {_SPEAKING} features of each node that move its log-odds most, by integrated gradients, and in how "
        "many of the fits that lack a part of the labels they are on the list of ten; all in top_features.csv"
    )
    return table_block("What speaks for each node", caption, ["node", "feature", "omics", "log-odds", "kept"], rows)


def embedded(scores: np.ndarray, labels: Sequence[str], seed: int = 0) -> dict[str, np.ndarray] | None:
    """t-SNE of the patients by class; ``None`` for fewer than ten.

    Args:
        scores: (N, K) that the heads see.
        labels: (N,) names of the classes.
        seed: of t-SNE.
    """
    if len(scores) < 10:
        return None
    perplexity = min(30.0, (len(scores) - 1) / 3)
    flat = TSNE(perplexity=perplexity, random_state=seed, init="pca").fit_transform(scores)
    names = np.array(labels)
    return {str(name): flat[names == name] for name in sorted(set(labels))}


def _embedding(embedding: Mapping[str, np.ndarray]) -> Block:
    everybody = np.concatenate(list(embedding.values()))
    low, high = everybody.min(axis=0), everybody.max(axis=0)
    series = {name: [(float(x), float(y)) for x, y in points] for name, points in embedding.items()}
    chart = line_chart(
        series,
        x_label="t-SNE 1",
        y_label="t-SNE 2",
        description="Patients by their class; near ones are alike in all omics.",
        x_range=(float(low[0]), float(high[0])),
        y_range=(float(low[1]), float(high[1])),
        lines=False,
    )
    return Block("charts", "Embedding", {"charts": [("t-SNE of what the heads see", chart)], "notes": []})
