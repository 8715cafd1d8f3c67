"""Numbers of one omics → a few components, fitted on training patients alone, labels unseen."""

from cladeseg.omics.features.block import Block, fit_block
from cladeseg.omics.features.pca import PcaScores

__all__ = ["Block", "PcaScores", "fit_block"]
