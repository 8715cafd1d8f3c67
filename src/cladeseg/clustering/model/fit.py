"""Trains a clustering model: methods on all training objects, weights and zeros on classes that were left out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from math import comb
from typing import NamedTuple

import numpy as np
import torch

from cladeseg.clustering.calibration import (
    ChosenZero,
    Combination,
    PairLogits,
    Zero,
    choose_zero,
    draw_batches,
    fit_combination,
)
from cladeseg.clustering.model.clustering_model import CENTRED, COMBINED, RAW, ClusteringModel, Variant
from cladeseg.clustering.model.options import ZeroOptions
from cladeseg.clustering.model.pair_methods import Comparison, Measured, PairMethods, fit_methods
from cladeseg.clustering.model.references import choose_references
from cladeseg.files import DataError

logger = logging.getLogger(__name__)

LEFT_OUT = "training classes that were left out"
VALIDATION = "validation objects of training classes, as there are fewer than four classes"


class Judged(NamedTuple):
    """Objects that the methods behind their logits have not seen.

    Attributes:
        logits: of each method, of n objects.
        classes: (n,).
    """

    logits: dict[str, PairLogits]
    classes: np.ndarray


def fit_model(
    seen: Measured,
    classes: np.ndarray,
    comparison: Comparison,
    *,
    validation: np.ndarray,
    seed: int,
    device: str | torch.device = "cpu",
) -> ClusteringModel:
    """Train methods, then choose their weights and zeros as if some of the classes had never been seen.

    Args:
        seen: training and validation objects; n of them.
        classes: (n,), at least two of two objects.
        comparison: what was prepared on the training objects.
        validation: which of them are for validation; bool (n,).
        seed: of all draws.
        device: of the twin network.

    Raises:
        DataError: there are fewer than two classes with two objects.
    """
    check_classes(classes)
    options = comparison.options
    parts, source = _judged(seen, classes, comparison, validation=validation, seed=seed, device=device)
    logger.info("methods are trained on %d objects of %d classes", len(classes), np.unique(classes).size)
    methods = fit_methods(
        seen, classes, comparison, validation=validation, steps=options.twin.steps, seed=seed, device=device
    )
    variants = _variants(methods, parts, options.zero, seed)
    chosen = min(variants, key=_Judgement(variants))
    names, counts = np.unique(classes, return_counts=True)
    known = dict(zip(map(str, names), map(int, counts), strict=True))
    return ClusteringModel(methods, variants, chosen, source, known)


def check_classes(classes: np.ndarray) -> None:
    """Refuse what cannot be learnt from.

    Raises:
        DataError: fewer than two classes have two objects.
    """
    _, counts = np.unique(classes, return_counts=True)
    if (counts > 1).sum() < 2:
        raise DataError(
            f"labels.csv: {(counts > 1).sum()} of {counts.size} classes have two training objects or more; "
            "pairs of one class and of two are learnt from, so label more objects"
        )


class _Judgement:
    """Variation of information where the zero was chosen; of equal variants, the combination goes first."""

    def __init__(self, variants: dict[str, Variant]) -> None:
        self.variants = variants

    def __call__(self, name: str) -> tuple[float, bool]:
        return round(self.variants[name].zeros[CENTRED].vi_bits, 2), name != COMBINED


# ---- classes left out ------------------------------------------------------------------------------------------------


def _judged(
    seen: Measured, classes: np.ndarray, comparison: Comparison, *, validation: np.ndarray, seed: int,
    device: str | torch.device,
) -> tuple[list[Judged], str]:  # fmt: skip
    rng = np.random.default_rng(seed)
    steps = comparison.options.twin.fold_steps
    draws = list(_left_out(classes, comparison.options.zero, _most_draws(seen, comparison), rng))
    if not draws:
        draws, source = [_of_seen_classes(classes, validation)], VALIDATION
        steps = comparison.options.twin.steps
    else:
        source = LEFT_OUT
    parts = []
    for number, out in enumerate(draws):
        logger.info("draw %d of %d: %s", number + 1, len(draws), source)
        inside = np.flatnonzero(~out)
        held = _useful(validation[inside] if source == LEFT_OUT else rng.random(inside.size) < 0.2, classes[inside])
        methods = fit_methods(
            seen.subset(inside), classes[inside], comparison,
            validation=held, steps=steps, seed=seed + number, device=device,
        )  # fmt: skip
        kept = inside[choose_references(classes[inside], comparison.options.zero.references, seed=seed + number)]
        held_out = seen.subset(np.concatenate([np.flatnonzero(out), kept]))
        parts.append(Judged(methods.logits(held_out, device, references=len(kept)), classes[out]))
    return parts, source


def _useful(held: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """A part for validation that leaves every class two objects to train on."""
    held = held.copy()
    for name in np.unique(classes):
        members = np.flatnonzero(classes == name)
        if (~held[members]).sum() < 2:
            held[members[:2]] = False
    return held


def _most_draws(seen: Measured, comparison: Comparison) -> int:
    options = comparison.options
    return options.zero.folds if seen.pictures is None else min(options.zero.folds, options.twin.folds)


def _left_out(classes: np.ndarray, options: ZeroOptions, most: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Which objects each draw leaves out, whole classes; nothing with fewer than four classes of two objects."""
    names, counts = np.unique(classes, return_counts=True)
    if (counts > 1).sum() < 4:
        return
    several = names[counts > 1]
    number = int(np.clip(round(options.left_out * several.size), 2, several.size - 2))
    drawn: set[frozenset[str]] = set()
    while len(drawn) < min(most, comb(several.size, number)):
        out = frozenset(rng.choice(several, number, replace=False).tolist())
        if out not in drawn:
            drawn.add(out)
            yield np.isin(classes, list(out))


