"""Frame and blocks of what people look at: pages, charts, tables and pictures."""

from cladeseg.report.case_slices import ERRORS, Panel, case_slices, contact_sheet, shades
from cladeseg.report.cells import Cell, interval_text, number_cell, text_cell
from cladeseg.report.charts import Chart, Row, line_chart, reliability_chart, row_chart
from cladeseg.report.page import Block, anchor, compressed, data_uri, render_page, write_page
from cladeseg.report.palette import colour_code, structure_colours
from cladeseg.report.picture_uri import png_uri
from cladeseg.report.pictures import Picture, picture_block
from cladeseg.report.table import metrics_markdown, metrics_table
from cladeseg.report.table_block import table_block

__all__ = [
    "ERRORS",
    "Block",
    "Cell",
    "Chart",
    "Panel",
    "Picture",
    "Row",
    "anchor",
    "case_slices",
    "colour_code",
    "compressed",
    "contact_sheet",
    "data_uri",
    "interval_text",
    "line_chart",
    "metrics_markdown",
    "metrics_table",
    "number_cell",
    "picture_block",
    "png_uri",
    "reliability_chart",
    "render_page",
    "row_chart",
    "shades",
    "structure_colours",
    "table_block",
    "text_cell",
    "write_page",
]
