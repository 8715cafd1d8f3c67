"""The tree that weights, checkpoints and runs were made with, compared before any of them is used with another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.taxonomy import Node, Taxonomy

#: Changes that one message lists.
_SHOWN = 3


def tree_record(taxonomy: Taxonomy) -> dict[str, Any]:
    """What is stored of a tree: its fingerprint, and its nodes, so that a message can name the one that changed."""
    return {"fingerprint": taxonomy.fingerprint, "nodes": taxonomy.entries}


def recorded_tree(name: str, record: Mapping[str, Any]) -> Taxonomy:
    """The tree of a :func:`tree_record`, without colours and flips.

    Raises:
        KeyError: it is no such record.
        TypeError: likewise.
        TaxonomyError: its nodes are no tree.
    """
    return Taxonomy(name, tuple(Node(entry["name"], entry["parent"], entry["values"]) for entry in record["nodes"]))


def check_tree(record: Any, taxonomy: Taxonomy, source: str | Path) -> None:
    """Refuse what was made with another tree.

    A label convention that was added since is no change: nothing that was learnt depends on it.  Neither are colours,
    flips and the tree's name.

    Args:
        record: a :func:`tree_record`, as it was read from a file.
        taxonomy: the tree that is to be used.
        source: the file, for the message.

    Raises:
        DataError: a node, its parent, its place or one of its values differs; the message names what.
    """
    changes = tree_changes(record, taxonomy)
    if changes:
        more = f" and {len(changes) - _SHOWN} more changes" if len(changes) > _SHOWN else ""
        raise DataError(
            f"{source}: was made with another tree than '{taxonomy.name}': {'; '.join(changes[:_SHOWN])}{more}; "
            "restore configs/taxonomy.json, or train anew with another --output_dir"
        )


def tree_changes(record: Any, taxonomy: Taxonomy) -> list[str]:
    """What is different in a tree since it was recorded, in words; empty for nothing.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> before = Taxonomy("lung", (Node("background", values={"ct": 0}), Node("tumour", values={"ct": 1})))
        >>> now = Taxonomy("lung", (Node("background", values={"ct": 0}), Node("tumour", values={"ct": 2})))
        >>> tree_changes(tree_record(before), now)
        ["'tumour' was 1 in ct and is now 2"]
    """
    if isinstance(record, Mapping) and record.get("fingerprint") == taxonomy.fingerprint:
        return []
    before = _nodes(record)
    if before is None:
        return ["its record of the tree is missing or damaged"]
    return list(_changes(before, {entry["name"]: entry for entry in taxonomy.entries}))


def _nodes(record: Any) -> dict[str, Mapping[str, Any]] | None:
    entries = record.get("nodes") if isinstance(record, Mapping) else None
    if not isinstance(entries, Sequence) or not entries or not all(map(_is_entry, entries)):
        return None
    return {entry["name"]: entry for entry in entries}


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, Mapping) and entry.keys() == {"name", "parent", "values"} and _plain(entry)


def _plain(entry: Mapping[str, Any]) -> bool:
    return all(isinstance(entry[key], str) for key in ("name", "parent")) and isinstance(entry["values"], Mapping)


def _changes(before: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield from (f"'{name}' is no node any more" for name in before if name not in now)
    yield from (f"'{name}' is a new node" for name in now if name not in before)
    shared = [name for name in before if name in now]
    for name in shared:
        if before[name]["parent"] != now[name]["parent"]:
            yield f"'{name}' was in '{before[name]['parent']}' and is now in '{now[name]['parent']}'"
    conventions = sorted({convention for entry in before.values() for convention in entry["values"]})
    for name in shared:
        yield from _value_changes(name, before[name]["values"], now[name]["values"], conventions)
    order = [name for name in now if name in before]
    if shared != order:
        yield f"the nodes' order was {', '.join(shared)} and is now {', '.join(order)}"


def _value_changes(
    name: str, before: Mapping[str, Any], now: Mapping[str, Any], conventions: Sequence[str]
) -> Iterator[str]:
    for convention in conventions:
        was, value = before.get(convention, "nothing"), now.get(convention, "nothing")
        if was != value:
            yield f"'{name}' was {was} in {convention} and is now {value}"
