"""What is clustered: objects, their pictures and key points, read from images, tables and label volumes."""

from cladeseg.clustering.objects.key_points import KeyPoints, ObjectPoints

__all__ = ["KeyPoints", "ObjectPoints"]
