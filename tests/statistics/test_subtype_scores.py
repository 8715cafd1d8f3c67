"""Scores equal scikit-learn's, resample by resample; intervals and differences are paired."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, matthews_corrcoef, roc_auc_score

from cladeseg.statistics import FoldBootstrap, class_scores, subtype_scores


def drawn(seed: int, n: int = 60, classes: int = 3, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, n)
    p = generator.dirichlet(np.ones(classes), n) + 0.4 * np.eye(classes)[truth]
    p = p / p.sum(axis=1, keepdims=True)
    return (p if steps is None else np.round(p * steps) / steps), truth


@pytest.mark.parametrize("steps", [None, 4])
def test_scores_are_those_of_scikit_learn_with_ties_and_repeated_patients(steps: int | None) -> None:
    p, truth = drawn(0, steps=steps)
    weights = np.random.default_rng(1).multinomial(60, np.full(60, 1 / 60), 5)
    found = subtype_scores(p, truth, weights)
    for number, row in enumerate(weights):
        rows = np.repeat(np.arange(60), row)
        one, classes = p[rows], truth[rows]
        called = one.argmax(axis=1)
        assert found["f1"][number] == pytest.approx(f1_score(classes, called, average="macro"))
        assert found["mcc"][number] == pytest.approx(matthews_corrcoef(classes, called))
        each = [(classes == c, one[:, c]) for c in range(3)]
        assert found["auc"][number] == pytest.approx(np.mean([roc_auc_score(*pair) for pair in each]))
        assert found["pr_auc"][number] == pytest.approx(np.mean([average_precision_score(*pair) for pair in each]))


def test_the_calibration_error_is_that_of_class_scores() -> None:
    p, truth = drawn(2)
    assert subtype_scores(p, truth)["ece"][0] == pytest.approx(class_scores(p, truth)["ece"])


def test_a_patient_without_a_prediction_counts_as_wrong() -> None:
    p = np.array([[0.9, 0.1], [np.nan, np.nan], [0.2, 0.8], [0.3, 0.7]])
    found = subtype_scores(p, np.array([0, 0, 1, 1]))
    assert found["f1"][0] == pytest.approx((2 / 3 + 1) / 2)
    assert found["auc"][0] < 1


def test_a_class_that_is_not_drawn_is_left_out_of_the_mean() -> None:
    p, truth = drawn(3, classes=2)
    p3 = np.hstack([p, np.zeros((60, 1))])
    assert subtype_scores(p3, truth)["auc"][0] == pytest.approx(subtype_scores(p, truth)["auc"][0])


def test_means_are_over_folds_and_lie_in_their_interval() -> None:
    p, truth = drawn(4)
    folds = np.arange(60) % 3
    found = FoldBootstrap(folds).scores(p, truth)
    for name, estimate in found["mean"].items():
        assert estimate["mean"] == pytest.approx(np.mean([one[name] for one in found["folds"]]))
    low, high = found["mean"]["auc"]["ci95"]
    assert low is not None
    assert high is not None
    assert low < found["folds"][0]["auc"] + 0.2
    assert low <= found["mean"]["auc"]["mean"] <= high  # type: ignore[operator]


def test_the_interval_of_a_calibrated_method_holds_its_error() -> None:
    generator = np.random.default_rng(6)
    p = generator.dirichlet(np.ones(3), 300)
    truth = np.array([generator.choice(3, p=row) for row in p])
    one = FoldBootstrap(np.arange(300) % 5).scores(p, truth)["mean"]["ece"]
    low, high = one["ci95"]
    assert low is not None
    assert high is not None
    assert low < float(one["mean"] or 0) < high


def test_a_method_does_not_differ_from_itself_and_chance_is_below_it() -> None:
    p, truth = drawn(5)
    bootstrap = FoldBootstrap(np.arange(60) % 2)
    same = bootstrap.differences(p, p, truth)
    assert all(one == {"mean": 0.0, "ci95": [0.0, 0.0], "n": 60} for one in same.values())
    chance = np.random.default_rng(0).dirichlet(np.ones(3), 60)
    low = bootstrap.differences(p, chance, truth)["auc"]["ci95"][0]
    assert low is not None
    assert low > 0
