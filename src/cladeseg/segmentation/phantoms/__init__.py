"""Phantoms: hearts, brains with tumours and hippocampi in the official layouts, drawn by seed."""

from cladeseg.segmentation.phantoms.acdc import write_acdc_phantoms
from cladeseg.segmentation.phantoms.brats import write_brats_phantoms
from cladeseg.segmentation.phantoms.msd import write_msd_phantoms

__all__ = [
    "write_acdc_phantoms",
    "write_brats_phantoms",
    "write_msd_phantoms",
]
