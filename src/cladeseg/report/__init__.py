"""Blocks of what people look at: tables and pictures."""

from cladeseg.report.overlay import CasePicture, case_panel, overlay_slice, save_png
from cladeseg.report.table import metrics_markdown, metrics_table

__all__ = [
    "CasePicture",
    "case_panel",
    "metrics_markdown",
    "metrics_table",
    "overlay_slice",
    "save_png",
]
