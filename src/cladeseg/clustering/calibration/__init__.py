"""From logits of pairs to weights of a clustering: combination, centring, the zero from classes left out."""

from cladeseg.clustering.calibration.centring import RAW, Zero, centred
from cladeseg.clustering.calibration.choose_zero import Batch, ChosenZero, choose_zero, clusters_of, draw_batches
from cladeseg.clustering.calibration.combination import Combination, fit_combination
from cladeseg.clustering.calibration.pair_logits import PairLogits

__all__ = [
    "RAW",
    "Batch",
    "ChosenZero",
    "Combination",
    "PairLogits",
    "Zero",
    "centred",
    "choose_zero",
    "clusters_of",
    "draw_batches",
    "fit_combination",
]
