"""Similarity graphs of patients, to which new patients attach without changing them."""

from cladeseg.omics.graph.patient_graph import PatientGraph
from cladeseg.omics.graph.threshold_graph import ThresholdGraph, normalised

__all__ = ["PatientGraph", "ThresholdGraph", "normalised"]
