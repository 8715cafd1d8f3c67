"""A table of a page."""

from __future__ import annotations

from collections.abc import Sequence

from cladeseg.report.cells import Cell
from cladeseg.report.page import Block


def table_block(
    title: str,
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    notes: Sequence[str] = (),
    filtered: bool = False,
    sortable: bool = True,
) -> Block:
    """A table.

    Args:
        title: heading of the block.
        caption: of the table.
        header: of the columns.
        rows: of cells.
        notes: below the table.
        filtered: whether there is a field that filters the rows.
        sortable: whether pressing a heading sorts them.
    """
    content = {"caption": caption, "header": header, "rows": rows, "notes": list(notes)}
    return Block("table", title, {**content, "filter": filtered, "sortable": sortable})
