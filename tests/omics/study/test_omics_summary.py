"""Figures of a study: pooled calibration against a closed form, and gains paired by draw."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from cladeseg.omics.study import calibration_table, coarse_gain, common_features, taught_gain
from cladeseg.omics.study.summary import pooled_calibration


def test_errors_of_opposite_sign_cancel_over_draws_and_not_within_one() -> None:
    sure, unsure = [[10, 0.75, 0.5]], [[10, 0.75, 1.0]]
    assert pooled_calibration([sure])[0] == pytest.approx(0.25)
    assert pooled_calibration([sure, unsure])[0] == pytest.approx(0)


def test_what_chance_alone_gives_falls_with_the_root_of_the_patients() -> None:
    few, many = (pooled_calibration([[[n, 0.75, 0.75]]])[1] for n in (10, 1000))
    assert few == pytest.approx(math.sqrt(2 * 0.75 * 0.25 / (math.pi * 10)))
    assert many == pytest.approx(few / 10)


def test_gains_of_taught_heads_are_paired_by_draw() -> None:
    scores = {"ours: meth head": (0.5, 0.7), "ours, no distillation: meth head": (0.4, 0.5)}
    rows = [
        {"method": method, "condition": "clean", "share": 0.1, "coarse": 0.0, "draw": draw, "macro_f1": score}
        for method, both in scores.items()
        for draw, score in enumerate(both)
    ]
    gain = taught_gain(pd.DataFrame(rows))
    assert gain[["omics", "share"]].to_numpy().tolist() == [["meth", 0.1]]
    assert gain.loc[0, "mean"] == pytest.approx(0.15)
    assert gain.loc[0, "low"] >= 0.1 - 1e-9


def test_calibration_leaves_out_rows_without_bins() -> None:
    row = {"method": "ours", "condition": "clean", "share": 0.1, "ece": 0.25, "bins": [[10, 0.75, 0.5]]}
    found = calibration_table(pd.DataFrame([row, {**row, "method": "ours: meth head", "bins": None}]))
    assert found["method"].tolist() == ["ours"]
    assert found.loc[0, "pooled"] == pytest.approx(0.25)


def test_common_features_are_the_share_of_a_list_that_other_draws_name() -> None:
    lists = [{"basal": ["a", "b"]}, {"basal": ["b", "c"]}, {"basal": ["b", "a"], "luminal": ["z"]}]
    rows = [{"share": 0.1, "draw": d, "features": one} for d, one in enumerate(lists)]
    found = common_features(pd.DataFrame(rows))
    assert found[["share", "node"]].to_numpy().tolist() == [[0.1, "basal"]]  # one list alone is nothing to compare
    assert found.loc[0, "common"] == pytest.approx((0.5 + 1.0 + 0.5) / 3)


def test_superclass_labels_are_compared_with_dropping_and_with_hiding() -> None:
    scores = {(1.0, "ours"): 0.6, (1.0, "ours, others dropped"): 0.55, (0.0, "ours"): 0.5}
    rows = [
        {"share": 0.2, "draw": d, "coarse": coarse, "method": method, "condition": "clean", "macro_f1": score}
        for (coarse, method), score in scores.items()
        for d in range(2)
    ]
    assert coarse_gain(pd.DataFrame(rows))["mean"] == pytest.approx(0.05)
    assert coarse_gain(pd.DataFrame(rows), "ours")["mean"] == pytest.approx(0.1)
