"""The bundles and overlays that come with cladeseg, found by name wherever it is installed.

A wheel carries them inside the package, in ``cladeseg/shipped``; an editable install finds them in its checkout.
Either way ``bundles`` and ``configs`` lie side by side, so that the relative paths of grids hold.  No parent of the
current directory is searched.
"""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cladeseg.files import DataError

_PACKAGE = Path(__file__).resolve().parents[1]
#: Endings of bundles' names that people leave out.
_SUFFIXES = ("_subclass_segmentation", "_subtype_classification")
_CONFIGS = (".json", ".yaml", ".yml")
#: What trainings and benchmarks leave in a bundle's folder; a copy starts without it.
_LEFT_BEHIND = ("runs", "eval", "docs/results")


def shipped_root() -> Path:
    """Folder that holds ``bundles`` and ``configs``.

    Raises:
        DataError: the installation came without them.
    """
    for root in (_PACKAGE / "shipped", _PACKAGE.parents[1]):
        if (root / "bundles").is_dir() and (root / "configs").is_dir():
            return root
    raise DataError(f"{_PACKAGE}: the bundles that belong to this installation are missing; install cladeseg again")


def shipped_bundles() -> dict[str, Path]:
    """Short name → folder of every bundle that comes with cladeseg, sorted by name.

    Raises:
        DataError: the installation came without any.
    """
    folders = sorted(path for path in (shipped_root() / "bundles").iterdir() if is_bundle(path))
    if not folders:
        raise DataError(f"{shipped_root() / 'bundles'}: holds no bundle; install cladeseg again")
    return {_short(folder.name): folder for folder in folders}


def is_bundle(folder: str | Path) -> bool:
    """Whether a folder looks like a bundle: there are config files in its ``configs``."""
    return any(file.suffix in _CONFIGS for file in (Path(folder) / "configs").glob("*"))


def find_bundle(name_or_path: str | Path) -> Path:
    """The folder of a bundle.

    Args:
        name_or_path: a bundle's folder, or the name of a shipped one: ``acdc``, or ``acdc_subclass_segmentation``.  A
            folder goes first, so that one's own copy of a shipped bundle is found.

    Returns:
        The absolute folder.

    Raises:
        DataError: neither; the message names the shipped bundle with the nearest name.

    Examples:
        >>> find_bundle("acdc").name
        'acdc_subclass_segmentation'
    """
    if is_bundle(name_or_path):
        return Path(name_or_path).absolute()
    shipped, name = shipped_bundles(), str(name_or_path)
    found = shipped.get(_short(name))
    if found is None:
        nearest = _nearest(_short(Path(name).name), shipped)
        raise DataError(
            f"{name}: is neither a bundle's folder nor the name of a shipped bundle; did you mean '{nearest}'? "
            f"There are {', '.join(shipped)}"
        )
    return found


def shipped_config(relative: str | Path) -> Path:
    """An overlay or grid that comes with cladeseg.

    Args:
        relative: its path in ``configs``, e.g. ``"profiles/acdc_gpu.json"``; ``.json`` may be left out.

    Raises:
        DataError: there is none; the message names the nearest.

    Examples:
        >>> shipped_config("demos/acdc").name
        'acdc.json'
    """
    folder = shipped_root() / "configs"
    known = {file.relative_to(folder).with_suffix("").as_posix(): file for file in sorted(folder.rglob("*.json"))}
    name = Path(relative).as_posix().removesuffix(".json")
    if name not in known:
        raise DataError(
            f"{relative}: no config of this name comes with cladeseg; did you mean '{_nearest(name, known)}.json'?"
        )
    return known[name]


def copy_bundle(name: str | Path, folder: str | Path) -> Path:
    """Write a copy of a bundle to work in: trainings may write into it, unlike into an installed package.

    Args:
        name: what :func:`find_bundle` takes.
        folder: the copy; must not exist, or be empty.

    Returns:
        The copy, complete or not there at all.

    Raises:
        DataError: no such bundle, a folder that is not empty, or one that cannot be written.
    """
    source, target = find_bundle(name), Path(folder)
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise DataError(f"{target}: is not empty; a bundle is never written over something else")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as draft:
            _copy_files(source, Path(draft, "bundle"))
            if target.exists():
                target.rmdir()
            Path(draft, "bundle").rename(target)
    except OSError as error:
        raise DataError(f"{target}: the copy of {source.name} cannot be written ({error})") from error
    return target


def is_shipped(folder: str | Path) -> bool:
    """Whether a folder lies in the installed package, where nothing may be written; a checkout's bundles do not."""
    return Path(folder).resolve().is_relative_to(_PACKAGE)


def raise_if_shipped(bundle: str | Path) -> None:
    """Refuse to write into a bundle of the installed package.

    Raises:
        DataError: it is one; the message names the command that makes a copy.
    """
    if is_shipped(bundle):
        raise DataError(copy_advice(bundle))


def copy_advice(bundle: str | Path) -> str:
    """Why nothing is written into a bundle of the installed package, and what to do instead, in one line."""
    folder = Path(bundle).resolve()
    name = _short(folder.name)
    return (
        f"{folder}: belongs to the installed package and stays as it is; "
        f"'cladeseg copy-bundle {name} FOLDER' makes a copy that trainings may write into"
    )


def _copy_files(source: Path, target: Path) -> None:
    """Contents alone: copied permissions would make the copy of a read-only installation read-only."""
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        relative = file.relative_to(source)
        if not any(relative.is_relative_to(each) for each in _LEFT_BEHIND):
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / relative)


def _short(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)


def _nearest(name: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]
