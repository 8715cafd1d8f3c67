"""Images to predict: any folder of images."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.data.brats import BRATS_MODALITIES, BRATS_NAMINGS, parse_brats_name
from cladeseg.segmentation.data.image_files import image_files
from cladeseg.volumes import case_name, read_grid

logger = logging.getLogger(__name__)

#: Ends of names of volumes that lie beside images of one channel and are not images themselves.
_TIME_SERIES = ("_4d",)


def find_images(
    dataset_dir: str | Path,
    *,
    leave_out: str | Path | None = None,
    modalities: Sequence[str] = (),
    use: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Every image under a folder, or the one that is named; see :func:`image_files` for what is one.

    Args:
        dataset_dir: a folder, searched with its sub-folders, or a file, or the folder of a DICOM series.
        leave_out: a folder inside ``dataset_dir`` that is not searched: masks written there are no images.
        modalities: names of an image's channels, in order, e.g. flair, t1, t1ce, t2.  With two or more of them, files
            ``ID_NAME`` are one case ``ID``, and so are ``ID/NAME``, ``ID_0000`` and so on in the order of the names,
            and those that BraTS 2023 calls ``ID-t2f`` and so on; a 4D file with that many channels is a case by itself.
        use: the modalities to predict from; all that are there if ``None``.

    Returns:
        ``{"case", "image"}`` with absolute paths, sorted.  Without modalities the case is the file's name without
        ending; files of one name in several folders are named after their folders too.  With modalities ``image``
        is a 4D file, or a list with one path per modality and ``None`` for those missing or not used; the key
        ``modalities`` lists the used ones.

    Raises:
        DataError: the folder is missing, holds no image, or two images that would be one case; ``use`` names an unknown
            modality, or none that a case has; a file's name gives no modality.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("a_flair.nii.gz", "a_t2.nii.gz", "a_seg.nii.gz"):
        ...         Path(folder, name).touch()
        ...     (found,) = find_images(folder, modalities=("flair", "t1", "t2"))
        >>> found["case"], [path and Path(path).name for path in found["image"]], found["modalities"]
        ('a', ['a_flair.nii.gz', None, 'a_t2.nii.gz'], ['flair', 't2'])
    """
    several = len(modalities) > 1
    _check_use(use, modalities)
    files = image_files(Path(dataset_dir), leave_out, () if several else _TIME_SERIES)
    if several:
        return _multi_channel_cases(files, modalities, modalities if use is None else use)
    cases = _single_channel_cases(files, Path(dataset_dir))
    return [{**case, "modalities": list(modalities)} for case in cases] if modalities else cases


def _check_use(use: Sequence[str] | None, modalities: Sequence[str]) -> None:
    unknown = [name for name in use or () if name not in modalities]
    if unknown:
        known = ", ".join(modalities) or "none, the image has one channel"
        raise DataError(f"use: '{unknown[0]}' is no modality; known are {known}")
    if use is not None and not use:
        raise DataError(f"use: names no modality; known are {', '.join(modalities)}")


# ---- one channel -----------------------------------------------------------------------------------------------------


def _single_channel_cases(files: Sequence[Path], root: Path) -> list[dict[str, Any]]:
    times = Counter(case_name(file) for file in files)
    cases: dict[str, Path] = {}
    for file in files:
        case = _case(file, root, times)
        if case in cases:
            raise DataError(f"{file}: would be the same case '{case}' as {cases[case]}; rename one of them")
        cases[case] = file
    return [{"case": case, "image": str(file.absolute())} for case, file in cases.items()]


def _case(file: Path, root: Path, times: Counter[str]) -> str:
    if times[case_name(file)] == 1:
        return case_name(file)
    return "__".join([*file.relative_to(root).parent.parts, case_name(file)])


# ---- several channels ------------------------------------------------------------------------------------------------


def _multi_channel_cases(files: Sequence[Path], modalities: Sequence[str], use: Sequence[str]) -> list[dict[str, Any]]:
    stacks: dict[str, Path] = {}
    parts: dict[str, dict[str, Path]] = {}
    for file in files:
        case, modality = _parse(file, modalities)
        taken = stacks.get(case) or parts.get(case, {}).get(modality)
        if taken is not None or (not modality and case in parts):
            other = taken or next(iter(parts[case].values()))
            raise DataError(f"{file}: would be the same case '{case}' as {other}; rename one of them")
        if modality:
            parts.setdefault(case, {})[modality] = file
        else:
            _require_channels(file, modalities)
            stacks[case] = file
    used = [name for name in modalities if name in use]
    found = {case: {"case": case, "image": str(file.absolute()), "modalities": used} for case, file in stacks.items()}
    found |= {case: _from_parts(case, named, modalities, used) for case, named in parts.items()}
    return [found[case] for case in sorted(found)]


def _parse(file: Path, modalities: Sequence[str]) -> tuple[str, str]:
    """Case and modality that a file's name says; no modality if it says none."""
    stem = case_name(file)
    brats = parse_brats_name(stem)
    if brats is not None and brats.kind in modalities:
        return brats.case, brats.kind
    if stem in modalities:
        return file.absolute().parent.name, stem
    case, _, word = stem.rpartition("_")
    counted = {f"{i:04d}": name for i, name in enumerate(modalities)}
    return (case, counted.get(word, word)) if case and word in {*modalities, *counted} else (stem, "")


def _require_channels(file: Path, modalities: Sequence[str]) -> None:
    shape = read_grid(file).shape
    if len(shape) == 4 and shape[3] == len(modalities):
        return
    wanted = ", ".join(modalities)
    found = f"has {shape[3]} channels" if len(shape) == 4 else f"is {len(shape)}D and its name gives no modality"
    named = f"files named {' or '.join(_examples(modalities))}"
    raise DataError(f"{file}: {found}; needed are {named}, or one 4D file with {len(modalities)} channels ({wanted})")


def _examples(modalities: Sequence[str]) -> list[str]:
    if set(modalities) <= set(BRATS_MODALITIES):
        return [" ".join(naming.stem("ID", name) for name in modalities) for naming in BRATS_NAMINGS]
    return [" ".join(f"ID_{name}" for name in modalities)]


def _from_parts(case: str, named: dict[str, Path], modalities: Sequence[str], used: Sequence[str]) -> dict[str, Any]:
    present = [name for name in used if name in named]
    if not present:
        has = ", ".join(name for name in modalities if name in named)
        raise DataError(f"{next(iter(named.values()))}: case '{case}' has {has}, and none of {', '.join(used)}")
    missing = ", ".join(name for name in used if name not in named)
    if missing:
        logger.warning("%s: has no %s; it is predicted without", case, missing)
    image = [str(named[name].absolute()) if name in present else None for name in modalities]
    return {"case": case, "image": image, "modalities": present}
