"""Trees as files: JSON or YAML with names, parents and the integers of each label convention."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as short
from typing import Any

import yaml

from cladeseg.files import DataError, one_line, read_json
from cladeseg.taxonomy.node import ROOT, Node, TaxonomyError
from cladeseg.taxonomy.tree import Taxonomy


def load_taxonomy(path: str | Path, root: str | Path | None = None) -> Taxonomy:
    """Read a taxonomy from a JSON or YAML file.

    The file holds ``name``, optional ``allowed_flips`` and ``nodes``: a list of ``{name, parent, values, colour}``
    in any order.  ``parent`` defaults to the root; ``values`` maps label convention names to integers.

    Args:
        path: the file.
        root: the bundle's folder, which a path in its config starts from and must not leave; ``None`` for any file.

    Raises:
        TaxonomyError: the file lies outside ``root`` or cannot be read, an entry is missing or misspelt, or the tree
            is impossible.

    Example:
        >>> import json, tempfile
        >>> nodes = [{"name": "background", "values": {"lung": 0}}, {"name": "tumour", "values": {"lung": 1}}]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "lung.json").write_text(json.dumps({"name": "lung", "nodes": nodes}))
        ...     load_taxonomy("lung.json", root=folder).leaf_names
        ('background', 'tumour')
    """
    file = Path(path) if root is None else _inside(Path(root), Path(path))
    content = _read(file)
    try:
        return parse_taxonomy(content)
    except TaxonomyError as error:
        raise TaxonomyError(f"{file}: {error}") from error


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_bytes()) if file.suffix in {".yaml", ".yml"} else read_json(file)
    except DataError as error:
        raise TaxonomyError(str(error)) from error
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise TaxonomyError(f"{file}: cannot be read as a taxonomy ({one_line(error)})") from error
    except RecursionError as error:
        raise TaxonomyError(f"{file}: cannot be read as a taxonomy (nested too deeply)") from error


def _inside(root: Path, path: Path) -> Path:
    leaves = path.is_absolute() or ".." in path.parts or not (root / path).resolve().is_relative_to(root.resolve())
    if leaves:
        raise TaxonomyError(f"{path}: a bundle names only files inside its own folder, {root}")
    return root / path


def parse_taxonomy(content: Any) -> Taxonomy:
    """Build a taxonomy from the parsed content of its file; see :func:`load_taxonomy`."""
    if not isinstance(content, Mapping):
        raise TaxonomyError("a taxonomy needs a 'name' and a list 'nodes'")
    _refuse_unknown_keys(content, {"name", "nodes", "allowed_flips"}, "taxonomy")
    flips = content.get("allowed_flips", [])
    if not isinstance(content.get("name"), str) or not isinstance(content.get("nodes"), list):
        raise TaxonomyError("a taxonomy needs a 'name' and a list 'nodes'")
    if not isinstance(flips, list):
        raise TaxonomyError(f"taxonomy '{content['name']}': 'allowed_flips' is a list of axes, not {short(flips)}")
    return Taxonomy(content["name"], tuple(_parse_node(entry) for entry in content["nodes"]), tuple(flips))


def _parse_node(entry: Any) -> Node:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise TaxonomyError(f"every node needs a 'name'; got {short(entry)}")
    _refuse_unknown_keys(entry, {"name", "parent", "values", "colour"}, f"node '{entry['name']}'")
    values = entry.get("values", {})
    if not isinstance(values, Mapping):
        raise TaxonomyError(
            f"node '{entry['name']}': 'values' maps label convention names to integers, e.g. {{\"acdc\": 1}}"
        )
    return Node(entry["name"], _text(entry, "parent", ROOT), dict(values), _text(entry, "colour", ""))


def _text(entry: Mapping[str, Any], key: str, default: str) -> str:
    value = entry.get(key, default)
    if not isinstance(value, str):
        raise TaxonomyError(f"node '{entry['name']}': '{key}' is a text, not {short(value)}; quote it in YAML")
    return value


def _refuse_unknown_keys(entry: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(str(key) for key in set(entry) - known)
    if unknown:
        raise TaxonomyError(f"{what}: unknown key '{unknown[0]}'; known keys are {', '.join(sorted(known))}")
