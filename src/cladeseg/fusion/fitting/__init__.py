"""Fit networks and linear models of each modality, and combine them by what held-out patients say."""

from cladeseg.fusion.fitting.fusion_model import EXPERTS, NETWORK, FusionModel, FusionPrediction, fit_fusion
from cladeseg.fusion.fitting.inputs import Batch, InputScaling, fit_inputs
from cladeseg.fusion.fitting.linear import LINEAR, LinearExpert, fit_linear
from cladeseg.fusion.fitting.options import FitSettings, GeneSettings, NetworkSettings, TrainingSettings

__all__ = [
    "EXPERTS",
    "LINEAR",
    "NETWORK",
    "Batch",
    "FitSettings",
    "FusionModel",
    "FusionPrediction",
    "GeneSettings",
    "InputScaling",
    "LinearExpert",
    "NetworkSettings",
    "TrainingSettings",
    "fit_fusion",
    "fit_inputs",
    "fit_linear",
]
