"""Refuse overrides that MONAI's command line accepts in silence and nobody obeys."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from fire.parser import DefaultParseValue, SeparateFlagArgs
from monai.bundle import ConfigParser, ConfigWorkflow, create_workflow, run

from cladeseg.bundle.settings import SEPARATOR, nearest_key, nearest_setting

_PROGRAM = ("monai", "bundle", "__main__.py")
_FLAG = re.compile(r"--|-[a-zA-Z]")
#: Strings that MONAI replaces by something else before anyone sees them.
_INDIRECT = ("$", "@", "%")


class OverrideError(ValueError):
    """An override that would not do what it says."""


def check_overrides(argv: Sequence[str] | None = None, *, settings: Collection[str] = ()) -> None:
    """Compare the command line's overrides with the config files that they are meant for.

    ``python -m monai.bundle run training --epoch 2`` trains with the default number of epochs: MONAI adds the unknown
    key ``epoch`` to the config, where nobody reads it.  ``--amp false`` arrives as the text "false", which counts as
    true, and ``--fine_patients None`` does not arrive at all.  This ends such a run before anything is read or
    written.  Called from a bundle's ``initialize``; does nothing where the program is not ``python -m monai.bundle``.

    Args:
        argv: the command line, the program's path first; ``sys.argv`` if ``None``.
        settings: full names such as ``mix.weight`` of what may stand below the key ``settings``, to be suggested.

    Raises:
        OverrideError: the message gives the nearest known key, or the right way to write the value.
    """
    argv = sys.argv if argv is None else argv
    if not argv or Path(argv[0]).parts[-len(_PROGRAM) :] != _PROGRAM:
        return
    flags = _flags(argv[1:])
    given = {**ConfigParser.load_config_file(flags["args_file"]), **flags} if "args_file" in flags else flags
    files = given.get("config_file")
    if not files:
        return
    files = [files] if isinstance(files, str) else list(files)
    config = ConfigParser.load_config_files(files)
    for name in given:
        _check_name(name, config, files, settings)
        _check_setting(name, settings)
    for name, value in flags.items():
        _check_value(name, value, config)


def _check_name(name: str, config: Mapping[str, Any], files: Sequence[str], settings: Collection[str]) -> None:
    top = _top(name)
    if top in config or top in _own_parameters():
        return
    where = ", ".join(Path(file).name for file in files)
    near = nearest_key(top, config, settings)
    rest = "" if near.startswith(f"settings{SEPARATOR}") else name.removeprefix(top)
    raise OverrideError(f"--{name}: {where} has no key '{top}'; did you mean --{near}{rest}?")


def _check_setting(name: str, settings: Collection[str]) -> None:
    """A group that does not exist ends in a bare KeyError of MONAI's, before the settings are read."""
    top, *levels = _levels(name)
    written = ".".join(levels)
    if top != "settings" or not levels or not settings or any(_overlap(written, known) for known in settings):
        return
    near = SEPARATOR.join((top, *nearest_setting(written, settings).split(".")))
    raise OverrideError(f"--{name}: there is no such setting; did you mean --{near}?")


def _overlap(written: str, known: str) -> bool:
    """Whether one of two full names is the other, or a group or an object that the other lies in."""
    return f"{known}.".startswith(f"{written}.") or f"{written}.".startswith(f"{known}.")


def _check_value(name: str, value: Any, config: Mapping[str, Any]) -> None:
    if _top(name) not in config:
        return
    word = value.lower() if isinstance(value, str) else value
    if word is None or word in ("null", "none"):
        raise OverrideError(f"--{name} {value}: MONAI would not pass this on; write --{name} '$None'")
    if word in ("true", "false"):
        raise OverrideError(f"--{name} {value}: this is text, which counts as true; write {value.capitalize()}")
    switch = isinstance(ConfigParser(dict(config)).get(name), bool)
    if switch and isinstance(value, str) and not value.startswith(_INDIRECT):
        raise OverrideError(f"--{name} {value}: this is a switch; write True or False")


def _top(name: str) -> str:
    return _levels(name)[0]


def _levels(name: str) -> list[str]:
    return re.split("#|::", name)


def _own_parameters() -> set[str]:
    """Flags that are MONAI's own and no overrides."""
    parameters = [p for f in (run, create_workflow, ConfigWorkflow) for p in inspect.signature(f).parameters.values()]
    return {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}


def _flags(arguments: Sequence[str]) -> dict[str, Any]:
    """Names and values as python-fire reads them: ``--a 1``, ``--a=1``, ``--a`` (True) and ``--noa`` (False)."""
    arguments, _ = SeparateFlagArgs(list(arguments))
    flags: dict[str, Any] = {}
    for argument, following in zip(arguments, [*arguments[1:], "--"], strict=False):
        if not _FLAG.match(argument):
            continue
        name, equals, value = argument.lstrip("-").partition("=")
        name = name.replace("-", "_")
        if equals or not _FLAG.match(following):
            flags[name] = DefaultParseValue(value if equals else following)
        else:
            flags[name.removeprefix("no")] = not name.startswith("no")
    return flags
