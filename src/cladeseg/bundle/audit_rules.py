"""What may stand in a bundle's config: the verdict on one string, from its letters alone.

MONAI calls whatever ``_target_`` names and evaluates whatever starts with ``$``, so a config is a program
(GHSA-873f-pvrv-4x83).  The rules are an allow-list: what they do not know is not allowed.
"""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

#: Packages whose classes and functions a bundle may call.
ALLOWED_PACKAGES = ("cladeseg", "monai", "torch", "ignite")
#: Keys of metadata.json that a person reads and no program follows.
DOCUMENTATION_KEYS = ("schema", "references", "data_source", "description", "copyright", "authors", "intended_use")
#: Names that run commands, import by name, unpickle or download, wherever in the allowed packages they stand.
_DENIED_NAMES = {
    *("eval", "exec", "instantiate", "optional_import", "load_submodules", "run", "run_cmd", "run_workflow"),
    *("ComponentLocator", "ConfigComponent", "ConfigExpression", "ConfigParser", "ConfigWorkflow", "create_workflow"),
    *("download", "download_and_extract", "download_large_files", "download_mmar", "download_url", "extractall"),
    *("load", "load_from_mmar", "load_library", "load_state_dict_from_url", "nnUNetV2Runner", "push_to_hf_hub"),
}
_DENIED_PACKAGES = (
    "torch.hub",
    "torch.package",
    "torch.utils.cpp_extension",
    "torch.distributed.rpc",
    "monai.apps.mmars",
)
#: Modules that others import, so that ``torch.os.system`` would reach them.
_STANDARD = sys.stdlib_module_names - {"io", "random", "types", "signal", "statistics", "profile", "queue"}
_FOREIGN = _STANDARD | {"torch", "monai", "ignite", "cladeseg", "numpy", "np", "yaml", "fire", "requests", "gdown"}

_DOTTED = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_ABSOLUTE = re.compile(r"/|~|\\|[A-Za-z]:[\\/]")
_CLIMBS = re.compile(r"(^|[\\/\s'\"=:])\.\.([\\/]|$)")
_FILE_NAME = re.compile(r"\S+\.(json|ya?ml|conf|pt|pth|ts|onnx|safetensors|pkl|py|csv|txt|md|nii|gz|zip|png)")


class Verdict(NamedTuple):
    """What a string is, and whether it may stand there.

    Attributes:
        kind: ``"target"``, ``"expression"``, ``"macro"``, ``"url"`` or ``"path"``.
        allowed: whether it may.
        reason: why, or why not.
    """

    kind: str
    allowed: bool
    reason: str


def judge(name: str, value: str, *, documentation: bool = False) -> Verdict | None:
    """The verdict on one string of a config; ``None`` if it is none of the kinds.

    Args:
        name: the key that it stands under; ``a#_target_`` sets a target as ``_target_`` does.
        value: the string.
        documentation: whether it is text for people, which may hold web addresses.
    """
    if re.split("#|::", name)[-1] == "_target_":
        return _target(value)
    if value.startswith("$"):
        return Verdict("expression", False, "is evaluated as Python code")
    if value.startswith("%"):
        return _macro(value)
    if _URL.search(value):
        web = documentation and len(_URL.findall(value)) == len(_WEB.findall(value))
        return Verdict("url", web, "documentation" if web else "something may be fetched from or sent to it")
    return _path(value)


def judge_key(name: str) -> Verdict | None:
    """The verdict on a key, which may name a file too, as in ``weights``."""
    verdict = _path(name)
    return None if verdict is None or verdict.allowed else verdict


def _target(value: str) -> Verdict:
    reason = _why_not(value)
    if reason:
        return Verdict("target", False, reason)
    return Verdict("target", True, f"of {value.partition('.')[0]}" if "." in value else "a MONAI component")


def _why_not(value: str) -> str | None:
    package, *others = value.split(".")
    if not _DOTTED.fullmatch(value):
        return "is no plain dotted name, so what it calls cannot be determined"
    if others and package not in ALLOWED_PACKAGES:
        return f"lies outside {', '.join(ALLOWED_PACKAGES)}"
    foreign = [part for part in others if part in _FOREIGN]
    if foreign:
        return f"reaches the module '{foreign[0]}' through {package}"
    if (others or [package])[-1] in _DENIED_NAMES or value.startswith(tuple(f"{name}." for name in _DENIED_PACKAGES)):
        return "can run commands, import by name, unpickle or download"
    return None


def _macro(value: str) -> Verdict:
    path = _path(re.split("#|::", value[1:])[0])
    if _URL.search(value):
        return Verdict("macro", False, "takes over a config from elsewhere")
    if path is not None and not path.allowed:
        return Verdict("macro", False, path.reason)
    return Verdict("macro", True, "copies a part of the bundle's configs")


def _path(value: str) -> Verdict | None:
    if _ABSOLUTE.match(value):
        return Verdict("path", False, "is absolute, so it names one machine's file")
    if _CLIMBS.search(value):
        return Verdict("path", False, "leaves the bundle's folder")
    # Text for people has spaces; a path with spaces that stays inside the bundle harms nobody.
    if not re.search(r"\s", value) and (re.search(r"[\\/]", value) or _FILE_NAME.fullmatch(value)):
        return Verdict("path", True, "relative")
    return None
