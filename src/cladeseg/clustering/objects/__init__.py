"""What is clustered: objects, their pictures and key points, read from images, tables and label volumes."""

from cladeseg.clustering.objects.clustered_object import ClusteredObject, ObjectSet, digest_of_arrays
from cladeseg.clustering.objects.folder import read_objects
from cladeseg.clustering.objects.foreground import ObjectArea, find_object, polar_frame
from cladeseg.clustering.objects.from_picture import CROP, object_from_picture
from cladeseg.clustering.objects.key_points import KeyPoints, ObjectPoints
from cladeseg.clustering.objects.labels_file import read_labels
from cladeseg.clustering.objects.peaks import PeakRule, key_points
from cladeseg.clustering.objects.picture import read_picture, to_channels_last
from cladeseg.clustering.objects.shape_and_texture import shape_and_texture

__all__ = [
    "CROP",
    "ClusteredObject",
    "KeyPoints",
    "ObjectArea",
    "ObjectPoints",
    "ObjectSet",
    "PeakRule",
    "digest_of_arrays",
    "find_object",
    "key_points",
    "object_from_picture",
    "polar_frame",
    "read_labels",
    "read_objects",
    "read_picture",
    "shape_and_texture",
    "to_channels_last",
]
