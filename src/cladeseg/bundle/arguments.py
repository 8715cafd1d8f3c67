"""A command line of ``monai.bundle`` as python-fire reads it, and the texts in it that fire must leave as they are.

Fire takes every value for Python: the folder ``hip#2`` becomes ``hip``, ``20180217_064501`` an integer and ``(new)``
the text ``new``.  What stands for text is quoted, so that it arrives as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fire.parser import DefaultParseValue, SeparateFlagArgs

#: Folders of a run, whose names may be any text at all.
FOLDERS = ("bundle_root", "dataset_dir", "output_dir")
#: Further keys of our configs, or of MONAI's command, that hold a text or nothing.
_TEXTS = (
    *(*FOLDERS, "weights", "pretrained", "task", "device", "label_convention", "split", "output_format", "run_id"),
    "cache_dir",
)
#: Keys that hold a file or a list of files, which its bracket or comma shows unless there is a file of that name.
_FILES = ("config_file", "meta_file", "logging_file", "args_file")
#: Keys that name a file or folder.
_PATHS = (*FOLDERS, "weights", "pretrained", "cache_dir")
#: The one expression that a command line may hold: MONAI passes nothing else on as nothing.
NOTHING = "$None"
_FLAG = re.compile(r"--|-[a-zA-Z]")


class Argument(NamedTuple):
    """One flag of a command line.

    Attributes:
        name: with ``_`` for ``-``.
        text: its value as it was written; ``None`` for a switch such as ``--resume``.
        place: index of the value, or of the flag where both are one word.
        value: what fire makes of it.
    """

    name: str
    text: str | None
    place: int
    value: Any


def read_flags(arguments: Sequence[str]) -> list[Argument]:
    """Every flag in order: ``--a 1``, ``--a=1``, ``--a`` (True) and ``--noa`` (False).

    Args:
        arguments: of a command, without the program.
    """
    return [one for one in _read(arguments) if isinstance(one, Argument)]


def read_words(arguments: Sequence[str]) -> list[str]:
    """The words that belong to no flag."""
    return [one for one in _read(arguments) if isinstance(one, str)]


def text_keys(settings: Collection[str] = ()) -> set[str]:
    """Names of flags whose value is text.

    Args:
        settings: full names such as ``data.label_convention`` of settings that are text.
    """
    return {*_TEXTS, *("#".join(("settings", *name.split("."))) for name in settings)}


def literal_values(arguments: Sequence[str], texts: Collection[str]) -> dict[str, Any]:
    """The values of all flags: texts as they were written, everything else as fire reads it.

    MONAI would make ``::`` of a ``#`` in a text; a path it leaves alone, so a file or folder with one is a path.

    Args:
        arguments: of a command, without the program.
        texts: names of the flags that hold text; see :func:`text_keys`.

    Example:
        >>> literal_values(["--output_dir", "20180217_064501", "--epochs", "3"], {"output_dir"})
        {'output_dir': '20180217_064501', 'epochs': 3}
    """
    values = {flag.name: _literal(flag, texts) for flag in read_flags(arguments)}
    return {name: Path(one) if name in _PATHS and "#" in str(one) else one for name, one in values.items()}


def _literal(flag: Argument, texts: Collection[str]) -> Any:
    text = flag.text
    if text is None or (isinstance(flag.value, str) and text[:1] in ("'", '"') and text[-1:] == text[:1]):
        return flag.value  # a switch, or a text in quotes
    if flag.name in _FILES:
        several = text[:1] in ("[", "(") or "," in text
        return flag.value if several and not Path(text).exists() else text
    return text if flag.name.replace("::", "#") in texts and text != NOTHING else flag.value


def _read(arguments: Sequence[str]) -> Iterator[Argument | str]:
    arguments, _ = SeparateFlagArgs(list(arguments))
    taken = -1
    for place, argument in enumerate(arguments):
        if place == taken:
            continue
        if not _FLAG.match(argument):
            yield argument
            continue
        name, equals, text = argument.lstrip("-").partition("=")
        name = name.replace("-", "_")
        following = arguments[place + 1] if place + 1 < len(arguments) else "--"
        if equals:
            yield Argument(name, text, place, DefaultParseValue(text))
        elif not _FLAG.match(following):
            taken = place + 1
            yield Argument(name, following, taken, DefaultParseValue(following))
        else:
            yield Argument(name.removeprefix("no"), None, place, not name.startswith("no"))
