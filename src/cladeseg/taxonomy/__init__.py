"""The tree that every label belongs to: its structure, its file, and the integers of its label conventions."""

from cladeseg.taxonomy.file_format import load_taxonomy, parse_taxonomy
from cladeseg.taxonomy.flips import ALLOWED, ANATOMICAL_AXES
from cladeseg.taxonomy.label_values import LabelValueError
from cladeseg.taxonomy.node import BACKGROUND, FINE, ROOT, UNLABELLED, Node, TaxonomyError
from cladeseg.taxonomy.top_level import top_level, top_level_table
from cladeseg.taxonomy.tree import Taxonomy

__all__ = [
    "ALLOWED",
    "ANATOMICAL_AXES",
    "BACKGROUND",
    "FINE",
    "ROOT",
    "UNLABELLED",
    "LabelValueError",
    "Node",
    "Taxonomy",
    "TaxonomyError",
    "load_taxonomy",
    "parse_taxonomy",
    "top_level",
    "top_level_table",
]
