"""Images to predict: any folder of NIfTI files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from cladeseg.errors import DataError

#: Endings of files that lie beside images in known layouts and are not images themselves.
_NOT_IMAGES = ("_gt", "_seg", "-seg", "_4d", "_label")


def find_images(dataset_dir: str | Path, *, leave_out: str | Path | None = None) -> list[dict[str, Any]]:
    """Every NIfTI image under a folder, or the one file that is named.

    Args:
        dataset_dir: a folder, searched with its sub-folders, or a file.
        leave_out: a folder inside ``dataset_dir`` that is not searched: masks written there are no images.

    Returns:
        ``{"case", "image"}`` with absolute paths, sorted.  The case is the file's name without ending; files of one
        name in several folders are told apart by their folders' names.

    Raises:
        DataError: the folder is missing, holds no image, or two images that would be one case.
    """
    root = Path(dataset_dir)
    if not root.exists():
        raise DataError(f"{root}: there is no such folder")
    files = [root] if root.is_file() else sorted(file for file in root.rglob("*.nii*") if _is_image(file))
    if leave_out is not None and Path(leave_out).resolve() not in (root.resolve(), *root.resolve().parents):
        files = [file for file in files if Path(leave_out).resolve() not in file.resolve().parents]
    if not files:
        raise DataError(f"{root}: holds no NIfTI image (*.nii, *.nii.gz)")
    times = Counter(_stem(file) for file in files)
    cases: dict[str, Path] = {}
    for file in files:
        case = _case(file, root, times)
        if case in cases:
            raise DataError(f"{file}: would be the same case '{case}' as {cases[case]}; rename one of them")
        cases[case] = file
    return [{"case": case, "image": str(file.absolute())} for case, file in cases.items()]


def _is_image(file: Path) -> bool:
    nifti = file.name.endswith((".nii", ".nii.gz")) and not file.name.startswith(".")
    return nifti and file.is_file() and not _stem(file).endswith(_NOT_IMAGES)


def _stem(file: Path) -> str:
    return file.name.removesuffix(".gz").removesuffix(".nii")


def _case(file: Path, root: Path, times: Counter[str]) -> str:
    if times[_stem(file)] == 1:
        return _stem(file)
    return "__".join([*file.relative_to(root).parent.parts, _stem(file)])
