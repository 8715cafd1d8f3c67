"""Tiles → features of a pre-trained network, cached on disk."""

from cladeseg.fusion.features.extraction import tile_bags
from cladeseg.fusion.features.image_settings import ImageSettings
from cladeseg.fusion.features.tile_bag import TileBag

__all__ = ["ImageSettings", "TileBag", "tile_bags"]
