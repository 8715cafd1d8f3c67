"""The table of a study: each method's scores over the draws, beside the descriptors'."""

from __future__ import annotations

import pandas as pd

from cladeseg.clustering.model import DESCRIPTORS

_SCORES = ("vi_bits", "rand", "ari", "f1_join", "pair_auc", "clusters")
_GROUP = ["kept_back", "part", "method", "zero"]


def study_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean of each score over the draws, with the least and the largest VI and Rand.

    Args:
        rows: of :func:`~cladeseg.clustering.study.run_study`.

    Returns:
        A row for each part, method and zero.  ``vi_gain`` is the descriptors' VI with the same zero minus the
        method's, above zero where the method is better; ``better`` and ``worse`` count the draws where it is so by
        more than 0.005 bits.
    """
    rows = rows.astype(dict.fromkeys(_SCORES, float))
    base = rows[rows["method"] == DESCRIPTORS].rename(columns={"vi_bits": "vi_base"})
    keys = ["kept_back", "part", "zero", "seed"]
    rows = rows.merge(base[[*keys, "vi_base"]], on=keys)
    rows["gain"] = rows["vi_base"] - rows["vi_bits"]
    groups = rows.groupby(_GROUP, sort=False)
    table = groups[list(_SCORES)].mean()
    table["draws"] = groups.size()
    for name in ("vi_bits", "rand"):
        table[f"{name}_least"], table[f"{name}_most"] = groups[name].min(), groups[name].max()
    table["classes"], table["objects"] = groups["classes"].mean(), groups["objects"].mean()
    table["vi_gain"] = groups["gain"].mean()
    table["better"] = groups["gain"].apply(_above)
    table["worse"] = groups["gain"].apply(_below)
    table["chosen"] = groups["chosen"].sum()
    return table.reset_index()


def _above(gains: pd.Series) -> int:
    return int((gains > 0.005).sum())


def _below(gains: pd.Series) -> int:
    return int((gains < -0.005).sum())


def study_page(table: pd.DataFrame) -> str:
    """Markdown: a table for each set of classes and each part, and a sentence on every method that loses."""
    parts = []
    for (kept_back, part), rows in table.groupby(["kept_back", "part"], sort=False):
        parts += [f"**{part} classes, kept back: {kept_back}** ({rows['draws'].iloc[0]} trainings, "
                  f"{rows['objects'].iloc[0]:.0f} objects of {rows['classes'].iloc[0]:.0f} classes)", "",
                  *_lines(rows), "", *_verdicts(rows), ""]  # fmt: skip
    return "\n".join(parts)


def _lines(rows: pd.DataFrame) -> list[str]:
    head = ["methods, zero", "VI (bits)", "Rand", "ARI", "F1 join", "pair AUC", "clusters", "VI below descriptors'"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for one in rows.to_dict("records"):
        cells = [
            f"{one['method']}, {one['zero']}",
            f"{one['vi_bits']:.2f} [{one['vi_bits_least']:.2f}, {one['vi_bits_most']:.2f}]",
            f"{one['rand']:.3f} [{one['rand_least']:.3f}, {one['rand_most']:.3f}]",
            *(f"{one[key]:.2f}" if one[key] == one[key] else "–" for key in ("ari", "f1_join", "pair_auc")),
            f"{one['clusters']:.1f}",
            "" if one["method"] == DESCRIPTORS else f"{one['vi_gain']:+.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _verdicts(rows: pd.DataFrame) -> list[str]:
    """Who is better than the descriptors with the centred zero, and in how many trainings."""
    found = []
    for one in rows[(rows["zero"] == "centred") & (rows["method"] != DESCRIPTORS)].to_dict("records"):
        said = "loses to" if one["vi_gain"] < -0.005 else "beats" if one["vi_gain"] > 0.005 else "equals"
        found.append(
            f"* {one['method']} **{said}** the descriptors here: VI {one['vi_gain']:+.2f} bits better on average; "
            f"better in {one['better']} and worse in {one['worse']} of {one['draws']} trainings."
        )
    return found
