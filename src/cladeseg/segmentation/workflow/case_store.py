"""The store of loaded cases, and everything that decides what is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cladeseg.bundle.provenance import commit, versions
from cladeseg.bundle.trained_tree import tree_record
from cladeseg.segmentation.data import VolumeStore, content_of, supervision_of
from cladeseg.segmentation.workflow.plan import TrainingPlan
from cladeseg.taxonomy import FINE

#: Settings of `data` that change nothing in what is loaded.
_WITHOUT = {"layout", "label_convention", "num_workers", "cache_gigabytes", "store", "store_gigabytes"}


def case_store(plan: TrainingPlan, data: Sequence[Mapping[str, Any]]) -> VolumeStore | None:
    """The store that the settings name; ``None`` if they name none.

    Args:
        plan: the training.
        data: its cases; labels are propagated from the finely labelled ones, whose content counts therefore.

    Raises:
        DataError: the folder cannot be made, or a file cannot be read.
    """
    s = plan.settings
    if s.data.store is None:
        return None
    made_with = {
        "data": s.data.model_dump(mode="json", exclude=_WITHOUT),
        "label_convention": plan.label_convention,
        "taxonomy": tree_record(plan.taxonomy),
        "first_pass": s.first_pass.model_dump(mode="json"),
        "labels": _labels(plan, data),
        "made_by": [versions(), commit()],
    }
    return VolumeStore(s.data.store, made_with, max_gigabytes=s.data.store_gigabytes)


def _labels(plan: TrainingPlan, data: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What decides the pseudo labels that cases are loaded with."""
    s = plan.settings
    if not s.propagation.enabled:
        return {}
    fine = [content_of(case) for case in data if supervision_of(case) == FINE]
    return {
        "method": s.method,
        "superclass": s.split.superclass,
        "propagation": s.propagation.model_dump(mode="json"),
        "fine": fine,
    }
