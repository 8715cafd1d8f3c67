"""Cells of a page's tables: what they show, and by what they are sorted."""

from __future__ import annotations

from dataclasses import dataclass

_UNDEFINED = "–"


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what it shows.
        sort: what its column is sorted by; ``""`` to stand last, ``None`` for the text.
        kind: ``"text"`` for words, ``"bad"`` and ``"good"`` for what should be seen first.
        colour: of a small square before the text.
        indent: steps that the text is moved in, as a branch of a tree is.
        link: name of the section that it leads to.
    """

    text: str
    sort: float | str | None = None
    kind: str = ""
    colour: str = ""
    indent: int = 0
    link: str = ""


def number_cell(value: float | None, digits: int = 3, *, sign: str = "", kind: str = "") -> Cell:
    """A number, or a dash that is sorted last.

    Example:
        >>> number_cell(0.5, 2).text, number_cell(None).sort
        ('0.50', '')
    """
    if value is None:
        return Cell(_UNDEFINED, "")
    return Cell(f"{value:{sign}.{digits}f}".replace("-", "−"), value, kind)


def text_cell(text: str, *, wide: bool = False, link: str = "", kind: str = "") -> Cell:
    """Words, on the left of their column."""
    return Cell(text, kind=" ".join(["text", *(["wide"] if wide else []), *([kind] if kind else [])]), link=link)


def interval_text(mean: float | None, ends: tuple[float | None, float | None], digits: int = 3, sign: str = "") -> str:
    """A mean with its interval.

    Example:
        >>> interval_text(0.853, (0.841, 0.866)), interval_text(None, (None, None))
        ('0.853 [0.841, 0.866]', '–')
    """
    if mean is None:
        return _UNDEFINED
    low, high = ends
    shape = f"{sign}.{digits}f"
    shown = f"{mean:{shape}}" + ("" if low is None or high is None else f" [{low:{shape}}, {high:{shape}}]")
    return shown.replace("-", "−")
