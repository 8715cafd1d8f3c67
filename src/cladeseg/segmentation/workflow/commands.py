"""A bundle's training and evaluation from any folder: what MONAI's command line does inside the bundle's own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import monai.bundle

from cladeseg.bundle.arguments import NOTHING
from cladeseg.bundle.command_line import INDIRECT, read_config, read_configs, refuse_indirect
from cladeseg.bundle.device import choose_device
from cladeseg.bundle.settings import SEPARATOR, SettingsError
from cladeseg.bundle.validate_format import EVALUATE, TRAIN
from cladeseg.segmentation.workflow.plan import SETTINGS, changed_settings
from cladeseg.segmentation.workflow.settings import TOP_LEVEL

#: The config files of each command, and the one expression of them that it runs.
TRAINING, EVALUATING = ("training", TRAIN), ("evaluating", TRAIN, EVALUATE)
_HOLDER = "the bundle's configs have"


def run_bundle(
    command: Sequence[str],
    bundle_root: str | Path,
    *,
    dataset_dir: str | Path,
    output_dir: str | Path,
    overlays: Sequence[str | Path] = (),
    changes: Sequence[str] = (),
    **options: Any,
) -> None:
    """Run a bundle's command as ``python -m monai.bundle run`` does in its folder, from whatever folder.

    Everything that decides a training is checked before anything is read or written.

    Args:
        command: :data:`TRAINING` or :data:`EVALUATING`.
        bundle_root: the bundle's folder.
        dataset_dir: the data.
        output_dir: folder of the run.
        overlays: config files on top of the bundle's, each on top of those before it.
        changes: settings on top of them, as :func:`parse_change` reads them.
        **options: further top-level keys of the configs, on top of everything; ``None`` keeps what is there.

    Raises:
        SettingsError: a setting does not exist, with the nearest one that does, or has a value that does not fit.
        OverrideError: an option holds a text that MONAI would not take as it is.
        DataError: a file cannot be used.
        ValueError: this machine has no such device.
    """
    run_id, *configs = command
    root = Path(bundle_root).absolute()
    files = [str(root / config) for config in configs]
    overrides = dict(parse_change(change) for change in changes)
    overrides |= {name: value for name, value in options.items() if value is not None}
    for name, value in overrides.items():
        refuse_indirect(name, value)
    choose_device(options.get("device") or "auto")
    _check(read_configs(files), overlays, overrides)
    folders = {"bundle_root": root, "dataset_dir": dataset_dir, "output_dir": output_dir}
    monai.bundle.run(
        run_id=run_id,
        config_file=[*files, *(str(Path(overlay).absolute()) for overlay in overlays)],
        **{name: NOTHING if value is None else value for name, value in overrides.items()},
        # As paths: MONAI would make '::' of a '#' in a text.
        **{name: Path(folder).absolute() for name, folder in folders.items()},
    )


def parse_change(text: str) -> tuple[str, Any]:
    """A changed setting as people write it: ``mix.weight=0.5``.

    Args:
        text: a setting's full name and its value, which is JSON or else text.

    Returns:
        The key of MONAI's configs, and the value.

    Raises:
        SettingsError: it is not of that form, or the value would be taken for a reference or an expression.

    Examples:
        >>> parse_change("mix.weight=0.5")
        ('settings#mix#weight', 0.5)
        >>> parse_change("method=supervised"), parse_change("seed=1")
        (('settings#method', 'supervised'), ('seed', 1))
    """
    name, equals, written = text.partition("=")
    levels = name.strip().removeprefix(SETTINGS + SEPARATOR).replace(SEPARATOR, ".").split(".")
    if not equals or not all(levels):
        raise SettingsError(f"{text}: write a setting's name, '=' and its value, e.g. mix.weight=0.5")
    if written.startswith(INDIRECT):
        raise SettingsError(f"{text}: a value that begins with '{written[0]}' means something else to MONAI")
    try:
        value = json.loads(written)
    except ValueError:
        value = written
    return (levels[0] if tuple(levels) in _TOP else SEPARATOR.join((SETTINGS, *levels))), value


_TOP = {(name,) for name in TOP_LEVEL}


def _check(config: Mapping[str, Any], overlays: Sequence[str | Path], overrides: Mapping[str, Any]) -> None:
    """Refuse keys and settings that do not exist, and values that do not fit, by the file or name that holds them."""
    together: dict[str, Any] = {}
    for overlay in overlays:
        together |= read_config(overlay)
        try:
            changed_settings(config, together, holder=_HOLDER)
        except SettingsError as error:
            raise SettingsError(f"{overlay}: {error}") from error
    try:
        changed_settings(config, {**together, **overrides}, holder=_HOLDER)
    except SettingsError as error:
        raise SettingsError(_as_names(str(error))) from error


def _as_names(message: str) -> str:
    """Settings under the names that people write on a command line: ``settings#mix#weight`` is ``mix.weight``."""
    pattern = rf"\b{SETTINGS}{SEPARATOR}([\w{SEPARATOR}]+)"
    return re.sub(pattern, lambda found: found[1].replace(SEPARATOR, "."), message)
