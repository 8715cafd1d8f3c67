"""From weights of pairs to named clusters, with their confidence."""

from cladeseg.clustering.groups.confidence import cluster_margin, object_confidence, stability
from cladeseg.clustering.groups.grouping import Grouping, GroupingOptions, group
from cladeseg.clustering.groups.stable_ids import stable_numbers

__all__ = [
    "Grouping",
    "GroupingOptions",
    "cluster_margin",
    "group",
    "object_confidence",
    "stability",
    "stable_numbers",
]
