"""The page of what things cost, and a bundle's paragraph about profiles, from the records of measurements alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.benchmark.cohorts import growth_table, kill_table
from cladeseg.benchmark.page_templates import page_templates
from cladeseg.benchmark.speed.contrast import contrast_table
from cladeseg.benchmark.speed.evaluation import evaluation_table
from cladeseg.benchmark.speed.goals import goals_of
from cladeseg.benchmark.speed.inference import inference_table
from cladeseg.benchmark.speed.loader import loader_table
from cladeseg.benchmark.speed.record import SpeedRecord, read_records
from cladeseg.benchmark.speed.step import step_table
from cladeseg.files import atomic_write

#: Title of each section by the name that records have for it, in the page's order.
SECTIONS = {
    "step": "A training step",
    "loader": "Loading cases",
    "inference": "Inference",
    "evaluation": "Scoring",
    "contrast": "Contrastive losses",
    "kills": "Workers that are killed",
    "growth": "More and more cases",
}
_TABLES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "step": step_table,
    "loader": loader_table,
    "inference": inference_table,
    "evaluation": evaluation_table,
    "contrast": contrast_table,
    "kills": kill_table,
    "growth": growth_table,
}


def write_speed_page(records: str | Path, page: str | Path) -> Path:
    """Write the page; the same records give the same page.

    Args:
        records: folder of records, and of ``growth.webp`` if there is one.
        page: a Markdown file beside which ``speed/records`` lies.

    Returns:
        The page.

    Raises:
        DataError: a record cannot be used, or the page cannot be written.
    """
    found = read_records(records)
    sections = [_section(part, found, Path(records)) for part in SECTIONS]
    text = page_templates().get_template("speed.md.jinja").render(sections=[one for one in sections if one["parts"]])
    with atomic_write(page) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return Path(page)


def _section(part: str, records: Sequence[SpeedRecord], folder: Path) -> dict[str, Any]:
    picture = folder / f"{part}.webp"
    parts = [_part(part, record) for record in records if part in record.content]
    return {"name": part, "title": SECTIONS[part], "parts": parts, "picture": picture.is_file()}


def _part(part: str, record: SpeedRecord) -> dict[str, Any]:
    """One measurement as the page shows it."""
    result = record.content[part]
    return {
        "record": record,
        "subject": record.subject if part in {"step", "loader", "inference"} else "",
        "result": result,
        "table": _TABLES[part](result),
        "goals": goals_of(part, result),
        "made": record.content,
    }


def profiles_paragraph(records: Sequence[SpeedRecord], bundle: str) -> str:
    """What each profile of a bundle takes and reaches, in Markdown; empty where nothing was measured.

    Args:
        records: of :func:`~cladeseg.benchmark.speed.record.read_records`.
        bundle: name of its folder, two levels above the page that gets the paragraph.
    """
    own = [one for one in records if "inference" in one.content and one.content.get("bundle") == bundle]
    if not own:
        return ""
    return page_templates().get_template("profiles.md.jinja").render(records=[record.content for record in own])
