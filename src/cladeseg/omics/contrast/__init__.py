"""Stage 1, without labels: graph contrastive pre-training of one omics' encoder."""

from cladeseg.omics.contrast.encoder import ENCODERS, Encoder, build_encoder
from cladeseg.omics.contrast.pretraining import PretrainingOptions, pretrain

__all__ = ["ENCODERS", "Encoder", "PretrainingOptions", "build_encoder", "pretrain"]
