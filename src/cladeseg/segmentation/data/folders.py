"""Folders without a list: a label is known by the last word of its name, a channel by what the cases' names share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.data.case_list import data_folder, log_left_out
from cladeseg.segmentation.data.file_names import LABEL_WORDS, is_volume, label_of
from cladeseg.segmentation.data.gathered_cases import Gathered, finished_cases
from cladeseg.volumes import case_name

_SEPARATORS = ("_", "-", ".")
#: How deep volumes may lie: CASE.nii.gz, PATIENT/CASE.nii.gz, PATIENT/SESSION/CASE.nii.gz.
_DEPTHS = ("*", "*/*", "*/*/*")


@dataclass(frozen=True)
class _Key:
    """A case by its folder and the beginning of its files' names; ``""`` where they are called after none."""

    folder: Path
    stem: str


def scan_folders(dataset_dir: str | Path) -> list[dict[str, Any]]:
    """List the cases of a folder by the names of its files alone.

    Args:
        dataset_dir: folder of ``CASE.nii.gz`` and ``CASE_seg.nii.gz``, directly, in one folder for each patient, or in
            folders for sessions within these.  The label's last word is one of
            :data:`~cladeseg.segmentation.data.file_names.LABEL_WORDS`.  Images of several channels are
            ``CASE_CHANNEL.nii.gz``; files may also be called ``CHANNEL.nii.gz`` and ``seg.nii.gz`` in a folder for
            each case.  A folder with a DICOM series counts as a file.

    Returns:
        Cases ``{"case", "patient", "group": "unknown", "image", "label"}`` sorted by case, paths in POSIX form relative
        to ``dataset_dir``, with ``channels`` in alphabetical order where there are several.  The patient is the
        outermost folder that a case lies in, and without folders the case itself.  A case is called as its files
        begin, after its folders too where two would have one name.  Where a label file is absent, ``missing_label``
        says where it was expected.

    Raises:
        DataError: no label with an image beside it, a label without one, a case with two labels, or one that lacks a
            channel that more than half of the others have.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("p1/p1_LGE.nii.gz", "p1/p1_T2.nii.gz", "p1/p1_gd.nii.gz"):
        ...         Path(folder, name).parent.mkdir(exist_ok=True)
        ...         Path(folder, name).touch()
        ...     [(case["case"], case["channels"], case["label"]) for case in scan_folders(folder)]
        [('p1', ['LGE', 'T2'], 'p1/p1_gd.nii.gz')]
    """
    root = data_folder(dataset_dir)
    files = _volumes(root)
    labels = _labels(files)
    if not labels:
        raise DataError(f"{root}: holds no label; looked for volumes named CASE_{{{','.join(LABEL_WORDS)}}}")
    images = [file for file in files if label_of(file) is None]
    found, rest = _beside_labels(images, labels)
    _refuse_labels_without_image(labels, found)
    without = _without_label(rest, {channel for named in found.values() for channel in named})
    log_left_out([file.relative_to(root) for file in rest if file not in _files_of(without)], root, "no case of theirs")
    return finished_cases(list(_gathered({**found, **without}, labels, root)), root)


def is_folders(root: Path) -> bool:
    """Whether a label has an image beside it."""
    files = _volumes(root)
    found, _ = _beside_labels([file for file in files if label_of(file) is None], _labels(files))
    return bool(found)


def _volumes(root: Path) -> list[Path]:
    found = (path for depth in _DEPTHS for path in sorted(root.glob(depth)) if is_volume(path))
    return [file for file in found if not any(part.startswith(".") for part in file.relative_to(root).parts)]


def _labels(files: Iterable[Path]) -> dict[_Key, list[Path]]:
    labels: dict[_Key, list[Path]] = {}
    for file in files:
        stem = label_of(file)
        if stem is not None:
            labels.setdefault(_Key(file.parent, stem), []).append(file)
    return labels


