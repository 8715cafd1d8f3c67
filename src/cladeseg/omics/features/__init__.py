"""Numbers of one omics → a few components, fitted on training patients alone, labels unseen."""

from cladeseg.omics.features.pca import PcaScores

__all__ = ["PcaScores"]
