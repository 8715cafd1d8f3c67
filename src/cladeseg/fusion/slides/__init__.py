"""Slides and folders of tiles → tiles of tissue at one resolution, with what was skipped counted."""

from cladeseg.fusion.slides.image_files import PatientImages, patient_images
from cladeseg.fusion.slides.slide import Slide, open_slide
from cladeseg.fusion.slides.stain import StainNormaliser, fit_stains
from cladeseg.fusion.slides.tiles import PatientTiles, TileRules, read_tiles

__all__ = [
    "PatientImages",
    "PatientTiles",
    "Slide",
    "StainNormaliser",
    "TileRules",
    "fit_stains",
    "open_slide",
    "patient_images",
    "read_tiles",
]
