"""The format of a bundle, without running anything of it: files, metadata, keys, references, and what may stand there.

The files and keys are those of MONAI's bundle specification as the model zoo's ``verify_bundle.py`` checks it, and
those that MONAI Label's bundle tasks read without saying so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]

from cladeseg.bundle.audit import METADATA, audit_bundle
from cladeseg.bundle.problem import Problem
from cladeseg.files import DataError, read_json

INFERENCE, TRAIN, EVALUATE = "configs/inference.json", "configs/train.json", "configs/evaluate.json"
TREE = "configs/taxonomy.json"
_FILES = {
    METADATA: "MONAI finds a bundle by it",
    INFERENCE: "MONAI Label reads this one file for inference",
    TRAIN: "MONAI Label reads this one file for training",
    "LICENSE": "the model zoo asks for it",
    "docs/README.md": "the model zoo shows it",
    "docs/data_license.txt": "the model zoo asks for it",
}
_ZOO, _LABEL, _COMMAND = "MONAI's bundle format", "MONAI Label", "its command"
#: File → key → who needs it, of a bundle without a label tree, which MONAI Label cannot serve.
_COMMON_KEYS = {
    INFERENCE: {
        **dict.fromkeys(("bundle_root", "device", "dataset_dir", "network_def"), _ZOO),
        **dict.fromkeys(("inference", "run"), _COMMAND),
        "output_dir": "cladeseg",
    },
    TRAIN: {
        **dict.fromkeys(("bundle_root", "device", "dataset_dir", "network_def"), _ZOO),
        **dict.fromkeys(("training", "run"), _COMMAND),
        **dict.fromkeys(("settings", "plan"), "cladeseg"),
    },
}
#: The same of a bundle that gives classes of patients from tables: no network that MONAI's tools could build.
_TABLE_KEYS = {
    name: {key: who for key, who in keys.items() if key not in ("device", "network_def")}
    for name, keys in _COMMON_KEYS.items()
}
#: The same of a bundle that segments.
_KEYS = {
    INFERENCE: {
        **dict.fromkeys(("bundle_root", "device", "dataset_dir", "dataset", "preprocessing", "postprocessing"), _ZOO),
        **dict.fromkeys(("inferer", "network_def", "evaluator", "handlers"), _ZOO),
        **dict.fromkeys(("network", "dataset#data"), _LABEL),
        **dict.fromkeys(("inference", "run"), _COMMAND),
        **dict.fromkeys(("taxonomy", "label_convention", "output_dir"), "cladeseg"),
    },
    TRAIN: {
        **dict.fromkeys(("bundle_root", "device", "dataset_dir", "network_def", "train#trainer"), _ZOO),
        **dict.fromkeys(("network", "run", "train#trainer#max_epochs", "train#dataset#data"), _LABEL),
        **dict.fromkeys(("train#handlers", "validate#dataset#data"), _LABEL),
        **dict.fromkeys(("training",), _COMMAND),
        **dict.fromkeys(("settings", "plan"), "cladeseg"),
    },
}
_REFERENCE = re.compile(r"@(\w+(?:(?:#|::)\w+)*)")
_OTHER_FILE = re.compile(r"%[^#:]*\.(json|ya?ml)", re.IGNORECASE)
_CONFIG_KINDS = {"target", "expression", "macro", "path", "url", "unreadable", "weights", "link"}


def format_problems(root: Path) -> list[Problem]:
    """What is wrong with the files of a bundle; later checks are left out where earlier ones failed."""
    for check in (_file_problems, _metadata_problems, _config_problems, _audit_problems):
        problems = list(check(root))
        if problems:
            return problems
    return []


def value_at(content: Any, key: str) -> Any:
    """What stands at ``a#b#0``.

    Raises:
        KeyError: with the first part of ``key`` that is not there.
    """
    parts = key.split("#")
    for depth, part in enumerate(parts):
        try:
            content = content[int(part) if isinstance(content, list) else part]
        except (LookupError, TypeError, ValueError):
            raise KeyError("#".join(parts[: depth + 1])) from None
    return content


# ---- files and metadata ----------------------------------------------------------------------------------------------


def _file_problems(root: Path) -> Iterator[Problem]:
    for name, why in _FILES.items():
        if not (root / name).is_file():
            yield Problem(name, "", "is missing", f"add it, {why}")
        elif name.endswith(".json"):
            yield from _reading_problems(root, name)


def _reading_problems(root: Path, name: str) -> Iterator[Problem]:
    try:
        content = read_json(root / name)
    except DataError as error:
        yield Problem(name, "", "is no JSON", str(error).removeprefix(f"{root / name}: "))
    else:
        if not isinstance(content, dict):
            yield Problem(name, "", f"holds a {type(content).__name__}", "a config is one object of keys and values")


@cache
def _schema() -> Draft7Validator:
    text = (files("cladeseg.bundle") / "metadata_schema.json").read_text(encoding="utf-8")
    return Draft7Validator(json.loads(text))


def _metadata_problems(root: Path) -> Iterator[Problem]:
    metadata = read_json(root / METADATA)
    faults = list(_schema().iter_errors(metadata))
    problems = dict.fromkeys(_schema_problem(fault) for fault in faults)
    # An object that lacks a key may be too short as well: the deeper place says it all.
    yield from (p for p in problems if not any(other.key.startswith(f"{p.key}#") for other in problems))
    if not faults and metadata["version"] not in metadata["changelog"]:
        yield Problem(METADATA, "changelog", f"does not mention version {metadata['version']}", "say what is new in it")


def _schema_problem(fault: ValidationError) -> Problem:
    place = [str(part) for part in fault.absolute_path]
    if fault.validator == "required" and isinstance(fault.instance, dict):
        missing = [
            name for name in fault.validator_value if name not in fault.instance and f"'{name}'" in fault.message
        ]
        return Problem(
            METADATA, "#".join([*place, *missing[:1]]), "is missing", "add it, the metadata schema requires it"
        )
    return Problem(METADATA, "#".join(place), fault.message, "see cladeseg/bundle/metadata_schema.json")


# ---- keys and references ---------------------------------------------------------------------------------------------


def reads_tables(root: Path) -> bool:
    """Whether a bundle gives classes of patients, not of voxels, by what its metadata say of its predictions."""
    return read_json(root / METADATA)["network_data_format"]["outputs"]["pred"]["format"] == "classes"


def segments(root: Path) -> bool:
    """Whether a bundle is about a label tree of images."""
    return not reads_tables(root) and ((root / TREE).is_file() or "taxonomy" in read_json(root / INFERENCE))


def _wanted_keys(root: Path) -> dict[str, dict[str, str]]:
    if reads_tables(root):
        return _TABLE_KEYS
    return _KEYS if segments(root) else _COMMON_KEYS


def _config_problems(root: Path) -> Iterator[Problem]:
    for name, keys in _wanted_keys(root).items():
        content = read_json(root / name)
        missing = {**_unresolved(content, content), **_missing(content, keys)}
        yield from (Problem(name, key, "is missing", f"add it, {why}") for key, why in missing.items())
        for place, text in _texts(content):
            if _OTHER_FILE.match(text):
                yield Problem(name, place, f"takes over another file, '{text}'", "keep it in one file for MONAI Label")
    if (root / EVALUATE).is_file():
        overlay = read_json(root / EVALUATE)
        missing = _unresolved(overlay, {**read_json(root / TRAIN), **overlay})
        yield from (Problem(EVALUATE, key, "is missing", f"add it, {why}") for key, why in missing.items())


def _missing(content: Any, keys: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, who in keys.items():
        try:
            value_at(content, key)
        except KeyError as error:
            found.setdefault(error.args[0], f"{who} needs it")
    return found


def _unresolved(part: Any, content: Any) -> dict[str, str]:
    """References of ``part`` to what ``content`` does not hold, each with the place of the first one."""
    found: dict[str, str] = {}
    for place, text in _texts(part):
        for reference in _REFERENCE.findall(text) if text.startswith(("@", "$")) else ():
            try:
                value_at(content, reference.replace("::", "#"))
            except KeyError as error:
                found.setdefault(error.args[0], f"'{place}' refers to it")
    return found


def _texts(content: Any, place: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    if isinstance(content, str):
        yield "#".join(place), content
    elif isinstance(content, dict | list):
        for name, part in content.items() if isinstance(content, dict) else enumerate(content):
            yield from _texts(part, (*place, str(name)))


# ---- safety ----------------------------------------------------------------------------------------------------------


def _audit_problems(root: Path) -> Iterator[Problem]:
    """What the audit does not allow: the checks that follow build the bundle's parts, so this must be clean."""
    for found in audit_bundle(root):
        if not found.allowed and found.kind in _CONFIG_KINDS:
            yield Problem(found.file, found.key, f"'{found.value}' {found.reason}", _FIXES.get(found.kind, _FIX))


_FIX = "'cladeseg audit' lists what is allowed"
_FIXES = {
    "expression": "name a function of an installed package with _target_, so that it runs with MONAI_EVAL_EXPR=0",
    "target": "call what cladeseg, MONAI, torch or ignite offer",
    "path": "name a file inside the bundle, relative to it",
    "macro": "keep the config in one file",
    "link": "put a copy of the file into the bundle",
    "weights": "'cladeseg promote' copies weights with their record",
}
