"""A network that classifies patients from tiles of histology and gene expression, either of which may be missing."""

from cladeseg.fusion.model.cross_attention import CrossAttention
from cladeseg.fusion.model.fusion_network import FORMS, FusionNetwork, FusionOutput
from cladeseg.fusion.model.gated_pool import GatedAttentionPool
from cladeseg.fusion.model.gene_tokens import GeneTokens
from cladeseg.fusion.model.modality_dropout import drop_modalities

__all__ = [
    "FORMS",
    "CrossAttention",
    "FusionNetwork",
    "FusionOutput",
    "GatedAttentionPool",
    "GeneTokens",
    "drop_modalities",
]
