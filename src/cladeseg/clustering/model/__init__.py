"""Models of pairs: methods that compare two objects, their combination, and where joining ends."""

from cladeseg.clustering.model.candidate_pairs import candidate_pairs
from cladeseg.clustering.model.clustering_model import CENTRED, COMBINED, RAW, ClusteringModel, Variant
from cladeseg.clustering.model.fit import check_classes, fit_model
from cladeseg.clustering.model.options import ModelOptions, PqapOptions, TwinOptions, ZeroOptions
from cladeseg.clustering.model.pair_methods import DESCRIPTORS, PQAP, TWIN, Measured, PairMethods, measure, prepare
from cladeseg.clustering.model.references import beside, choose_references
from cladeseg.clustering.model.store import load_model, save_model

__all__ = [
    "CENTRED",
    "COMBINED",
    "DESCRIPTORS",
    "PQAP",
    "RAW",
    "TWIN",
    "ClusteringModel",
    "Measured",
    "ModelOptions",
    "PairMethods",
    "PqapOptions",
    "TwinOptions",
    "Variant",
    "ZeroOptions",
    "beside",
    "candidate_pairs",
    "check_classes",
    "choose_references",
    "fit_model",
    "load_model",
    "measure",
    "prepare",
    "save_model",
]
