"""Goals: against the better baseline, paired by draw, and met only where the figure reaches them."""

from __future__ import annotations

import pandas as pd
import pytest

from cladeseg.omics.study import Goal, goals, results_markdown

BINS = [[10, 0.75, 0.75]]


def study(ours: float, pca: float, graph: float, head: tuple[float, float], share: float = 0.1) -> pd.DataFrame:
    scores = {
        "ours": ours,
        "ours: meth head": head[1],
        "ours, no distillation: meth head": head[0],
        "ours, no distillation: mrna head": 0.9,
        "pca_lr": pca,
        "graph_lr": graph,
        "distilled_lr": 0.5,
    }
    rows = [
        {"seed": 0, "share": share, "draw": d, "coarse": 0.0, "method": m, "condition": c, "macro_f1": s + 0.01 * d}
        for d in range(3)
        for m, s in scores.items()
        for c in ("clean", "without mrna")
    ]
    return pd.DataFrame([{**row, "accuracy": 0.5, "ece": 0.06, "bins": BINS} for row in rows])


def found(results: pd.DataFrame, words: str) -> Goal:
    return next(goal for goal in goals(results) if words in goal.text)


def test_ours_has_to_be_above_the_better_of_both() -> None:
    goal = found(study(0.75, 0.70, 0.74, (0.4, 0.5)), "above the better")
    assert goal.value == pytest.approx(0.01)
    assert not goal.met
    assert found(study(0.77, 0.70, 0.74, (0.4, 0.5)), "above the better").met


def test_with_many_labels_as_good_is_enough() -> None:
    assert found(study(0.75, 0.70, 0.74, (0.4, 0.5), share=0.5), "above the better").met


def test_the_missing_omics_is_the_one_whose_own_head_is_best() -> None:
    assert found(study(0.75, 0.70, 0.74, (0.4, 0.5)), "without mrna").met


def test_the_weakest_head_gains_only_if_the_interval_is_above_zero() -> None:
    assert found(study(0.75, 0.7, 0.7, (0.4, 0.5)), "the meth head").met
    assert not found(study(0.75, 0.7, 0.7, (0.4, 0.4)), "the meth head").met


def test_calibration_is_shown_for_one_draw_and_for_all() -> None:
    results = study(0.75, 0.7, 0.7, (0.4, 0.5))
    assert not found(results, "ECE of a draw").met
    assert found(results, "pooled").met


def test_the_page_says_which_goals_are_not_met() -> None:
    text = results_markdown(study(0.75, 0.70, 0.74, (0.4, 0.5)), title="T", command="C")
    assert (
        "| above the better of PCA + LR and graph-smoothed LR by 0.02 | 10% | +0.010 [+0.010, +0.010] | **no** |"
        in text
    )
    assert "| **ours** | 0.760 |" in text
