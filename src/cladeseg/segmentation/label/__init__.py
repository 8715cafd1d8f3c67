"""Bundles inside MONAI Label: an app folder, a server on this machine, and active learning along the tree."""

from cladeseg.segmentation.label.app_folder import prepare_app
from cladeseg.segmentation.label.serve import serve
from cladeseg.segmentation.label.server import LabelServer, free_port, running_server
from cladeseg.segmentation.label.strategy import ConditionalEntropy, strategies_of

__all__ = [
    "ConditionalEntropy",
    "LabelServer",
    "free_port",
    "prepare_app",
    "running_server",
    "serve",
    "strategies_of",
]
