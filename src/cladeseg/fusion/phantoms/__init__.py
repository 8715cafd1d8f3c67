"""Patients by seed, with tiles and expression of controlled informativeness."""

from cladeseg.fusion.phantoms.fusion_phantom import (
    CLASSES,
    FusionPhantom,
    generate_expression,
    write_fusion_phantom,
    write_tiles,
)
from cladeseg.fusion.phantoms.tissue import Appearance, tissue_tile

__all__ = [
    "CLASSES",
    "Appearance",
    "FusionPhantom",
    "generate_expression",
    "tissue_tile",
    "write_fusion_phantom",
    "write_tiles",
]
