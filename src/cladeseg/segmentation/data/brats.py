"""BraTS: how the challenges name the files of a case, and the layout of one folder per case.

Menze et al., "The Multimodal Brain Tumor Image Segmentation Benchmark (BRATS)", IEEE TMI 34(10), 2015.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.data.case_list import data_folder
from cladeseg.segmentation.data.file_names import is_volume, volume_named
from cladeseg.volumes import case_name

#: Channels of every BraTS case, in the order of an image's list of files.
BRATS_MODALITIES = ("flair", "t1", "t1ce", "t2")
#: High and low grade gliomas have folders of their own in the archives up to 2019.
_GRADES = ("HGG", "LGG")
#: BraTS 2023 numbers the time points of one patient behind the last dash.
_TIME_POINT = re.compile(r"(BraTS-[A-Za-z]+-\d+)-\d+")


@dataclass(frozen=True)
class BratsNaming:
    """One year's words.

    Attributes:
        label_convention: the label convention that came with these names.
        separator: between the case's ID and the word.
        words: what each of :data:`BRATS_MODALITIES` is called.
    """

    label_convention: str
    separator: str
    words: tuple[str, ...]

    def stem(self, case: str, kind: str) -> str:
        """File name without ending of one modality, or of ``"seg"``."""
        word = kind if kind == "seg" else self.words[BRATS_MODALITIES.index(kind)]
        return f"{case}{self.separator}{word}"


@dataclass(frozen=True)
class BratsFile:
    """What a file's name says.

    Attributes:
        case: the ID.
        kind: one of :data:`BRATS_MODALITIES`, or ``"seg"``.
        naming: whose words it is written in.
    """

    case: str
    kind: str
    naming: BratsNaming


#: BraTS 2012–2021 (``ID_flair``) and BraTS 2023 (``ID-t2f``).
BRATS_NAMINGS = (
    BratsNaming("brats18", "_", ("flair", "t1", "t1ce", "t2")),
    BratsNaming("brats23", "-", ("t2f", "t1n", "t1c", "t2w")),
)


def scan_brats(dataset_dir: str | Path) -> list[dict[str, Any]]:
    """List every case of a BraTS folder.

    Args:
        dataset_dir: folder that holds ``ID/ID_{flair,t1,t1ce,t2,seg}.nii.gz`` (BraTS 2018–2021) or
            ``ID/ID-{t2f,t1n,t1c,t2w,seg}.nii.gz`` (BraTS 2023), ``.nii`` too, directly or in sub-folders ``HGG`` and
            ``LGG``.  Folders without such files are passed over.

    Returns:
        Cases ``{"case", "patient", "group": "HGG" | "LGG" | "unknown", "image", "channels", "label"}`` sorted by case,
        paths in POSIX form relative to ``dataset_dir``.  ``image`` is the list of flair, t1, t1ce and t2, and
        ``channels`` that of these names.  Time points of one patient (BraTS 2023) are one ``patient``.  Where the label
        file is absent, ``missing_label`` says where it was expected.

    Raises:
        DataError: no such folder, no case in it, a modality is absent, a case with files of both namings or of another
            ID, two cases of one name.

    Example:
        >>> import tempfile
        >>> from cladeseg.segmentation.phantoms import write_brats_phantoms
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_brats_phantoms(folder, subjects=1, shape=(24, 24, 20), spacing=(8, 8, 8))
        ...     [Path(image).name for image in scan_brats(folder)[0]["image"]][:2]
        ['Brats18_PHANTOM_001_1_flair.nii.gz', 'Brats18_PHANTOM_001_1_t1.nii.gz']
    """
    root = data_folder(dataset_dir)
    cases: dict[str, dict[str, Any]] = {}
    for folder in _folders(root):
        files = _brats_files(folder)
        if files and folder.name in cases:
            raise DataError(f"{folder}: a second case '{folder.name}', the first is {cases[folder.name]['image'][0]}")
        if files:
            cases[folder.name] = _scan_case(folder, root, _naming_of(folder, files))
    if not cases:
        raise DataError(
            f"{root}: holds no BraTS case; looked for ID/{_example(0)} and ID/{_example(1)}, in HGG/ and LGG/ too"
        )
    return [cases[name] for name in sorted(cases)]


def is_brats(root: Path) -> bool:
    """Whether a folder holds the four modalities of its name."""
    return any(_is_complete(folder, naming) for folder in _folders(root) for naming in BRATS_NAMINGS)


def _is_complete(folder: Path, naming: BratsNaming) -> bool:
    return all(volume_named(folder, naming.stem(folder.name, kind)) for kind in BRATS_MODALITIES)


def parse_brats_name(stem: str) -> BratsFile | None:
    """Take a file name without ending apart; ``None`` if it follows neither naming.

    Example:
        >>> name = parse_brats_name("BraTS-GLI-00001-000-t1c")
        >>> name.case, name.kind, name.naming.label_convention
        ('BraTS-GLI-00001-000', 't1ce', 'brats23')
        >>> parse_brats_name("heart") is None
        True
    """
    for naming in BRATS_NAMINGS:
        case, _, word = stem.rpartition(naming.separator)
        kinds = {**dict(zip(naming.words, BRATS_MODALITIES, strict=True)), "seg": "seg"}
        if case and word in kinds:
            return BratsFile(case, kinds[word], naming)
    return None


def _folders(root: Path) -> list[Path]:
    parents = [root, *(root / grade for grade in _GRADES)]
    return [path for parent in parents for path in sorted(parent.glob("*")) if path.is_dir() and path.name[0] != "."]


def _brats_files(folder: Path) -> dict[Path, BratsFile]:
    """The folder's NIfTI files that are named as a challenge names them."""
    volumes = (file for file in sorted(folder.glob("*")) if is_volume(file))
    named = {file: parse_brats_name(case_name(file)) for file in volumes}
    return {file: name for file, name in named.items() if name is not None}


