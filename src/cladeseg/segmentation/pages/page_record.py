"""``report.json``: what a page says besides scores, so that it can be made again without the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cladeseg.files import DataError, read_json
from cladeseg.report import colour_code, structure_colours
from cladeseg.taxonomy import Taxonomy, TaxonomyError, parse_taxonomy

RECORD = "report.json"
#: Folder of the cases that are shown, beside the record.
CASES = "cases"
PAGE = "report.html"
FORMAT = 1


def tree_content(taxonomy: Taxonomy) -> dict[str, Any]:
    """A tree with its colours as plain values, which :func:`~cladeseg.taxonomy.parse_taxonomy` reads."""
    nodes = [{**e, "colour": colour_code(taxonomy.colours[v])} for v, e in enumerate(taxonomy.entries)]
    return {"name": taxonomy.name, "nodes": nodes, "allowed_flips": list(taxonomy.allowed_flips)}


def colour_of(taxonomy: Taxonomy, v: int) -> str:
    """``#rrggbb`` of a node on a page."""
    return colour_code(structure_colours(taxonomy)[v])


def read_record(folder: Path) -> tuple[dict[str, Any], Taxonomy]:
    """The record in a folder, and its tree.

    Raises:
        DataError: it is missing, damaged or of another version.
    """
    file = folder / RECORD
    if not file.is_file():
        raise DataError(f"{file}: there is no such file; evaluate or predict again, which writes it")
    content = read_json(file)
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise DataError(f"{file}: is no record of a page of this version; evaluate or predict again")
    try:
        return dict(content), parse_taxonomy(content["taxonomy"])
    except (TaxonomyError, KeyError) as error:
        raise DataError(f"{file}: 'taxonomy' cannot be used ({error}); evaluate or predict again") from error
