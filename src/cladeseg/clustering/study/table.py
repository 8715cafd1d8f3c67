"""The table of a study: each method's scores over the draws, beside the descriptors'."""

from __future__ import annotations

import pandas as pd

from cladeseg.clustering.model import DESCRIPTORS
from cladeseg.clustering.study.intervals import mean_intervals

_SCORES = ("vi_bits", "rand", "ari", "f1_join", "pair_auc", "clusters")
_GROUP = ["kept_back", "part", "method", "zero"]
_EQUAL = 0.005  # bits


def study_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean of each score over the draws, with 95 % intervals of VI, Rand and the gain in VI.

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
    table["classes"], table["objects"] = groups["classes"].mean(), groups["objects"].mean()
    table["vi_gain"] = groups["gain"].mean()
    table["better"] = groups["gain"].apply(_above)
    table["worse"] = groups["gain"].apply(_below)
    table["chosen"] = groups["chosen"].sum()
    return table.join(_intervals(rows)).reset_index()


def _above(gains: pd.Series) -> int:
    return int((gains > _EQUAL).sum())


def _below(gains: pd.Series) -> int:
    return int((gains < -_EQUAL).sum())


def _intervals(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns vi_bits_low, vi_bits_high and so on, for each group."""
    found = {}
    for key, group in rows.groupby(_GROUP, sort=False):
        kept_back, part, _, zero = key
        same = (rows["kept_back"] == kept_back) & (rows["part"] == part) & (rows["zero"] == zero)
        ends = mean_intervals(group, rows[same & (rows["method"] == DESCRIPTORS)])
        found[key] = {
            f"{name}_{end}": value
            for name, pair in ends.items()
            for end, value in zip(("low", "high"), pair, strict=True)
        }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis(_GROUP)


def study_page(table: pd.DataFrame) -> str:
    """Markdown: a table for each set of classes and each part, and a sentence on every method beside descriptors."""
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
            f"{one['vi_bits']:.2f} [{one['vi_bits_low']:.2f}, {one['vi_bits_high']:.2f}]",
            f"{one['rand']:.3f} [{one['rand_low']:.3f}, {one['rand_high']:.3f}]",
            *(f"{one[key]:.2f}" if one[key] == one[key] else "–" for key in ("ari", "f1_join", "pair_auc")),
            f"{one['clusters']:.1f}",
            "" if one["method"] == DESCRIPTORS else _gain(one),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _gain(one: dict[str, float]) -> str:
    return f"{one['vi_gain']:+.2f} [{one['vi_gain_low']:+.2f}, {one['vi_gain_high']:+.2f}]"


def _verdicts(rows: pd.DataFrame) -> list[str]:
    """Who is better than the descriptors with the centred zero, how surely, and in how many trainings."""
    found = []
    for one in rows[(rows["zero"] == "centred") & (rows["method"] != DESCRIPTORS)].to_dict("records"):
        said = "loses to" if one["vi_gain"] < -_EQUAL else "beats" if one["vi_gain"] > _EQUAL else "equals"
        sure = "" if one["vi_gain_low"] > 0 or one["vi_gain_high"] < 0 else ", but the interval holds zero"
        way = "better" if one["vi_gain"] > 0 else "worse"
        by = "" if said == "equals" else f": VI {abs(one['vi_gain']):.2f} bits {way} on average"
        found.append(
            f"* {one['method']} **{said}** the descriptors here{by}{sure}. "
            f"It is better in {one['better']} and worse in {one['worse']} of {one['draws']} trainings."
        )
    return found
