"""How good a prediction is: one record for each (case, structure, metric), and the tables made from them."""

from cladeseg.segmentation.metrics.evaluate_case import evaluate_case
from cladeseg.segmentation.metrics.hierarchy import (
    hierarchy_of_case,
    nesting_violations,
    nesting_violations_of_log_probs,
)
from cladeseg.segmentation.metrics.lesions import BRATS_PENALTY_MM, lesion_records
from cladeseg.segmentation.metrics.masks import annotated_nodes, dice, inside, iou
from cladeseg.segmentation.metrics.record import (
    LESION_METRICS,
    METRICS,
    STATUSES,
    STRUCTURE_METRICS,
    HierarchyRecord,
    Metric,
    Record,
    Status,
)
from cladeseg.segmentation.metrics.summary import summarise
from cladeseg.segmentation.metrics.surface import surface_metrics
from cladeseg.segmentation.metrics.tables import read_csv, write_csv, write_json

__all__ = [
    "BRATS_PENALTY_MM",
    "LESION_METRICS",
    "METRICS",
    "STATUSES",
    "STRUCTURE_METRICS",
    "HierarchyRecord",
    "Metric",
    "Record",
    "Status",
    "annotated_nodes",
    "dice",
    "evaluate_case",
    "hierarchy_of_case",
    "inside",
    "iou",
    "lesion_records",
    "nesting_violations",
    "nesting_violations_of_log_probs",
    "read_csv",
    "summarise",
    "surface_metrics",
    "write_csv",
    "write_json",
]
