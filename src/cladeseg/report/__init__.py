"""Frame and blocks of what people look at: pages, charts, tables and pictures."""

from cladeseg.report.case_slices import ERRORS, Panel, case_slices
from cladeseg.report.cells import Cell, interval_text, number_cell, text_cell
from cladeseg.report.charts import Chart, Row, line_chart, row_chart
from cladeseg.report.overlay import CasePicture, case_panel, overlay_slice, save_png
from cladeseg.report.page import Block, anchor, compressed, data_uri, render_page, write_page
from cladeseg.report.table import metrics_markdown, metrics_table

__all__ = [
    "ERRORS",
    "Block",
    "CasePicture",
    "Cell",
    "Chart",
    "Panel",
    "Row",
    "anchor",
    "case_panel",
    "case_slices",
    "compressed",
    "data_uri",
    "interval_text",
    "line_chart",
    "metrics_markdown",
    "metrics_table",
    "number_cell",
    "overlay_slice",
    "render_page",
    "row_chart",
    "save_png",
    "text_cell",
    "write_page",
]
