"""Config files as a person would write them: what fits on a line stays on a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH = 120
_STEP = 4


def config_text(config: Mapping[str, Any]) -> str:
    """JSON text of a config: a line for each plain value, long entries set apart by empty lines.

    References and empty groups share lines.

    Args:
        config: what JSON can hold; keys keep their order.
    """
    entries = [f"{' ' * _STEP}{entry}" for entry in _entries(config, _STEP)]
    return "{\n" + ",\n".join(_set_apart(entries)) + "\n}\n"


def _packed(entries: Sequence[str], values: Sequence[Any], used: int) -> list[str]:
    """Entries as lines: what people change has a line of its own, references and empty groups share one."""
    lines: list[str] = []
    open_line = False
    for entry, value in zip(entries, values, strict=True):
        short = value in ({}, []) or (isinstance(value, str) and value.startswith(("@", "%")))
        if short and open_line and used + len(lines[-1]) + 2 + len(entry) < WIDTH:
            lines[-1] += f", {entry}"
        else:
            lines.append(entry)
        open_line = short
    return lines


def _set_apart(entries: Sequence[str]) -> Iterator[str]:
    for before, entry in zip(["", *entries], entries, strict=False):
        long = "\n" in before or "\n" in entry
        yield f"\n{entry}" if before and long else entry


def _text(value: Any, indent: int, used: int) -> str:
    """``value`` on the rest of a line of which ``used`` characters are taken, else over several lines."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, Mapping | list | tuple) or used + len(line) < WIDTH:
        return line
    inner = " " * (indent + _STEP)
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    body = ",\n".join(inner + entry for entry in _entries(value, indent + _STEP))
    return f"{opening}\n{body}\n{' ' * indent}{closing}"


def _entries(value: Mapping[str, Any] | Sequence[Any], indent: int) -> list[str]:
    if not isinstance(value, Mapping):
        return [_text(entry, indent, indent) for entry in value]
    names = {key: f"{json.dumps(key)}: " for key in value}
    entries = [name + _text(value[key], indent, indent + len(name)) for key, name in names.items()]
    return _packed(entries, list(value.values()), indent)