def _of_seen_classes(classes: np.ndarray, validation: np.ndarray) -> np.ndarray:
    """Half of each class, at least two where two others remain, unless the validation objects will do."""
    out = np.zeros(len(classes), dtype=bool)
    for name in np.unique(classes):
        members = np.flatnonzero(classes == name)
        held = members[validation[members]]
        wanted = max(2, len(held)) if len(members) >= 4 else 0
        out[np.concatenate([held, np.setdiff1d(members, held)])[:wanted]] = True
    return out


# ---- weights and zeros -----------------------------------------------------------------------------------------------


def _variants(methods: PairMethods, parts: Sequence[Judged], options: ZeroOptions, seed: int) -> dict[str, Variant]:
    alone = {name: (name,) for name in methods.names}
    wanted = {**alone, COMBINED: methods.names} if len(alone) > 1 else alone
    return {name: _variant(held, parts, options, seed) for name, held in wanted.items()}


def _variant(names: Sequence[str], parts: Sequence[Judged], options: ZeroOptions, seed: int) -> Variant:
    useful = [part for part in parts if len(part.classes) > 2]
    if not useful:
        zero = ChosenZero(Zero(centre=False), 0.0, 0.0, 0)
        return Variant(Combination(tuple(names), (1.0 / len(names),) * len(names), 0.0), {RAW: zero, CENTRED: zero})
    combination = fit_combination(names, useful)
    rng = np.random.default_rng(seed)
    batches = [
        batch
        for part in useful
        for batch in draw_batches(combination.logits(part.logits), part.classes, number=options.batches, rng=rng)
    ]
    zeros = {kind: choose_zero(batches, centre=kind == CENTRED) for kind in (RAW, CENTRED)}
    logger.info(
        "%s: VI %.3f bits, Rand %.1f %% on %s", " + ".join(names), zeros[CENTRED].vi_bits, 100 * zeros[CENTRED].rand,
        "objects left out",
    )  # fmt: skip
    return Variant(combination, zeros)
