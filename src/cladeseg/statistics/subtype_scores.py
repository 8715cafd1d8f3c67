"""F1, MCC, PR-AUC, AUC and ECE of classes, for all resamples of the patients at once.

scikit-learn has these scores for one set of patients; a thousand resamples of every method and fold would take minutes.
So a resample is a row of weights here, and the tests compare with scikit-learn.
"""

from __future__ import annotations

import numpy as np

SCORES = ("f1", "mcc", "pr_auc", "auc", "ece")
_BINS = 10


def subtype_scores(p: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Scores of (N, C) probabilities against true classes (N,), for each row of weights: score → (R,).

    f1, pr_auc and auc are means over the classes that occur, each against all others: macro-F1, average precision and
    area under the ROC curve.  ece has ten bins of the predicted class's probability.  A patient without a prediction
    (NaN) counts as wrong and as least likely in every class.

    Args:
        p: probabilities.
        classes: int (N,).
        weights: (R, N), how often each patient is taken; once each by default.

    Example:
        >>> found = subtype_scores(np.array([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 1]))
        >>> {name: float(values[0]) for name, values in found.items()}
        {'f1': 1.0, 'mcc': 1.0, 'pr_auc': 1.0, 'auc': 1.0, 'ece': 0.25}
    """
    taken = np.ones((1, len(classes))) if weights is None else np.asarray(weights, dtype=float)
    given = ~np.isnan(p).any(axis=1)
    filled = np.where(given[:, None], p, -1.0)
    predicted = np.where(given, filled.argmax(axis=1), p.shape[1])
    table = _confusion(predicted, classes, taken, p.shape[1] + 1)
    ranked = [_ranking(filled[:, c], classes == c, taken) for c in range(p.shape[1])]
    pr_auc, auc = (_mean_of_defined(np.stack([one[i] for one in ranked])) for i in range(2))
    return {
        "f1": _macro_f1(table),
        "mcc": _mcc(table),
        "pr_auc": pr_auc,
        "auc": auc,
        "ece": _ece(filled.max(axis=1), predicted == classes, taken * given),
    }


def _confusion(predicted: np.ndarray, classes: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """(R, true, predicted)."""
    cell = np.eye(count * count)[classes * count + predicted]
    return (weights @ cell).reshape(len(weights), count, count)


def _macro_f1(table: np.ndarray) -> np.ndarray:
    hit = np.diagonal(table, axis1=1, axis2=2)
    true, called = table.sum(axis=2), table.sum(axis=1)
    f1 = 2 * hit / np.maximum(true + called, 1e-12)
    return (f1 * (true > 0)).sum(axis=1) / np.maximum((true > 0).sum(axis=1), 1)


def _mcc(table: np.ndarray) -> np.ndarray:
    """Gorodkin's R_K; 0 where all patients are, or are called, of one class."""
    total = table.sum(axis=(1, 2))
    hit = np.trace(table, axis1=1, axis2=2)
    true, called = table.sum(axis=2), table.sum(axis=1)
    over = hit * total - (true * called).sum(axis=1)
    under = np.sqrt((total**2 - (true**2).sum(axis=1)) * (total**2 - (called**2).sum(axis=1)))
    return np.divide(over, under, out=np.zeros_like(over), where=under > 1e-9)


def _ranking(score: np.ndarray, member: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average precision and area under the ROC curve of one class, (R,) each; NaN where it does not occur."""
    order = np.argsort(-score, kind="stable")
    # Patients of equal score are passed together: only the last of them is a threshold.
    last = np.append(np.diff(score[order]) != 0, True)
    hits = np.cumsum(weights[:, order] * member[order], axis=1)[:, last]
    alarms = np.cumsum(weights[:, order] * ~member[order], axis=1)[:, last]
    positives, negatives = hits[:, -1:], alarms[:, -1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, fall_out = hits / positives, alarms / negatives
        precision = np.nan_to_num(hits / (hits + alarms))
    pr_auc = (np.diff(recall, axis=1, prepend=0) * precision).sum(axis=1)
    middle = recall - np.diff(recall, axis=1, prepend=0) / 2
    auc = (np.diff(fall_out, axis=1, prepend=0) * middle).sum(axis=1)
    occurs = positives[:, 0] > 0
    return np.where(occurs, pr_auc, np.nan), np.where(occurs & (negatives[:, 0] > 0), auc, np.nan)


def _mean_of_defined(scores: np.ndarray) -> np.ndarray:
    """Over the classes (C, R) that occur in each resample; NaN where none does."""
    defined = ~np.isnan(scores)
    with np.errstate(invalid="ignore"):
        return np.nansum(scores, axis=0) / defined.sum(axis=0)


def _ece(best: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    tenth = np.minimum((best.clip(0) * _BINS).astype(int), _BINS - 1)
    gaps = weights @ (np.eye(_BINS)[tenth] * (best - right)[:, None])
    return np.abs(gaps).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-12)
