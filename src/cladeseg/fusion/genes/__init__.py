"""Genes → a panel of some of them, and groups that become tokens."""

from cladeseg.fusion.genes.grouping import gene_groups
from cladeseg.fusion.genes.panel import choose_panel
from cladeseg.fusion.genes.pathways import read_pathways

__all__ = ["choose_panel", "gene_groups", "read_pathways"]
