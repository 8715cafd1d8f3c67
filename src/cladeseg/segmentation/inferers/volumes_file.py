"""volumes.csv: the volume of every structure of every predicted case, in millilitres."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from cladeseg.files import DataError, atomic_write
from cladeseg.segmentation.inferers.prediction import Prediction

COLUMNS = ("case", "node", "voxels", "volume_ml")


class VolumesFile:
    """One row for each case and node; whole on disk after each case, so that an interrupted run loses nothing.

    Inner nodes have rows too: theirs is the volume of what they contain.  The root, which is the whole image, has none.

    Args:
        path: the file; rows that it holds are kept.

    Raises:
        DataError: the file cannot be read, or has other columns.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._rows = _read(self.path) if self.path.exists() else []

    @property
    def cases(self) -> set[str]:
        """Cases that have rows."""
        return {row[0] for row in self._rows}

    def add(self, case: str, prediction: Prediction) -> None:
        """Write the rows of a case, in place of earlier rows of the same case.

        Raises:
            DataError: the file cannot be written.
        """
        ml = prediction.voxel_ml
        rows = [[case, node, str(voxels), f"{voxels * ml:.6f}"] for node, voxels in prediction.voxels()]
        self._rows = [row for row in self._rows if row[0] != case] + rows
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *self._rows])
        with atomic_write(self.path) as temporary:
            temporary.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def _read(path: Path) -> list[list[str]]:
    try:
        columns, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if tuple(columns) != COLUMNS:
        raise DataError(
            f"{path}: has the columns {', '.join(columns)} and not {', '.join(COLUMNS)}; choose another folder"
        )
    return rows
