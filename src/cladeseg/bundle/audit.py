"""What a bundle would call, evaluate, read and fetch: read off its files, with nothing imported or resolved."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cladeseg.bundle.audit_rules import DOCUMENTATION_KEYS, Verdict, judge, judge_key
from cladeseg.bundle.weights_record import check_weights
from cladeseg.files import DataError

METADATA = "configs/metadata.json"
_CONFIGS = {".json", ".yaml", ".yml"}
_WEIGHTS = {".pt", ".safetensors"}
#: Files that no program follows.
_HARMLESS = {".md", ".txt", ".rst", ".png", ".jpg", ".jpeg", ".svg", ".csv", ".tsv", ".pdf"}
_HARMLESS_NAMES = {"LICENSE", "NOTICE", ".gitkeep", ".gitignore"}
_SCRIPTS = {".py", ".pyc", ".pyd", ".so", ".dll", ".sh", ".bat", ".exe", ".ipynb"}


@dataclass(frozen=True)
class AuditFinding:
    """One thing that a bundle holds.

    Attributes:
        kind: ``"target"``, ``"expression"``, ``"macro"``, ``"path"`` or ``"url"`` of a config; ``"weights"``,
            ``"script"``, ``"link"``, ``"file"`` or ``"unreadable"`` for a file itself.
        file: relative to the bundle, with ``/``.
        key: place inside the file, levels joined by ``#``; empty for a file itself.
        value: what stands there.
        allowed: whether the allow-list lets it pass.
        reason: why, or why not.
    """

    kind: str
    file: str
    key: str
    value: str
    allowed: bool
    reason: str


def audit_bundle(folder: str | Path) -> list[AuditFinding]:
    """List every target, expression, macro, path and URL of any bundle's configs, and every file that could do harm.

    The audit reads JSON and YAML as plain data.  It cannot tell what an allowed package does with its arguments.

    Args:
        folder: the bundle.

    Returns:
        Findings in the order of files and keys; see :attr:`AuditFinding.allowed`.

    Raises:
        DataError: there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    return [finding for path in _entries(root) for finding in _audit_entry(root, path)]


def _entries(root: Path) -> Iterator[Path]:
    """Every file and link; links to folders are not followed."""
    for where, folders, files in os.walk(root):
        folders.sort()
        links = [name for name in folders if (Path(where) / name).is_symlink()]
        yield from (Path(where) / name for name in sorted([*files, *links]))


def _audit_entry(root: Path, path: Path) -> Iterator[AuditFinding]:
    file = path.relative_to(root).as_posix()
    if path.is_symlink():
        yield _link(root, path, file)
    elif not path.is_file():
        yield AuditFinding("file", file, "", path.name, False, "is neither a file nor a folder")
    elif path.suffix.lower() in _CONFIGS:
        yield from _audit_config(path, file)
    elif path.suffix.lower() in _WEIGHTS:
        yield _weights(path, file)
    elif path.suffix.lower() in _SCRIPTS:
        yield AuditFinding("script", file, "", path.name, False, "is code of the bundle's own")
    elif path.suffix.lower() not in _HARMLESS and path.name not in _HARMLESS_NAMES:
        yield AuditFinding("file", file, "", path.name, False, _unknown(path))


def _link(root: Path, path: Path, file: str) -> AuditFinding:
    inside = path.resolve().is_relative_to(root.resolve())
    reason = "stays in the bundle" if inside else "leaves the bundle's folder"
    return AuditFinding("link", file, "", str(path.readlink()), inside, reason)


def _weights(path: Path, file: str) -> AuditFinding:
    try:
        check_weights(path, required=True)
    except DataError as error:
        return AuditFinding("weights", file, "", path.name, False, str(error).removeprefix(f"{path}: "))
    return AuditFinding("weights", file, "", path.name, True, "agrees with its recorded sha256")


def _unknown(path: Path) -> str:
    if path.suffix.lower() in {".conf", ".ini", ".cfg"}:
        return "Python's logging evaluates parts of such a file as code"
    return "is of a kind that no bundle needs; it may be pickled or run"


# ---- the content of a config -----------------------------------------------------------------------------------------


def _audit_config(path: Path, file: str) -> Iterator[AuditFinding]:
    try:
        for key, name, text in _strings(_load(path), file == METADATA):
            if text is not None:
                yield AuditFinding(text.kind, file, key, name, text.allowed, text.reason)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        yield AuditFinding("unreadable", file, "", path.name, False, f"cannot be read as plain data ({error})")


def _load(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix.lower() == ".json":
        return json.loads(text, object_pairs_hook=_without_repetition)
    return yaml.safe_load(text)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers may take either value of a key that stands twice, so neither can be trusted."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key '{twice}' stands twice")
    return content


def _strings(content: Any, metadata: bool) -> Iterator[tuple[str, str, Verdict | None]]:
    """Every string with its place and verdict; a part that YAML aliases repeat is looked at once."""
    seen: set[int] = set()
    stack: list[tuple[tuple[str, ...], Any]] = [((), content)]
    while stack:
        place, value = stack.pop()
        key = "#".join(place)
        if isinstance(value, str):
            documentation = metadata and place[:1] and place[0] in DOCUMENTATION_KEYS
            yield key, value, judge(place[-1] if place else "", value, documentation=bool(documentation))
        elif isinstance(value, dict | list) and id(value) not in seen:
            seen.add(id(value))
            pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
            yield from (("#".join((*place, str(name))), str(name), judge_key(str(name))) for name, _ in pairs)
            stack += [((*place, str(name)), part) for name, part in reversed(pairs)]
            yield from _odd_target(key, value)


def _odd_target(key: str, value: Any) -> Iterator[tuple[str, str, Verdict]]:
    target = value.get("_target_", "") if isinstance(value, dict) else ""
    if not isinstance(target, str):
        why = "is no plain name, so what it calls cannot be determined"
        yield f"{key}#_target_".lstrip("#"), json.dumps(target, default=str), Verdict("target", False, why)
