"""The descriptor baseline: objects as rows of numbers, pairs by logistic regression."""

from cladeseg.clustering.descriptors.object_vector import channels_of, object_vectors
from cladeseg.clustering.descriptors.pair_model import DescriptorModel, fit_descriptors

__all__ = ["DescriptorModel", "channels_of", "fit_descriptors", "object_vectors"]
