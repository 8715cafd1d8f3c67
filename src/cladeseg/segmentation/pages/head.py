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


def made_facts(record: Mapping[str, Any], what: str) -> list[tuple[str, str]]:
    """Versions, machine, time and memory of a record, and those of the training if it holds them.

    Args:
        record: of the page.
        what: was done, as ``Evaluation``.
    """
    training = record.get("training") or {}
    facts = _made("Training", training) if training else []
    return [*facts, *_made(what, record), ("Command", " ".join(map(str, record.get("command") or [])))]


def _made(what: str, record: Mapping[str, Any]) -> list[tuple[str, str]]:
    versions = ", ".join(f"{name} {version}" for name, version in (record.get("versions") or {}).items())
    commit, seed = record.get("commit"), record.get("seed")
    took = [
        *([f"{record['seconds']:.0f} s"] if "seconds" in record else []),
        *([f"at most {record['peak_memory_mb']} MB of memory"] if "peak_memory_mb" in record else []),
        *([f"{record['peak_gpu_memory_mb']} MB of the graphics card's"] if "peak_gpu_memory_mb" in record else []),
    ]
    made = [*([versions] if versions else []), *([f"commit {commit}"] if commit else [])]
    return [
        (f"{what} took", ", ".join(took)),
        (f"{what} machine", str(record.get("hardware") or "")),
        (f"{what} versions", ", ".join(made)),
        (f"{what} seed", "" if seed is None else str(seed)),
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
