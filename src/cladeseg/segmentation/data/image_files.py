"""Which files below a folder are images: links are followed, each real file counts once, the others are named."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cladeseg.files import DataError, read_json
from cladeseg.segmentation.data.file_names import label_of
from cladeseg.volumes import case_name, is_dicom_file, is_dicom_series, is_volume_file

logger = logging.getLogger(__name__)

#: Folders of labels under the images' own names: the Decathlon's, and that of MONAI Label beside the studies.
_LABEL_FOLDERS = ("labelsTr", "labelsTs", "labels")
#: What a prediction writes beside its masks, by the ends of the names.
_MAPS = ("_probabilities", "_uncertainty")
#: The record of a prediction: its key "files" lists the masks and maps in its folder.
RECORD = "prediction.json"
_SHOWN = 5


@dataclass
class _Found:
    """Images, and what is passed over, each with its real path so that none counts twice."""

    images: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)

    def add(self, path: Path, *, image: bool) -> None:
        real = path.resolve()
        if real not in self.seen:
            self.seen.add(real)
            (self.images if image else self.others).append(path)


def image_files(root: Path, leave_out: str | Path | None = None, no_images: Sequence[str] = ()) -> list[Path]:
    """Every image below a folder, or the one that is named: files, and folders that hold a DICOM series.

    Files whose names are those of labels, and what an earlier prediction wrote, are no images.  One message counts and
    names all that is passed over.

    Args:
        root: a folder, searched with its sub-folders and the targets of its links; or an image.
        leave_out: a folder inside ``root`` that is not searched.
        no_images: ends of names of other volumes that are no images.

    Raises:
        DataError: there is no such folder, or it holds no image; the message names what is there instead.
    """
    if not root.exists():
        raise DataError(f"{root}: there is no such folder")
    if root.is_file():
        return [root]
    found = _Found()
    for folder in _folders(root, None if leave_out is None else Path(leave_out).resolve()):
        _look_into(folder, root, found, tuple(no_images))
    counted = "1 file is" if len(found.others) == 1 else f"{len(found.others)} files are"
    others = f"{counted} passed over: {_listed(found.others, root)}"
    if not found.images:
        there = others if found.others else "it is empty"
        raise DataError(f"{root}: holds no image (NIfTI, NRRD, MetaImage, MGH or a DICOM series); {there}")
    if found.others:
        logger.info("%s: %s", root, others)
    return sorted(found.images)


def _folders(root: Path, leave_out: Path | None) -> Iterator[Path]:
    """The folder and those below it, each real one once; links come last, so that a real place wins over a link."""
    seen, waiting, links = {leave_out} - {root.resolve(), *root.resolve().parents}, [root], list[Path]()
    while waiting or links:
        folder = (waiting or links).pop(0)
        if folder.resolve() in seen:
            continue
        seen.add(folder.resolve())
        yield folder
        below = [one for one in _content(folder) if one.is_dir() and not one.name.startswith(".")]
        waiting += [one for one in below if not one.is_symlink()]
        links += [one for one in below if one.is_symlink()]


def _look_into(folder: Path, root: Path, found: _Found, no_images: tuple[str, ...]) -> None:
    labels = bool({*folder.relative_to(root).parts} & {*_LABEL_FOLDERS})
    written = _written_by_us(folder)
    series = is_dicom_series(folder)
    if series:
        found.add(folder, image=not labels)
    # Links after files, for the same reason as above.
    for file in sorted((one for one in _content(folder) if not one.is_dir()), key=_links_last):
        if file.name.startswith(".") or (series and is_dicom_file(file)):
            continue
        named = is_volume_file(file) and file.is_file() and label_of(file) is None
        map_or_other = case_name(file).endswith((*_MAPS, *no_images))
        found.add(file, image=named and not map_or_other and not labels and file.name not in written)


def _content(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror})") from error


def _links_last(file: Path) -> tuple[bool, str]:
    return file.is_symlink(), file.name


def _written_by_us(folder: Path) -> set[str]:
    """Names of the files that a prediction says it wrote into the folder."""
    record = folder / RECORD
    if not record.is_file():
        return set()
    try:
        content = read_json(record)
    except DataError:  # somebody else's file of that name
        return set()
    files = content.get("files", ()) if isinstance(content, dict) else ()
    return {name for name in files if isinstance(name, str)} if isinstance(files, list) else set()


def _listed(files: Sequence[Path], root: Path) -> str:
    shown = ", ".join(file.relative_to(root).as_posix() for file in files[:_SHOWN])
    return f"{shown}, …" if len(files) > _SHOWN else shown
