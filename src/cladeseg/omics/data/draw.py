"""Who is tested, and whose label a run may see: drawn by seed, stored with the run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from cladeseg.cohort import draw_share, split_patients
from cladeseg.files import DataError, read_json, write_json
from cladeseg.omics.data.cohort import OmicsCohort
from cladeseg.taxonomy import Taxonomy

#: Of every class, so that it can be learnt and validated at all.
FEWEST_LABELS = 2


@dataclass(frozen=True)
class LabelDraw:
    """One draw.

    Attributes:
        training: patients that a run may see the omics of.
        test: patients that it sees nothing of.
        shown: training patient → node whose name the run may see; others of them are unlabelled.
        rule: how it was drawn, in words.
        settings: seed, draw, label share, test fraction, superclass share.
    """

    training: tuple[str, ...]
    test: tuple[str, ...]
    shown: dict[str, str]
    rule: str = ""
    settings: dict[str, float] = field(default_factory=dict)


RULE = (
    "Test patients: stratified by class, by seed alone. Labels: within each class the training patients in an order "
    f"by (seed, draw), the first round(label_share x size) of them but at least {FEWEST_LABELS}, so that larger shares "
    "hold the smaller ones. Coarse labels: of those that are left, the first coarse_share of each class in the same "
    "order show their superclass. The rest are unlabelled."
)


def draw_labels(
    cohort: OmicsCohort, *, test: float, label_share: float, coarse_share: float = 0.0, seed: int, draw: int
) -> LabelDraw:
    """Split a cohort by patient and hide labels; see :data:`RULE`.

    Args:
        cohort: all patients; those without a label are trained on without one.
        test: fraction of the labelled patients that are held out.
        label_share: fraction of the training labels that are shown.
        coarse_share: fraction of the others who show their superclass.
        seed: of the split, and with ``draw`` of the labels.
        draw: another draw of labels of the same split.

    Raises:
        DataError: too few patients.
    """
    tree = cohort.tree
    named = {p: tree.names[v] for p, v in zip(cohort.patients, cohort.labels, strict=True) if v != tree.root}
    if not named:
        raise DataError("labels: no patient has one; a training needs some")
    parts = split_patients(named, validation=0, test=test, seed=seed)
    trained = {patient: named[patient] for patient in parts["training"]}
    fine = draw_share(trained, label_share, seed=seed, draw=draw, fewest=FEWEST_LABELS)
    rest = {patient: name for patient, name in trained.items() if patient not in set(fine)}
    coarse = draw_share(rest, coarse_share, seed=seed, draw=draw, fewest=0)
    shown = {patient: named[patient] for patient in sorted(fine)}
    shown |= {patient: _superclass(tree, named[patient]) for patient in sorted(coarse)}
    shown = {patient: name for patient, name in shown.items() if name != tree.names[tree.root]}
    unlabelled = set(cohort.patients) - set(named)
    settings = {"test": test, "label_share": label_share, "coarse_share": coarse_share, "seed": seed, "draw": draw}
    return LabelDraw(tuple(sorted({*trained, *unlabelled})), tuple(parts["test"]), shown, RULE, settings)


def _superclass(tree: Taxonomy, name: str) -> str:
    """The node above a class; the class itself where that is the root, as a class that stands alone is its own."""
    above = tree.parent[tree.index(name)]
    return name if above == tree.root else tree.names[above]


def hide_below(cohort: OmicsCohort, draw: LabelDraw) -> OmicsCohort:
    """The training patients with the labels that the draw shows."""
    rows = cohort.rows(draw.training)
    part = cohort.take(rows)
    part.labels[:] = [cohort.tree.index(draw.shown[p]) if p in draw.shown else cohort.tree.root for p in part.patients]
    return part


def open_or_draw(path: str | Path, drawn: LabelDraw) -> LabelDraw:
    """The stored draw of a run, or this one, which is stored.

    Raises:
        DataError: the stored one is damaged, has a patient on both sides, or was drawn otherwise.
    """
    if not Path(path).is_file():
        write_json(asdict(drawn), path)
        return drawn
    stored = read_draw(path)
    if stored != drawn:
        changed = next(
            (name for name in drawn.settings if stored.settings.get(name) != drawn.settings[name]), "patients"
        )
        raise DataError(f"{path}: was drawn with another '{changed}'; choose another --output_dir, or restore the data")
    return stored


def read_draw(path: str | Path) -> LabelDraw:
    """A stored draw.

    Raises:
        DataError: it is missing or damaged, or has a patient on both sides of the split.
    """
    content = read_json(path)
    try:
        draw = LabelDraw(**{**content, "training": tuple(content["training"]), "test": tuple(content["test"])})
        both = sorted(set(draw.training) & {*draw.test})
        stray = sorted(set(draw.shown) - set(draw.training))
    except (TypeError, KeyError) as error:
        raise DataError(f"{path}: is no stored draw ({error}); restore it, or choose another --output_dir") from error
    if both:
        raise DataError(f"{path}: patient '{both[0]}' is in training and in test; a patient belongs to one of them")
    if stray:
        raise DataError(f"{path}: patient '{stray[0]}' shows a label, but is not in training; restore the file")
    return draw


def labels_of(cohort: OmicsCohort, patients: tuple[str, ...]) -> np.ndarray:
    """Nodes of patients."""
    return cohort.labels[cohort.rows(patients)]
