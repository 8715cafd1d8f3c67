"""Parts of the patients that are held out in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from cladeseg.files import DataError


def dealt_folds(classes: np.ndarray, count: int) -> np.ndarray:
    """Fold (N,) of each patient: those of a class are dealt out in turn, each class beginning at another fold.

    Args:
        classes: int (N,); a negative one is not known, and its patient is in fold -1.
        count: number of folds.

    Example:
        >>> dealt_folds(np.array([0, 0, 1, -1, 0]), 2).tolist()
        [0, 1, 1, -1, 0]
    """
    fold = np.full(len(classes), -1)
    for c in np.unique(classes[classes >= 0]):
        rows = np.flatnonzero(classes == c)
        fold[rows] = (np.arange(len(rows)) + c) % count
    return fold


def cross_folds(
    patients: Mapping[str, str], count: int, *, seed: int, together: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Fold of each patient: every class is spread over all folds, and whoever belongs together is in one.

    Patients are dealt in the order of their names, so that the order of the files does not matter.

    Args:
        patients: patient → class.
        count: number of folds.
        seed: another seed is another draw.
        together: patient → e.g. the site, whose patients are all held out at once; by default each is on their own.

    Raises:
        DataError: there are fewer than two folds, or fewer groups or members of a class than folds.

    Example:
        >>> found = cross_folds({f"p{i}": "sick" if i < 4 else "well" for i in range(8)}, 2, seed=0)
        >>> sorted(found.values()), sorted(found[f"p{i}"] for i in range(4))
        ([0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1])
    """
    names = sorted(patients)
    classes = [patients[name] for name in names]
    groups = [name if together is None else together[name] for name in names]
    _refuse_few(classes, groups, count)
    dealer = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    folds = dealer.split(np.zeros((len(names), 1)), classes, groups)
    return {names[row]: fold for fold, (_, held_out) in enumerate(folds) for row in held_out}


def _refuse_few(classes: Sequence[str], groups: Sequence[str], count: int) -> None:
    if count < 2:
        raise DataError(f"folds: {count} was asked for; cross-validation needs two at least")
    if len(set(groups)) < count:
        raise DataError(f"folds: {len(set(groups))} groups of patients cannot fill {count} folds; choose fewer")
    for name, size in sorted(Counter(classes).items()):
        if size < count:
            raise DataError(f"folds: class '{name}' has {size} patients, fewer than the {count} folds; choose fewer")
