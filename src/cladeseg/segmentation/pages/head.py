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
    made: Iterable[tuple[str, str]] = (),
    warnings: Iterable[str] = (),
    statement: Mapping[str, str] | None = None,
) -> Block:
    """The first block of a page.

    Args:
        facts: (name, value).
        taxonomy: drawn as a tree.
        made: further facts, which are shown when somebody asks for them.
        warnings: texts.
        statement: ``head`` and ``text`` of the sentence on top, and its ``kind``: good, bad or empty.
    """
    content = {
        "facts": [(name, value) for name, value in facts if value],
        "made": [(name, value) for name, value in made if value],
        "tree": _branch(taxonomy, taxonomy.root),
        "warnings": list(warnings),
        "statement": {**_NEUTRAL, **statement} if statement else None,
    }
    return Block("facts", "What this is", content)


def use_facts(record: Mapping[str, Any], what: str) -> list[tuple[str, str]]:
    """Time, memory and seed of a record, and of the training of its weights if that is known.

    Args:
        record: of the page.
        what: was done, as ``Evaluation``.
    """
    return [*training_use(record, "Training"), *_use(what, record)]


def training_use(record: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    """Time, memory and seed of the training of a record's weights, as far as they are known."""
    return _use(name, record.get("training") or {})


def made_facts(record: Mapping[str, Any], what: str) -> list[tuple[str, str]]:
    """Machine, versions, commit and command of a record, and of the training of its weights if that is known."""
    command = " ".join(map(str, record.get("command") or []))
    return [*_made("Training", record.get("training") or {}), *_made(what, record), (f"{what} command", command)]


def _use(what: str, record: Mapping[str, Any]) -> list[tuple[str, str]]:
    took = [
        *([f"{record['seconds']:.0f} s"] if "seconds" in record else []),
        *([f"at most {record['peak_memory_mb']} MB of memory"] if "peak_memory_mb" in record else []),
        *([f"{record['peak_gpu_memory_mb']} MB of the graphics card's"] if "peak_gpu_memory_mb" in record else []),
    ]
    seed = record.get("seed")
    return [(f"{what} took", ", ".join([*took, *([] if seed is None else [f"seed {seed}"])]))]


def _made(what: str, record: Mapping[str, Any]) -> list[tuple[str, str]]:
    versions = [f"{name} {version}" for name, version in (record.get("versions") or {}).items()]
    commit = [f"commit {record['commit']}"] if record.get("commit") else []
    return [
        (f"{what} machine", str(record.get("hardware") or "")),
        (f"{what} versions", ", ".join([*versions, *commit])),
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
