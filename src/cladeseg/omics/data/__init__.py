"""Files of a cohort → aligned tables of numbers, nodes of the class tree, and who is trained and tested on."""

from cladeseg.omics.data.cohort import OmicsCohort, join_tables
from cladeseg.omics.data.dataset import LABELS, UNKNOWN, label_nodes, read_dataset, read_labels, read_npz
from cladeseg.omics.data.draw import LabelDraw, draw_labels, hide_below, open_or_draw
from cladeseg.omics.data.table import OmicsTable, read_table

__all__ = [
    "LABELS",
    "UNKNOWN",
    "LabelDraw",
    "OmicsCohort",
    "OmicsTable",
    "draw_labels",
    "hide_below",
    "join_tables",
    "label_nodes",
    "open_or_draw",
    "read_dataset",
    "read_labels",
    "read_npz",
    "read_table",
]
