"""Refuse misspelt overrides, which MONAI's command line accepts in silence."""

from __future__ import annotations

import ast
import difflib
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

from monai.bundle import ConfigParser, ConfigWorkflow, run


class OverrideError(ValueError):
    """An override names a key that no config file has."""


def check_overrides(argv: Sequence[str] | None = None) -> None:
    """Compare the command line's top-level overrides with the keys of its config files.

    ``python -m monai.bundle run training --epoch 2`` trains with the default number of epochs: MONAI adds the unknown
    key ``epoch`` to the config, where nobody reads it.  This ends such a run before anything is read or written.
    Called from a bundle's ``initialize``; does nothing where the program is not a bundle command.

    Args:
        argv: the command line, the program's name first; ``sys.argv`` if ``None``.

    Raises:
        OverrideError: the message names the nearest known key.
    """
    flags = _flags(list(sys.argv if argv is None else argv)[1:])
    files = _config_files(flags.get("config_file"))
    if not files:
        return
    keys = set(ConfigParser.load_config_files(files))
    known = keys | set(inspect.signature(run).parameters) | set(inspect.signature(ConfigWorkflow).parameters)
    for name in flags:
        if name.split("#")[0].split("::")[0] not in known:
            raise OverrideError(_refusal(name, keys, files))


def _refusal(name: str, keys: set[str], files: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, keys, n=1, cutoff=0.0)
    return f"--{name}: {', '.join(Path(file).name for file in files)} has no key '{name}'; did you mean --{near[0]}?"


def _flags(arguments: Sequence[str]) -> dict[str, str]:
    """``--name value`` and ``--name=value`` pairs, as python-fire reads them."""
    flags: dict[str, str] = {}
    for i, argument in enumerate(arguments):
        if not argument.startswith("--") or argument == "--":
            continue
        name, _, value = argument[2:].partition("=")
        following = arguments[i + 1] if i + 1 < len(arguments) else ""
        flags[name.replace("-", "_")] = value or ("" if following.startswith("--") else following)
    return flags


def _config_files(value: str | None) -> list[str]:
    if not value:
        return []
    try:
        parsed = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return [value]
    return [str(file) for file in parsed] if isinstance(parsed, (list, tuple)) else [str(parsed)]
