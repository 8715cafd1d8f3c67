"""Cases that a JSON file lists as entries with ``image`` and ``label``: the Decathlon's and MONAI's way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from cladeseg.files import DataError
from cladeseg.segmentation.data.case_list import UNKNOWN, unique_cases
from cladeseg.segmentation.data.file_names import common_stem
from cladeseg.segmentation.data.listed_paths import is_there, listed_name, listed_path, shown

#: Keys of an entry that are read; the first of the patient's that is there counts.
PATIENT_KEYS = ("patient", "patient_id", "subject", "subject_id")
ENTRY_KEYS = ("image", "label", "case", "group", *PATIENT_KEYS)


class Entry(NamedTuple):
    """One entry of a list.

    Attributes:
        where: file, list and number, for messages.
        content: the entry.
        part: ``"validation"`` or ``"test"`` where the list says so; ``""`` where the split is drawn.
    """

    where: str
    content: dict[str, Any]
    part: str = ""

    @property
    def labelled(self) -> bool:
        """Whether a label is named."""
        return bool(self.content.get("label"))


def read_entries(content: Mapping[str, Any], key: str, file: Path, *, part: str = "") -> list[Entry]:
    """The entries of one list, without the hidden files that macOS archives add.

    Args:
        content: what the JSON file holds.
        key: the list's.
        file: the JSON file, for messages.
        part: see :class:`Entry`; where there is one, a text is an image without a label.

    Raises:
        DataError: it is no list, is empty or lists hidden files only, or an entry names no image.
    """
    listed = content.get(key)
    if not isinstance(listed, list) or not (listed or part):
        found = "nothing" if listed == [] else shown(listed)
        raise DataError(f'{file}: \'{key}\' should list {{"image", "label"}}, found {found}')
    named = [{"image": entry} if part and isinstance(entry, str) else entry for entry in listed]
    entries = [Entry(f"{file}: {key}[{i}]", entry, part) for i, entry in enumerate(named)]
    visible = [entry for entry in entries if not _images(entry)[0].name.startswith(".")]
    if entries and not visible:
        raise DataError(f"{file}: '{key}' lists hidden files only")
    return visible


def listed_cases(
    entries: Sequence[Entry], root: Path, *, label_folder: str = "", channels: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The cases of entries, sorted by name.

    A case is called as its entry's ``case`` says, else after its image's file, and where two files have one name
    after their folders too.  The patient is the entry's ``patient``, else the case itself.

    Args:
        entries: of all lists that are used.
        root: folder that their paths are relative to.
        label_folder: where the label of an entry that names none is looked for, under the image's name.
        channels: names of the volumes of a 4D image, if they are known.

    Raises:
        DataError: a path leaves the folder, an image is absent, an entry is of the wrong kind, or two cases have one
            name.
    """
    images = [_images(entry) for entry in entries]
    stems = [common_stem(files) for files in images]
    times = Counter(stem for stem, _ in {(stem, files[0]) for (stem, _), files in zip(stems, images, strict=True)})
    cases = []
    for entry, files, (stem, words) in zip(entries, images, stems, strict=True):
        name = stem if times[stem] == 1 else "__".join([*files[0].parent.parts, stem])
        named = words if len(files) > 1 else channels
        case = {**_description(entry, name), **_files(entry, files, root, label_folder)}
        cases.append((entry.where, {**case, "channels": list(named)} if named else case))
    return unique_cases(cases)


def _images(entry: Entry) -> list[PurePosixPath]:
    content = entry.content if isinstance(entry.content, dict) else {}
    image = content.get("image")
    files = image if isinstance(image, list) else [image]
    if not files or not all(isinstance(file, str) for file in files):
        raise DataError(f"{entry.where}: needs a text 'image', or a list of one text for each channel")
    paths = [listed_path(file, entry.where, "image") for file in files]
    if len(set(paths)) < len(paths):
        raise DataError(f"{entry.where}: 'image' names one file twice")
    return paths


def _description(entry: Entry, name: str) -> dict[str, Any]:
    content, where = entry.content, entry.where
    case = listed_name(content.get("case", name), where, "case")
    key = next((key for key in PATIENT_KEYS if key in content), "")
    return {
        "case": case,
        "patient": listed_name(content[key], where, key) if key else case,
        "group": listed_name(content["group"], where, "group") if "group" in content else UNKNOWN,
        **({"part": entry.part} if entry.part else {}),
    }


def _files(entry: Entry, images: Sequence[PurePosixPath], root: Path, label_folder: str) -> dict[str, Any]:
    for image in images:
        if not is_there(root / image):
            raise DataError(f"{root / image}: missing; {entry.where} lists it")
    label = entry.content.get("label")
    if label:
        path = listed_path(label, entry.where, "label")
    else:
        path = PurePosixPath(label_folder, images[0].name) if label_folder else _nowhere(entry, root)
    listed = [image.as_posix() for image in images]
    return {
        "image": listed if len(listed) > 1 else listed[0],
        "label" if is_there(root / path) else "missing_label": path.as_posix(),
    }


def _nowhere(entry: Entry, root: Path) -> PurePosixPath:
    """In place of a path: the entry that names no label, which messages then show."""
    return PurePosixPath(f"{Path(entry.where).relative_to(root).as_posix()}: label")


def is_volume_entry(entry: Any) -> bool:
    """Whether an entry of a foreign JSON file looks like a case."""
    return isinstance(entry, dict) and isinstance(entry.get("image"), str | list)
