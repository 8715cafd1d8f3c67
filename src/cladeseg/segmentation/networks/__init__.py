"""Networks: a MONAI backbone with a head that follows the label tree."""

from cladeseg.segmentation.networks.backbone import BACKBONES, Backbone, dynunet_backbone, unet_backbone
from cladeseg.segmentation.networks.hierarchical_head import HierarchicalHead
from cladeseg.segmentation.networks.net import HierarchicalNet, build_network
from cladeseg.segmentation.networks.paper_head import TwoHead
from cladeseg.segmentation.networks.recompute import recompute_blocks
from cladeseg.segmentation.networks.tree_output import TreeOutput
from cladeseg.segmentation.networks.two_pass import TwoPassNet, build_two_pass, passes_of

__all__ = [
    "BACKBONES",
    "Backbone",
    "HierarchicalHead",
    "HierarchicalNet",
    "TreeOutput",
    "TwoHead",
    "TwoPassNet",
    "build_network",
    "build_two_pass",
    "dynunet_backbone",
    "passes_of",
    "recompute_blocks",
    "unet_backbone",
]
