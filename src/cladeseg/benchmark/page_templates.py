"""The templates of the results page, and how they show numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

_UNDEFINED = "–"


@cache
def page_templates() -> Environment:
    """The templates; nothing in them is HTML, and what is missing is an error."""
    found = Environment(
        loader=PackageLoader("cladeseg.benchmark"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {
        "interval": _interval,
        "number": _number,
        "percent": _percent,
        "cell": _cell,
        "as_json": json.dumps,
    }
    return found


def _interval(
    row: Mapping[str, Any], name: str, sign: str = "", *, percent: bool = False, digits: int | None = None
) -> str:
    """``0.853 [0.841, 0.866]``, from NAME, NAME_low and NAME_high; a dash where it is undefined.

    Args:
        row: holds the mean with its interval.
        name: of the mean.
        sign: ``"+"`` to show it before positive numbers too.
        percent: show shares in percent.
        digits: after the point; 3, or none of a percentage, if left out.
    """
    shape = f"{sign}.{digits or 0}%" if percent else f"{sign}.{3 if digits is None else digits}f"
    mean, low, high = (row[key] for key in (name, f"{name}_low", f"{name}_high"))
    if pd.isna(mean):
        return _UNDEFINED
    return f"{mean:{shape}}" + ("" if pd.isna(low) or pd.isna(high) else f" [{low:{shape}}, {high:{shape}}]")


def _number(value: float | None, digits: int, sign: str = "") -> str:
    return _UNDEFINED if pd.isna(value) else f"{value:{sign}.{digits}f}"


def _percent(value: float, digits: int = 0) -> str:
    return f"{value:.{digits}%}"


def _cell(text: str) -> str:
    """Text in a cell of a table, whose border it must not be taken for."""
    return text.replace("|", "&#124;")
