"""What every classification of patients needs: classes as a tree, the marginal loss on it, calibration."""

from cladeseg.classes.calibration import cooled, fit_temperature, uncertain_below
from cladeseg.classes.class_tree import FIRST_CLASS, class_names, class_tree, flat_class_tree, leaf_columns, node_names
from cladeseg.classes.marginal import class_weights, marginal_loss

__all__ = [
    "FIRST_CLASS",
    "class_names",
    "class_tree",
    "class_weights",
    "cooled",
    "fit_temperature",
    "flat_class_tree",
    "leaf_columns",
    "marginal_loss",
    "node_names",
    "uncertain_below",
]
