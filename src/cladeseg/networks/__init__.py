"""Networks: a MONAI backbone with a head that follows the label tree."""

from cladeseg.networks.backbone import BACKBONES, Backbone, dynunet_backbone, unet_backbone
from cladeseg.networks.hierarchical_head import HierarchicalHead
from cladeseg.networks.net import HierarchicalNet, build_network
from cladeseg.networks.paper_head import TwoHead
from cladeseg.networks.tree_output import TreeOutput

__all__ = [
    "BACKBONES",
    "Backbone",
    "HierarchicalHead",
    "HierarchicalNet",
    "TreeOutput",
    "TwoHead",
    "build_network",
    "dynunet_backbone",
    "unet_backbone",
]
