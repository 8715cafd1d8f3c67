"""One measured value of one structure in one case, with the reason why a value may be missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Metric = Literal[
    "dice", "iou", "hd95_mm", "assd_mm", "nsd", "lesion_dice", "lesion_hd95_mm", "lesions_missed", "lesions_spurious"
]
#: ``missed``: in the truth only; ``spurious``: in the prediction only.
Status = Literal["ok", "both_empty", "missed", "spurious"]

#: Of a structure as a whole.
STRUCTURE_METRICS: tuple[Metric, ...] = ("dice", "iou", "hd95_mm", "assd_mm", "nsd")
#: Of a structure's separate lesions; measured on request only.
LESION_METRICS: tuple[Metric, ...] = ("lesion_dice", "lesion_hd95_mm", "lesions_missed", "lesions_spurious")
METRICS: tuple[Metric, ...] = (*STRUCTURE_METRICS, *LESION_METRICS)
STATUSES: tuple[Status, ...] = ("ok", "both_empty", "missed", "spurious")


@dataclass(frozen=True)
class Record:
    """One row of ``metrics.csv``.

    Attributes:
        case: identifier of the case, e.g. ``"patient001_frame01"``.
        node: name of the structure.
        metric: what was measured; distances are in millimetres, ``lesions_…`` are counts, the others lie in [0, 1].
        value: the measurement, ``None`` where it is undefined (never a stand-in such as 0 mm).
        status: which of truth and prediction hold the structure at all.
    """

    case: str
    node: str
    metric: Metric
    value: float | None
    status: Status


@dataclass(frozen=True)
class HierarchyRecord:
    """How well a structure is separated from its siblings, where its parent is right.

    Attributes:
        case: identifier of the case.
        node: name of the structure, one whose parent is not the root.
        value: Dice inside the voxels that truth and prediction both put into the parent; ``None`` if both are empty.
        status: which of truth and prediction hold the structure in those voxels.
        metric: always ``"dice_given_parent"``.
    """

    case: str
    node: str
    value: float | None
    status: Status
    metric: Literal["dice_given_parent"] = "dice_given_parent"
