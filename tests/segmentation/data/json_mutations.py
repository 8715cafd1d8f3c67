"""Ways in which a JSON file gets damaged or is written wrongly, drawn by seed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

#: What stands in the place of a value of another type.
OTHERS: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    3.5,
    10**30,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "a",
    "../../a",
    "/etc/passwd",
    "C:\\a",
    "\ud800",
    "\0",
    "x" * 5000,
    [],
    [[]],
    [None],
    {},
    {"": {}},
    {"a": None},
)
Generator = np.random.Generator


def mutated(content: Any, seed: int) -> bytes:
    """The text of a JSON file after one mutation."""
    rng = np.random.default_rng(seed)
    return MUTATIONS[int(rng.integers(len(MUTATIONS)))](content, rng)


def _dumped(content: Any) -> bytes:
    return json.dumps(content).encode()


def _places(content: Any, parent: Any = None, key: Any = None) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a nested structure."""
    if parent is not None:
        yield parent, key
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in items:
        yield from _places(value, content, name)


def _at_a_place(content: Any, rng: Generator, change: Callable[[Any, Any], None]) -> bytes:
    changed = copy.deepcopy(content)
    places = list(_places(changed))
    change(*places[int(rng.integers(len(places)))])
    return _dumped(changed)


def delete(content: Any, rng: Generator) -> bytes:
    return _at_a_place(content, rng, lambda parent, key: parent.__delitem__(key))


def other_type(content: Any, rng: Generator) -> bytes:
    value = OTHERS[int(rng.integers(len(OTHERS)))]
    return _at_a_place(content, rng, lambda parent, key: parent.__setitem__(key, copy.deepcopy(value)))


def other_root(content: Any, rng: Generator) -> bytes:
    return _dumped(OTHERS[int(rng.integers(len(OTHERS)))] if rng.random() < 0.7 else [content])


def renamed(content: Any, rng: Generator) -> bytes:
    def rename(parent: Any, key: Any) -> None:
        value = parent.pop(key)
        parent.update({f"{key}x": value}) if isinstance(parent, dict) else parent.append([value])

    return _at_a_place(content, rng, rename)


def repeated(content: Any, rng: Generator) -> bytes:
    def repeat(parent: Any, key: Any) -> None:
        if isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        else:
            parent[key] = [parent[key], copy.deepcopy(parent[key])]

    return _at_a_place(content, rng, repeat)


def deep(content: Any, rng: Generator) -> bytes:
    """Some depths pass the parser, others do not."""
    depth = int(rng.choice([50, 300, 900, 5000, 100_000]))
    where = f'"{"x" * 20}"'
    text = _at_a_place(content, rng, lambda parent, key: parent.__setitem__(key, "x" * 20))
    opened, closed = ("[", "]") if rng.random() < 0.5 else ('{"a":', "}")
    return text.replace(where.encode(), (opened * depth + "1" + closed * depth).encode())


def twice(content: Any, rng: Generator) -> bytes:
    text = json.dumps(content)
    key = text[text.index('"') : text.index(":") + 1] if '":' in text else '"a":'
    return text.replace("{", f"{{{key} 1, ", 1).encode()


def truncated(content: Any, rng: Generator) -> bytes:
    text = _dumped(content)
    return text[: int(rng.integers(len(text)))]


def flipped(content: Any, rng: Generator) -> bytes:
    text = bytearray(_dumped(content))
    for place in rng.integers(len(text), size=3):
        text[place] ^= 1 << int(rng.integers(8))
    return bytes(text)


def encoded(content: Any, rng: Generator) -> bytes:
    names = ("utf-8-sig", "utf-16", "utf-32", "utf-16-be", "cp037", "utf-7")
    return json.dumps(content).encode(str(rng.choice(names)))


def huge(content: Any, rng: Generator) -> bytes:
    """A number of so many digits that Python refuses to read it."""
    where = "123454321"
    text = _at_a_place(content, rng, lambda parent, key: parent.__setitem__(key, int(where)))
    digits = ("9" * 5000, "1e999", "-" + "9" * 400, "0." + "1" * 5000)
    return text.replace(where.encode(), str(rng.choice(digits)).encode())


def noise(content: Any, rng: Generator) -> bytes:
    return rng.bytes(int(rng.integers(300)))


MUTATIONS = (
    *(delete, other_type, other_type, other_type, renamed, repeated, deep),
    *(other_root, twice, truncated, flipped, encoded, huge, noise),
)
