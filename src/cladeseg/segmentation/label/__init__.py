"""Bundles inside MONAI Label: an app folder, a server on this machine, and active learning along the tree."""

from cladeseg.segmentation.label.app_folder import prepare_app
from cladeseg.segmentation.label.serve import serve
from cladeseg.segmentation.label.server import LabelServer, free_port, running_server
from cladeseg.segmentation.label.strategy import LeafEntropy, strategies_of
from cladeseg.segmentation.label.uncertainty import case_uncertainty, leaf_entropy

__all__ = [
    "LabelServer",
    "LeafEntropy",
    "case_uncertainty",
    "free_port",
    "leaf_entropy",
    "prepare_app",
    "running_server",
    "serve",
    "strategies_of",
]
