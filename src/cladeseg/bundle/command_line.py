"""Refuse overrides that MONAI's command line accepts in silence and nobody obeys, and keep texts as they are."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import monai.bundle
from monai.bundle import ConfigParser, ConfigWorkflow, create_workflow, run

from cladeseg.bundle.arguments import FOLDERS, NOTHING, Argument, literal_values, read_flags, read_words, text_keys
from cladeseg.bundle.settings import SEPARATOR, nearest_key, nearest_setting
from cladeseg.files import DataError, one_line

_PROGRAM = ("monai", "bundle", "__main__.py")
#: Commands of MONAI's that initialise a bundle too.
_EXPORTS = ("ckpt_export", "onnx_export", "trt_export")
#: First characters of texts that MONAI replaces by something else before anyone sees them.
INDIRECT = ("$", "@", "%")
#: Whether the command that runs has its texts as they were written.
_literal: list[bool] = []


class OverrideError(ValueError):
    """An override that would not do what it says."""


def check_overrides(
    argv: Sequence[str] | None = None, *, settings: Collection[str] = (), texts: Collection[str] = ()
) -> dict[str, Any]:
    """Compare the command line's overrides with the config files that they are meant for.

    ``python -m monai.bundle run training --epoch 2`` trains with the default number of epochs: MONAI adds the unknown
    key ``epoch`` to the config, where nobody reads it.  ``--amp false`` arrives as the text "false", which counts as
    true, and ``--fine_patients None`` does not arrive at all.  This ends such a run before anything is read or
    written.  Called from a bundle's ``initialize``; does nothing where the program is not ``python -m monai.bundle``.

    Where python-fire took a text of the process's own command line for something else, the command runs again with the
    text as it was written, and the program ends.

    Args:
        argv: the command line, the program's path first; ``sys.argv`` if ``None``.
        settings: full names such as ``mix.weight`` of what may stand below the key ``settings``, to be suggested.
        texts: those of them that are text.

    Returns:
        What ``monai.bundle.run`` is to be called with: texts as they were written.

    Raises:
        OverrideError: the message gives the nearest known key, or the right way to write the value.
        DataError: a config cannot be read.
    """
    own, argv = argv is None, sys.argv if argv is None else argv
    if not argv or Path(argv[0]).parts[-len(_PROGRAM) :] != _PROGRAM:
        return {}
    words = read_words(argv[1:])
    if words and words[0] in _EXPORTS:
        return {}  # their arguments are no overrides
    flags = read_flags(argv[1:])
    given = _with_args_file({flag.name: flag.value for flag in flags}, flags)
    files = given.get("config_file")
    if not files:
        return {}
    files = [files] if isinstance(files, str) else list(files)
    config = read_configs(files)
    _check_words(words, config)
    for name in given:
        _check_name(name, config, files, settings)
        _check_setting(name, settings)
    for flag in flags:
        _check_value(flag, config)
    literal = literal_values(argv[1:], text_keys(texts))
    literal |= dict(zip(["run_id"], words[1:], strict=False))
    if own and not _literal and any(literal[flag.name] != flag.value for flag in flags):
        _run_again(literal)
    return literal


def _with_args_file(given: dict[str, Any], flags: Sequence[Argument]) -> dict[str, Any]:
    """Also what stands in an ``args_file``, which command lines are on top of; the two files by their literal names."""
    for flag in flags:
        if flag.name in ("args_file", "config_file") and flag.text and Path(flag.text).is_file():
            given[flag.name] = flag.text
    return {**read_config(given["args_file"]), **given} if "args_file" in given else given


def read_config(file: str | Path) -> dict[str, Any]:
    """The content of one config file as it is: ``settings#mix#weight`` stays one key.

    Raises:
        DataError: it is missing, or is neither JSON nor YAML.
    """
    if not Path(file).is_file():
        raise DataError(f"{file}: there is no such config file; it is looked for from the current folder")
    try:
        return dict(ConfigParser.load_config_file(str(file)))
    except Exception as error:  # JSON and YAML have their own kinds
        raise DataError(f"{file}: cannot be read as a config ({one_line(error)})") from error


def read_configs(files: Sequence[str | Path]) -> dict[str, Any]:
    """The content of config files, each on top of those before it.

    Raises:
        DataError: one of them is missing, or is neither JSON nor YAML.
    """
    for file in files:
        read_config(file)
    return dict(ConfigParser.load_config_files([str(file) for file in files]))


def _run_again(arguments: Mapping[str, Any]) -> None:
    _literal.append(True)
    try:
        monai.bundle.run(**arguments)
    finally:
        _literal.clear()
    raise SystemExit(0)


def _check_words(words: Sequence[str], config: Mapping[str, Any]) -> None:
    """The words without ``--``: ``run`` and the name of what is run; MONAI would take a third for a config's key."""
    for stray in words[2:]:
        raise OverrideError(f"{stray}: belongs to no option; write --NAME VALUE, or quotes around a value with blanks")
    for name in words[1:]:
        if name not in config:
            near = nearest_key(name, [key for key, value in config.items() if value == "%run"] or config)
            raise OverrideError(f"{name}: this bundle has no such command; did you mean '{near}'?")


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


def _check_value(flag: Argument, config: Mapping[str, Any]) -> None:
    name, value = flag.name, flag.value
    if _top(name) not in config:
        return
    refuse_indirect(f"--{name}", value)
    if name in FOLDERS and flag.text is not None:
        return
    word = value.lower() if isinstance(value, str) else value
    if word is None or word in ("null", "none"):
        raise OverrideError(f"--{name} {value}: MONAI would not pass this on; write --{name} '{NOTHING}'")
    if word in ("true", "false"):
        raise OverrideError(f"--{name} {value}: this is text, which counts as true; write {value.capitalize()}")
    switch = isinstance(ConfigParser(dict(config)).get(name), bool)
    if switch and isinstance(value, str) and value != NOTHING:
        raise OverrideError(f"--{name} {value}: this is a switch; write True or False")


def refuse_indirect(name: str, value: Any) -> None:
    """Stop if a value that somebody gives holds a text that MONAI would resolve or evaluate.

    Args:
        name: what the message calls it, e.g. ``--dataset_dir``.
        value: plain values, nested or not.

    Raises:
        OverrideError: with the way to write it.
    """
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set):
        for one in value:
            refuse_indirect(name, one)
    elif isinstance(value, str) and value.startswith(INDIRECT) and value != NOTHING:
        raise OverrideError(
            f"{name} {value}: MONAI would not take a value that begins with '{value[0]}' as it is; "
            f"write ./{value} for a file of that name, or put an expression into a config"
        )


def _top(name: str) -> str:
    return _levels(name)[0]


def _levels(name: str) -> list[str]:
    return re.split("#|::", name)


def _own_parameters() -> set[str]:
    """Flags that are MONAI's own and no overrides."""
    parameters = [p for f in (run, create_workflow, ConfigWorkflow) for p in inspect.signature(f).parameters.values()]
    return {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
