"""Pseudo labels of coarse cases as the settings ask for them: what they are made of is decided here and recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.transforms import Compose

from cladeseg.files import write_json
from cladeseg.segmentation.data import CachedDataset, pool_of, supervision_of
from cladeseg.segmentation.data.sampler import COARSE
from cladeseg.segmentation.transforms import LabelRegionsd, LeftOut, RegionLabels, leave_one_out
from cladeseg.segmentation.workflow.settings import TrainingSettings
from cladeseg.taxonomy import FINE, Taxonomy

logger = logging.getLogger(__name__)

#: Finely labelled cases that labels are propagated from; more would cost time for every coarse case and change little.
MAX_ATLASES = 16
#: Methods that learn from propagated labels; those to compare with know nothing of them.
_PROPAGATING = ("supervised", "hierarchical_mix")

Load = Callable[[dict[str, Any]], dict[str, Any]]


def with_propagated_labels(
    load: Load,
    cases: Sequence[Mapping[str, Any]],
    taxonomy: Taxonomy,
    settings: TrainingSettings,
    *,
    record: Path | None = None,
) -> Load:
    """``load``, followed by pseudo labels of the coarse cases' regions if the settings ask for it.

    They come from the first :data:`MAX_ATLASES` finely labelled cases.  Where every case is finely labelled, or none,
    there is nothing to label.

    Args:
        load: preprocessing of a case.
        cases: of the training.
        taxonomy: the tree.
        settings: of the training.
        record: JSON file that gets what was decided about intensity.

    Raises:
        DataError: a finely labelled case cannot be loaded.
    """
    kinds = [pool_of(supervision_of(case)) for case in cases]
    fine = [case for case, kind in zip(cases, kinds, strict=True) if kind == FINE][:MAX_ATLASES]
    wanted = settings.propagation.enabled and settings.method in _PROPAGATING
    if not wanted or not fine or COARSE not in kinds:
        return load
    data = settings.data
    loaded = CachedDataset(fine, load, spacing=data.target_spacing, axis_order=data.axis_order, progress=False)
    groups = [case.get("patient", i) for i, case in enumerate(fine)]
    labels = region_labels([loaded[i] for i in range(len(loaded))], groups, taxonomy, settings, record=record)
    return Compose([load, LabelRegionsd(labels)])


def region_labels(
    fine: Sequence[Mapping[str, Any]],
    groups: Sequence[Any],
    taxonomy: Taxonomy,
    settings: TrainingSettings,
    *,
    record: Path | None = None,
) -> RegionLabels:
    """What labels the coarse regions; with fine cases of two patients or more, these decide about intensity.

    Args:
        fine: finely labelled cases with ``image`` and ``nodes``.
        groups: of each, e.g. its patient.
        taxonomy: the tree.
        settings: of the training.
        record: JSON file that gets what was decided.
    """
    chosen = settings.propagation
    options = {
        "place": chosen.place,
        "axes": chosen.axes,
        "sigma": chosen.sigma,
        "min_agreement": chosen.min_agreement,
        "exponents": chosen.exponents,
    }
    intensity = chosen.intensity
    if intensity:
        supervision = settings.split.superclass or taxonomy.default_superclasses
        scores = leave_one_out(taxonomy, fine, groups=groups, supervision=supervision, **options)
        intensity = scores is None or scores.intensity_helps
        _tell(scores, intensity, record)
    images = [case["image"] for case in fine] if intensity else []
    atlases = [case["nodes"] for case in fine]
    return RegionLabels(taxonomy, atlases, images=images, intensity=intensity, **options)  # type: ignore[arg-type]


def labels_of(dataset: CachedDataset) -> RegionLabels | None:
    """What labels the coarse regions of a training data set; ``None`` if nothing does."""
    steps = dataset.transform.flatten().transforms if isinstance(dataset.transform, Compose) else ()
    return next((step.labels for step in steps if isinstance(step, LabelRegionsd)), None)


def _tell(scores: LeftOut | None, intensity: bool, record: Path | None) -> None:
    """Log what was decided about intensity, and record it."""
    if scores is None:
        logger.info("propagation: intensity is used; one fine patient cannot say whether it helps")
    else:
        logger.info(
            "propagation: intensity is %s: Dice of the left-out fine cases' parts %.3f without, %.3f with it",
            "used" if intensity else "not used",
            *scores,
        )
    if record is not None:
        left_out = None if scores is None else scores._asdict()
        write_json({"intensity": intensity, "left_out_dice": left_out}, record)
