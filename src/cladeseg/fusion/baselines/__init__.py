"""One modality alone, and simpler ways to join both: on the same patients, labels, genes and folds as ours."""

from cladeseg.fusion.baselines.methods import (
    ATTENTION,
    BASELINES,
    GENE_ROWS,
    IMAGE_ROWS,
    OURS,
    chosen_baselines,
    method_probabilities,
)

__all__ = ["ATTENTION", "BASELINES", "GENE_ROWS", "IMAGE_ROWS", "OURS", "chosen_baselines", "method_probabilities"]
