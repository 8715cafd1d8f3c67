"""One draw of a study: some classes are kept back, a model is trained on the others and scored on objects of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.clustering.calibration import ChosenZero, PairLogits
from cladeseg.clustering.descriptors import channels_of
from cladeseg.clustering.metrics import pair_auc, partition_scores
from cladeseg.clustering.model import CENTRED, RAW, ClusteringModel, Measured, ModelOptions, fit_model, measure
from cladeseg.clustering.model.pair_methods import Comparison
from cladeseg.clustering.model.references import choose_references, need_references
from cladeseg.clustering.multicut import Multicut, cluster
from cladeseg.clustering.objects import ObjectSet
from cladeseg.clustering.pqap import PqapParameters
from cladeseg.clustering.study.candidates import candidate_rows
from cladeseg.cohort import split_patients
from cladeseg.files import DataError

UNSEEN, SEEN, BOTH = "unseen", "seen", "both"
_VALIDATION = 0.15


@dataclass(frozen=True)
class Draw:
    """What a model is trained without.

    Attributes:
        number: seed of the split, of the objects and of the training.
        unseen: classes that are kept back.
        absent: further classes that take no part.
    """

    number: int
    unseen: tuple[str, ...]
    absent: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{'+'.join(self.unseen)}_{self.number}".replace("/", "-").replace(" ", "-")


@dataclass(frozen=True)
class StudyPlan:
    """What all draws share.

    Attributes:
        options: of the methods.
        test: share of the sources, or objects, of seen classes that is scored; 0 scores unseen classes alone.
        trained: objects of a class that are trained on at most.
        scored: objects of a class that are scored at most.
        max_pairs: numbers of pairs, fewer than all, that key points are matched for as well.
    """

    options: ModelOptions = field(default_factory=ModelOptions)
    test: float = 0.0
    trained: int = 100
    scored: int = 20
    max_pairs: tuple[int, ...] = ()


def measure_all(objects: ObjectSet, options: ModelOptions, store: Path | None) -> Measured:
    """Every object and pair of a study, once for all draws; the parameters of the assignment are the paper's.

    Args:
        objects: of the study.
        options: of the methods.
        store: keeps matched key points; ``None`` keeps none.
    """
    return measure(objects, _comparison(objects, options), store=store)


def _comparison(objects: ObjectSet, options: ModelOptions) -> Comparison:
    return Comparison(tuple(channels_of(objects)), PqapParameters(), options)


def run_draw(objects: ObjectSet, measured: Measured, draw: Draw, plan: StudyPlan, *, device: str) -> dict[str, Any]:
    """Train and score.

    Objects of one source are never on both sides, also where one of them is of an unseen class.

    Args:
        objects: all of the study, with their classes.
        measured: the same, as :func:`measure_all` sees them.
        draw: what is kept back.
        plan: what all draws share.
        device: of the twin network.

    Returns:
        ``rows``, one for each part, variant and zero, with the cluster of each object; ``parts``, whose id, class and
        source these objects have; ``chosen``; how many objects there were; ``candidates``, what fewer matched pairs
        give on the last part.

    Raises:
        DataError: too few objects are left to train on or to score.
    """
    training, validation, parts = _sides(objects, draw, plan)
    place = {name: row for row, name in enumerate(objects.ids)}
    known = sorted([*training, *validation], key=place.__getitem__)
    labels = objects.subset(known).labels()
    model = fit_model(
        measured.subset(_rows(place, known)), labels, _comparison(objects, plan.options),
        validation=np.isin(known, validation), seed=draw.number, device=device,
    )  # fmt: skip
    kept = choose_references(labels, plan.options.zero.references, seed=draw.number)
    references = _rows(place, known)[kept]
    rows = []
    for part, ids in parts.items():
        seen, classes = measured.subset(_rows(place, ids)), objects.subset(ids).labels()
        there = references if need_references(len(ids)) else references[:0]
        with_references = measured.subset(np.concatenate([_rows(place, ids), there]))
        logits = model.methods.logits(with_references, device, references=len(there))
        rows += _scored(part, model, logits, classes)
    fewer = candidate_rows(model, seen, classes, plan.max_pairs) if plan.max_pairs else []
    counts = {"training": len(training), "validation": len(validation)} | {
        part: len(ids) for part, ids in parts.items()
    }
    about = {part: _about(objects, ids) for part, ids in parts.items()}
    return {
        "chosen": model.chosen, "zero_source": model.zero_source, "objects": counts, "parts": about, "rows": rows,
        "candidates": fewer,
    }  # fmt: skip


def _about(objects: ObjectSet, ids: list[str]) -> dict[str, list[str]]:
    """What intervals need to know of scored objects."""
    return {
        "ids": ids,
        "classes": [objects.classes[one] for one in ids],
        "sources": [objects.sources.get(one, one) for one in ids],
    }


def _rows(place: Mapping[str, int], ids: Sequence[str]) -> np.ndarray:
    return np.array([place[one] for one in ids], dtype=int)


# ---- who trains and who is scored ------------------------------------------------------------------------------------


def _sides(objects: ObjectSet, draw: Draw, plan: StudyPlan) -> tuple[list[str], list[str], dict[str, list[str]]]:
    """Ids that train, that validate, and that are scored: unseen classes, seen classes, both together."""
    rng = np.random.default_rng(draw.number)
    there = [one for one in objects.ids if objects.classes[one] not in draw.absent]
    source = {one: objects.sources.get(one, f"object {one}") for one in there}
    unseen = _few([one for one in there if objects.classes[one] in draw.unseen], objects, plan.scored, rng)
    taken = {source[one] for one in unseen}
    seen = [one for one in there if objects.classes[one] not in draw.unseen and source[one] not in taken]
    if not unseen or not seen:
        raise DataError(f"{', '.join(draw.unseen)}: no object of these classes, or none in another source than theirs")
    groups: dict[str, str] = {}
    for one in seen:
        groups.setdefault(source[one], objects.classes[one])
    split = split_patients(groups, validation=_VALIDATION, test=plan.test, seed=draw.number)
    side = {each: part for part, names in split.items() for each in names}
    most = {"training": plan.trained, "validation": plan.trained, "test": plan.scored}
    ids = {part: _few([one for one in seen if side[source[one]] == part], objects, most[part], rng) for part in most}
    parts = {UNSEEN: unseen}
    if plan.test > 0:
        parts |= {SEEN: ids["test"], BOTH: [*unseen, *ids["test"]]}
    return ids["training"], ids["validation"], parts


def _few(ids: list[str], objects: ObjectSet, most: int, rng: np.random.Generator) -> list[str]:
    """At most so many of each class, in the given order."""
    kept: set[str] = set()
    for name in sorted({objects.classes[one] for one in ids}):
        members = [one for one in ids if objects.classes[one] == name]
        kept |= {members[at] for at in rng.permutation(len(members))[:most]}
    return [one for one in ids if one in kept]


# ---- scores ----------------------------------------------------------------------------------------------------------


def _scored(
    part: str, model: ClusteringModel, logits: Mapping[str, PairLogits], classes: np.ndarray
) -> list[dict[str, Any]]:
    return [
        {"part": part, "method": name, "zero": kind, "chosen": name == model.chosen and kind == CENTRED}
        | _left_out(model.variants[name].zeros[kind])
        | _row(model, logits, classes, name, kind)
        for name in model.variants
        for kind in (RAW, CENTRED)
    ]


def _left_out(zero: ChosenZero) -> dict[str, float]:
    return {"vi_chosen_on": zero.vi_bits, "rand_chosen_on": zero.rand}


def _row(
    model: ClusteringModel, logits: Mapping[str, PairLogits], classes: np.ndarray, name: str, kind: str
) -> dict[str, Any]:
    weights = model.weights(logits, name, kind)
    numbers = cluster(Multicut.from_matrix(weights))
    return {
        **partition_scores(numbers, classes),
        "pair_auc": pair_auc(weights, classes),
        "objects": len(classes),
        "numbers": numbers.tolist(),
    }
