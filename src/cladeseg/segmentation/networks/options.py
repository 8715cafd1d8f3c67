"""Refusing a configuration value that is not one of the choices."""

from __future__ import annotations

from collections.abc import Iterable


def check_choice(option: str, value: object, choices: Iterable[object]) -> None:
    """Raise a ValueError that names the option and its choices unless ``value`` is one of them."""
    known = tuple(choices)
    if value not in known:
        raise ValueError(f"option '{option}' is {value!r}; it must be one of {', '.join(map(repr, known))}")