def _beside_labels(
    images: Iterable[Path], labels: Mapping[_Key, list[Path]]
) -> tuple[dict[_Key, dict[str, Path]], list[Path]]:
    """Images of cases with a label, by channel, and the others; a file belongs to the case of the longest stem."""
    stems: dict[Path, list[str]] = {}
    for key in labels:
        stems.setdefault(key.folder, []).append(key.stem)
    found: dict[_Key, dict[str, Path]] = {}
    rest = []
    for file in images:
        owners = [stem for stem in stems.get(file.parent, ()) if _channel(file, stem) is not None]
        if owners:
            stem = max(owners, key=len)
            _add(found, _Key(file.parent, stem), _channel(file, stem) or "", file)
        else:
            rest.append(file)
    return found, rest


def _add(found: dict[_Key, dict[str, Path]], key: _Key, channel: str, file: Path) -> None:
    other = found.setdefault(key, {}).setdefault(channel, file)
    if other != file:
        raise DataError(f"{file}: a second image of case '{key.stem}' beside {other.name}; keep one of them")


def _channel(file: Path, stem: str) -> str | None:
    """What follows a case's stem in a file's name; ``None`` if the name does not begin with it."""
    name = case_name(file)
    if name == stem:
        return ""
    if not stem:
        return name
    return name[len(stem) + 1 :] if name.startswith(tuple(f"{stem}{s}" for s in _SEPARATORS)) else None


def _without_label(images: Sequence[Path], channels: Iterable[str]) -> dict[_Key, dict[str, Path]]:
    """Cases that have no label: their files end in channels of those that have one."""
    words = sorted(channels, key=len, reverse=True)
    found: dict[_Key, dict[str, Path]] = {}
    for file in images:
        name = case_name(file)
        for word in words:
            stem = _stem(name, word)
            if stem is not None:
                _add(found, _Key(file.parent, stem), word, file)
                break
    return found


def _stem(name: str, channel: str) -> str | None:
    if not channel:
        return name
    if name == channel:
        return ""
    return name[: -len(channel) - 1] if name.endswith(tuple(f"{s}{channel}" for s in _SEPARATORS)) else None


def _files_of(found: Mapping[_Key, Mapping[str, Path]]) -> set[Path]:
    return {file for named in found.values() for file in named.values()}


def _refuse_labels_without_image(labels: Mapping[_Key, list[Path]], found: Mapping[_Key, Any]) -> None:
    for key, files in labels.items():
        if key not in found:
            raise DataError(
                f"{files[0]}: a label without an image beside it; "
                "add the image, move the label away, or list the cases in a datalist"
            )


def _gathered(
    found: Mapping[_Key, dict[str, Path]], labels: Mapping[_Key, list[Path]], root: Path
) -> Iterable[Gathered]:
    base = _outermost(found, root)
    times = Counter(key.stem or key.folder.name for key in found)
    example = next((key, files[0]) for key, files in labels.items())
    for key, images in found.items():
        name = key.stem or key.folder.name
        folders = key.folder.relative_to(base).parts
        case = name if times[name] == 1 else "__".join([*folders, *([key.stem] if key.stem else [])])
        patient = folders[0] if folders else case
        yield Gathered(case, patient, images, labels.get(key, []), _expected(key, *example))


def _outermost(found: Iterable[_Key], root: Path) -> Path:
    """The folder that holds the patients': below ``root`` where everything lies in one folder."""
    folders = {key.folder for key in found}
    firsts = {folder.relative_to(root).parts[:1] for folder in folders}
    only = firsts.pop() if len(firsts) == 1 else ()
    several_cases = len({(key.folder, key.stem) for key in found}) > 1
    return _outermost(found, root / only[0]) if only and several_cases else root


def _expected(key: _Key, example: _Key, file: Path) -> Path:
    """Where a label would lie if it were called as another case's is."""
    return key.folder / f"{key.stem}{file.name[len(example.stem) :]}"
