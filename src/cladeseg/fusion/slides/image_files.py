"""Which images of a dataset folder belong to which patient."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cladeseg.files import DataError

#: Endings of slides that OpenSlide, cuCIM or tifffile read.
SLIDES = (".svs", ".tif", ".tiff", ".ndpi", ".scn", ".mrxs", ".svslide", ".bif")
#: Endings of loose tiles.
TILES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
_TCGA = re.compile(r"TCGA-[A-Z0-9]{2}-[A-Z0-9]{4}(?=$|[-._ ])", re.IGNORECASE)


@dataclass
class PatientImages:
    """Slides and loose tiles of one patient, each in the order of their names."""

    slides: list[Path] = field(default_factory=list)
    tiles: list[Path] = field(default_factory=list)


def patient_images(dataset_dir: str | Path, patients: Sequence[str] | None = None) -> dict[str, PatientImages]:
    """Slides and tiles by patient, in the order of the patients' names.

    ``tiles/`` has a folder for each patient.  A slide is ``slides/<patient>/*.svs``, or lies in ``slides/``
    itself; then its name is the patient's, maybe with more after one of ``- _ .`` where ``patients`` are known.  A
    TCGA barcode stands for the patient in its first twelve characters.

    Args:
        dataset_dir: the folder with ``slides/`` or ``tiles/`` or neither.
        patients: images of others are left out.

    Raises:
        DataError: the folder does not exist, or a patient's folder holds no image.
    """
    root = Path(dataset_dir)
    if not root.is_dir():
        raise DataError(f"{root}: is no folder; it should hold slides/ or tiles/")
    known = None if patients is None else set(patients)
    found: dict[str, PatientImages] = {}
    for path in _visible(root / "slides"):
        for slide in _inside(path, SLIDES):
            found.setdefault(_patient(path, known), PatientImages()).slides.append(slide)
    for path in _visible(root / "tiles"):
        if path.is_dir():
            found.setdefault(path.name, PatientImages()).tiles.extend(_inside(path, TILES))
    return {name: found[name] for name in sorted(found) if known is None or name in known}


def _visible(folder: Path) -> list[Path]:
    """Files and folders of a folder in order, without the folders in which MRXS slides keep their pixels."""
    if not folder.is_dir():
        return []
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [path for path in paths if not (path.is_dir() and path.with_name(f"{path.name}.mrxs").is_file())]


def _inside(path: Path, endings: Sequence[str]) -> list[Path]:
    """The images of a patient's folder, or the file itself."""
    if not path.is_dir():
        return [path] if path.suffix.lower() in endings else []
    images = [file for file in _visible(path) if file.is_file() and file.suffix.lower() in endings]
    if not images:
        raise DataError(f"{path}: holds no image ({', '.join(endings)}); remove the folder or fill it")
    return images


def _patient(path: Path, known: set[str] | None) -> str:
    if path.is_dir():
        return path.name
    name = path.stem
    if known is not None:
        fitting = [one for one in known if name == one or (name.startswith(one) and name[len(one)] in "-_.")]
        if fitting:
            return max(fitting, key=len)
    barcode = _TCGA.match(name)
    return barcode.group().upper() if barcode else name
