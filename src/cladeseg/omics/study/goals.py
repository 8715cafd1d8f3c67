"""What the method was built to reach, and what a study says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from cladeseg.omics.study.cell import LINEAR, OURS
from cladeseg.omics.study.summary import calibration_table, coarse_gain, difference_to, taught_gain

#: Shares of labels up to which ours should be better by :data:`MARGIN`, not only as good.
FEW_LABELS, MARGIN, LARGEST_ECE = 0.1, 0.02, 0.05
_SIMPLE = ("pca_lr", "graph_lr")


@dataclass(frozen=True)
class Goal:
    """One goal at one share of labels.

    Attributes:
        text: what is asked for.
        share: of labels.
        value: what was found.
        low: of its 95 % interval; ``None`` where there is one draw.
        high: of it.
        met: whether the value reaches the goal.
    """

    text: str
    share: float
    value: float
    low: float | None
    high: float | None
    met: bool


def goals(results: pd.DataFrame) -> list[Goal]:
    """Every goal at every share that a study has.

    Args:
        results: of :func:`~cladeseg.omics.study.study.read_study`.
    """
    plain = results[results["coarse"] == 0]
    found = [*_clean(plain), *_missing(plain), *_stress(plain), *_calibrated(plain), *_taught(plain)]
    return found + ([_superclasses(results)] if (results["coarse"] > 0).any() else [])


def leading_omics(results: pd.DataFrame) -> str:
    """The omics whose own head, before it is taught, is best on average."""
    heads = _head_means(results)
    return str(heads.idxmax()) if len(heads) else ""


def _clean(results: pd.DataFrame) -> Iterator[Goal]:
    yield from _against(results, "clean", _SIMPLE, "above the better of PCA + LR and graph-smoothed LR", MARGIN)


def _missing(results: pd.DataFrame) -> Iterator[Goal]:
    condition = f"without {leading_omics(results)}"
    yield from _against(results, condition, ("distilled_lr",), f"{condition}: above distilled LR", MARGIN)


def _stress(results: pd.DataFrame) -> Iterator[Goal]:
    """Beside every baseline that was run."""
    every = [m for m in results["method"].unique() if not m.startswith(OURS)] or list(LINEAR)
    for condition in ("noise 0.5 SD", "masked 50%"):
        yield from _against(results, condition, every, f"{condition}: at least every baseline that was run", 0.0)


def _against(
    results: pd.DataFrame, condition: str, methods: tuple[str, ...] | list[str], text: str, margin: float
) -> Iterator[Goal]:
    """Ours minus the method of the best mean, paired by draw."""
    part = results[results["condition"] == condition]
    for share, one in part.groupby("share"):
        means = one[one["method"].isin(methods)].groupby("method")["macro_f1"].mean()
        if means.empty:
            continue
        estimate = difference_to(one, str(means.idxmax()))
        least = margin if share <= FEW_LABELS else 0.0
        wanted = f" by {least:.2f}" if least else ""
        if estimate["mean"] is not None:
            low, high = estimate["ci95"]
            yield Goal(f"{text}{wanted}", float(share), estimate["mean"], low, high, estimate["mean"] >= least)


def _calibrated(results: pd.DataFrame) -> Iterator[Goal]:
    table = calibration_table(results)
    for row in table[(table["method"] == OURS) & (table["condition"] == "clean")].itertuples():
        for text, value in (("mean ECE of a draw", row.ece), ("ECE of all draws pooled", row.pooled)):
            yield Goal(f"{text} at most {LARGEST_ECE}", row.share, value, None, None, value <= LARGEST_ECE)


def _taught(results: pd.DataFrame) -> Iterator[Goal]:
    heads = _head_means(results)
    weakest = str(heads.idxmin()) if len(heads) else ""
    table = taught_gain(results)
    # Where every label is shown nobody is left to be taught.
    for row in table[(table["omics"] == weakest) & (table["share"] < 1)].itertuples() if len(table) else ():
        low, high = (None if pd.isna(end) else end for end in (row.low, row.high))
        text = f"the {weakest} head, the weakest, gains from distillation, the interval above 0"
        yield Goal(text, row.share, row.mean, low, high, low is not None and low > 0)


def _superclasses(results: pd.DataFrame) -> Goal:
    gain = coarse_gain(results)
    share = float(results.loc[results["coarse"] > 0, "share"].iloc[0])
    mean = float("nan") if gain["mean"] is None else gain["mean"]
    low, high = gain["ci95"]
    return Goal(
        "superclass labels of all others bring more than dropping these patients", share, mean, low, high, mean > 0
    )


def _head_means(results: pd.DataFrame) -> pd.Series:
    """Omics → mean macro-F1 of its own head before it is taught."""
    prefix = f"{OURS}, no distillation: "
    own = results[results["method"].str.startswith(prefix)]
    return own.groupby(own["method"].str.removeprefix(prefix).str.removesuffix(" head"))["macro_f1"].mean()
