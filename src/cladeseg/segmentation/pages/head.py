"""The head of a page: what was done with what, the tree, and what to be careful about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cladeseg.report import Block
from cladeseg.segmentation.pages.page_record import colour_of
from cladeseg.taxonomy import Taxonomy

_NEUTRAL = {"kind": "", "head": "", "text": ""}


def head_block(
    facts: Iterable[tuple[str, str]],
    *,
    taxonomy: Taxonomy,
    warnings: Iterable[str] = (),
    statement: Mapping[str, str] | None = None,
) -> Block:
    """The first block of a page.

    Args:
        facts: (name, value).
        taxonomy: drawn as a tree.
        warnings: texts.
        statement: ``head`` and ``text`` of the sentence on top, and its ``kind``: good, bad or empty.
    """
    content = {
        "facts": [(name, value) for name, value in facts if value],
        "tree": _branch(taxonomy, taxonomy.root),
        "warnings": list(warnings),
        "statement": {**_NEUTRAL, **statement} if statement else None,
    }
    return Block("facts", "What this is", content)


def made_facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Versions, hardware, time and memory of a record."""
    versions = ", ".join(f"{name} {version}" for name, version in (record.get("versions") or {}).items())
    commit = record.get("commit")
    seconds, memory = record.get("seconds"), record.get("peak_memory_mb")
    return [
        ("Versions", versions + (f", commit {commit}" if commit else "")),
        ("Hardware", str(record.get("hardware") or "")),
        ("Time", "" if seconds is None else f"{seconds:.0f} s for all cases"),
        ("Peak memory", "" if memory is None else f"{memory} MB"),
        ("Command", " ".join(map(str, record.get("command") or []))),
    ]


def _branch(taxonomy: Taxonomy, v: int) -> dict[str, Any]:
    values = {} if v == taxonomy.root else taxonomy.entries[v]["values"]
    note = ", ".join(f"{convention} {value}" for convention, value in values.items())
    return {
        "name": taxonomy.names[v],
        "colour": "" if v in {taxonomy.root, taxonomy.background} else colour_of(taxonomy, v),
        "note": note,
        "children": [_branch(taxonomy, child) for child in taxonomy.children(v)],
    }
