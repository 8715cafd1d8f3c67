"""Stage 2: heads on views of the patients, taught by one another, fused and calibrated."""

from cladeseg.omics.model.attribution import attributions
from cladeseg.omics.model.fitting import FittedBlocks, OmicsFit, fit_blocks, fit_model
from cladeseg.omics.model.omics_model import OmicsModel, Predictions
from cladeseg.omics.model.options import ModelOptions
from cladeseg.omics.model.storage import model_description, model_tensors, restore_model
from cladeseg.omics.model.top_features import top_features
from cladeseg.omics.model.views import Scores

__all__ = [
    "FittedBlocks",
    "ModelOptions",
    "OmicsFit",
    "OmicsModel",
    "Predictions",
    "Scores",
    "attributions",
    "fit_blocks",
    "fit_model",
    "model_description",
    "model_tensors",
    "restore_model",
    "top_features",
]
