"""A folder of phantoms: written once, completed after an interruption, never mixed with anything else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cladeseg.files import DataError, read_json, remove_leftovers, write_json

#: Says what a folder of phantoms holds, or will hold: its ``files`` are null until the last of them is written.
RECIPE_FILE = "phantoms.json"


def fill_folder(folder: str | Path, recipe: Mapping[str, Any], files: Iterable[Path]) -> list[Path]:
    """Write the phantoms of ``recipe``, unless the folder holds them already.

    What an interrupted run of the same recipe has written stays as it is; the rest is added.

    Args:
        folder: where to; created if missing.
        recipe: everything that the files depend on, as JSON holds it.
        files: writes each file that is missing when the next path is asked for, such as a generator over
            :func:`cladeseg.segmentation.phantoms.grid.save_volume`; not touched if the folder is finished.

    Returns:
        The path of every file, in order.

    Raises:
        DataError: the folder holds anything else, or a file of a finished folder is gone.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        names = _names_of(folder, recipe)
        if names is not None:
            return _existing_files(folder, names)
        remove_leftovers(folder)  # a search for volumes would find them
    write_json({"recipe": dict(recipe), "files": None}, folder / RECIPE_FILE)
    written = list(files)
    names = [file.relative_to(folder).as_posix() for file in written]
    write_json({"recipe": dict(recipe), "files": names}, folder / RECIPE_FILE)
    return written


def _names_of(folder: Path, recipe: Mapping[str, Any]) -> list[str] | None:
    """Names of the files of a finished folder; None where the recipe is the same but was interrupted."""
    try:
        content = read_json(folder / RECIPE_FILE)
        found, names = content["recipe"], content["files"]
    except (DataError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder}: is not empty and holds no readable {RECIPE_FILE}: another data set, or phantoms whose writing "
            f"was interrupted; delete it or choose another folder"
        ) from error
    if found != recipe:
        raise DataError(f"{folder}: holds phantoms of another request ({found}, asked for {dict(recipe)})")
    return names


def _existing_files(folder: Path, names: list[str]) -> list[Path]:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DataError(f"{folder / missing[0]}: missing, though {RECIPE_FILE} lists it; delete the folder")
    return [folder / name for name in names]
