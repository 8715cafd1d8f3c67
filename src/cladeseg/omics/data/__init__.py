"""Files of a cohort → aligned tables of numbers, nodes of the class tree, and who is trained and tested on."""

from cladeseg.omics.data.class_tree import class_tree, flat_class_tree, leaf_columns
from cladeseg.omics.data.cohort import OmicsCohort, join_tables
from cladeseg.omics.data.dataset import LABELS, read_dataset
from cladeseg.omics.data.draw import LabelDraw, draw_labels, hide_below, open_or_draw
from cladeseg.omics.data.folds import dealt_folds
from cladeseg.omics.data.table import OmicsTable, read_table

__all__ = [
    "LABELS",
    "LabelDraw",
    "OmicsCohort",
    "OmicsTable",
    "class_tree",
    "dealt_folds",
    "draw_labels",
    "flat_class_tree",
    "hide_below",
    "join_tables",
    "leaf_columns",
    "open_or_draw",
    "read_dataset",
    "read_table",
]