def _naming_of(folder: Path, files: dict[Path, BratsFile]) -> BratsNaming:
    first_of = {name.naming: file for file, name in reversed(files.items())}
    if len(first_of) > 1:
        one, other = (file.name for file in first_of.values())
        raise DataError(f"{folder}: mixes the file names of two BraTS years, e.g. {one} and {other}; keep one of them")
    for file, name in files.items():
        if name.case != folder.name:
            raise DataError(f"{file}: belongs to a case '{name.case}', but its folder is named '{folder.name}'")
    return next(iter(first_of))


def _scan_case(folder: Path, root: Path, naming: BratsNaming) -> dict[str, Any]:
    case, label = folder.name, volume_named(folder, naming.stem(folder.name, "seg"))
    images = [_modality(folder, naming, kind) for kind in BRATS_MODALITIES]
    expected = folder / f"{naming.stem(case, 'seg')}{images[0].name.removeprefix(naming.stem(case, 'flair'))}"
    time_point = _TIME_POINT.fullmatch(case)
    return {
        "case": case,
        "patient": time_point[1] if time_point else case,
        "group": folder.parent.name if folder.parent != root else "unknown",
        "image": [image.relative_to(root).as_posix() for image in images],
        "channels": list(BRATS_MODALITIES),
        "label" if label else "missing_label": (label or expected).relative_to(root).as_posix(),
    }


def _modality(folder: Path, naming: BratsNaming, kind: str) -> Path:
    stem = naming.stem(folder.name, kind)
    file = volume_named(folder, stem)
    if file is None:
        raise DataError(f"{folder / stem}.nii.gz: missing; every case needs {', '.join(naming.words)}")
    return file


def _example(year: int) -> str:
    naming = BRATS_NAMINGS[year]
    return f"ID{naming.separator}{{{','.join((*naming.words, 'seg'))}}}.nii.gz"
