"""Histology and gene expression: tiles and genes of patients → nodes of a class tree; either may be missing."""
