"""The files that a prediction is going to write: refused or set aside before the first of them is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.bundle.run_folder import backup_existing
from cladeseg.files import DataError, read_json, write_json
from cladeseg.segmentation.data import RECORD, volume_files
from cladeseg.volumes import DICOM_SEG, output_ending, output_path, refuse_sources, require_highdicom

#: What follows the case in the name of each of its files.
MASK, PROBABILITIES, UNCERTAINTY = "", "_probabilities", "_uncertainty"


class OutputFiles:
    """Where the files of each case go.

    Args:
        out: the folder.
        cases: ``{"case", "image"}`` with absolute paths.
        kinds: which of the case's files are written.
        output_format: see :func:`~cladeseg.volumes.output_ending`.

    Raises:
        DataError: a file would lie in another folder, be one of the images, or be written twice; no such format,
            or one that needs a package that is not installed.
    """

    def __init__(
        self,
        out: str | Path,
        cases: Sequence[Mapping[str, Any]],
        kinds: Sequence[str] = (MASK,),
        output_format: str | None = None,
    ) -> None:
        self.out = Path(out)
        self._files = {case["case"]: _files_of(self.out, case, kinds, output_format) for case in cases}
        if output_format == DICOM_SEG:
            require_highdicom()
        self._refuse_collisions(cases)

    def __getitem__(self, case: str) -> dict[str, Path]:
        """The files of a case by their kind."""
        return self._files[case]

    def names(self) -> list[str]:
        """Names of the files of all cases."""
        return [file.name for files in self._files.values() for file in files.values()]

    def are_there(self, case: str) -> bool:
        """Whether every file of a case exists."""
        return all(file.is_file() for file in self[case].values())

    def existing(self, case: str) -> list[Path]:
        """The files of a case that exist, a link to nothing among them."""
        return [file for file in self[case].values() if file.exists() or file.is_symlink()]

    def begin(self, record: Mapping[str, Any], *, overwrite: bool, besides: Sequence[str] = ()) -> None:
        """Write the record, which lists what there will be; the first change to the folder.

        Args:
            record: what it says besides the files.
            overwrite: set aside what an earlier prediction left.
            besides: names of further files that are set aside then.

        Raises:
            DataError: the record of an earlier prediction cannot be read, or the new one not be written.
        """
        earlier = recorded_files(self.out)
        if overwrite:
            set_aside(self.out, [*earlier, *self.names(), *besides, RECORD])
            earlier = []
        write_json({**record, "files": sorted({*earlier, *self.names()})}, self.out / RECORD)

    def _refuse_collisions(self, cases: Sequence[Mapping[str, Any]]) -> None:
        sources = [file for case in cases for file in volume_files(case["image"])]
        targets = Counter(file for files in self._files.values() for file in files.values())
        refuse_sources(targets, sources)
        for target, times in targets.items():
            if times > 1:
                raise DataError(f"{target}: two images would write this file; rename one of them")


def recorded_files(folder: str | Path) -> list[str]:
    """Names of the files that the record of a prediction in a folder lists; none without a record.

    Raises:
        DataError: the record cannot be read.
    """
    files = read_record(Path(folder) / RECORD).get("files", [])
    return [name for name in files if isinstance(name, str) and Path(name).name == name]


def read_record(file: Path) -> dict[str, Any]:
    """The record of a prediction; empty where there is none.

    Raises:
        DataError: it cannot be read, or is no record.
    """
    content = read_json(file) if file.is_file() else {}
    kinds = {"files": list, "settings": dict}
    if not isinstance(content, dict) or not all(isinstance(content.get(key, one()), one) for key, one in kinds.items()):
        raise DataError(f"{file}: is no record of a prediction; choose another folder")
    return content


def set_aside(folder: str | Path, names: Iterable[str]) -> None:
    """Rename what exists of an earlier prediction, so that it stays and is not mistaken for the new one's."""
    for name in dict.fromkeys(names):
        backup_existing(Path(folder) / name)


def _files_of(out: Path, case: Mapping[str, Any], kinds: Sequence[str], output_format: str | None) -> dict[str, Path]:
    image = volume_files(case["image"])[0]
    # A DICOM segmentation holds no real numbers.
    maps = None if output_format == DICOM_SEG else output_format
    endings = {kind: output_ending(image, output_format if kind == MASK else maps) for kind in kinds}
    return {kind: output_path(out, case["case"], f"{kind}{ending}") for kind, ending in endings.items()}
