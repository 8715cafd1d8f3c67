"""volumes.csv: the volume of every structure of every predicted case, in millilitres."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from cladeseg.files import DataError, atomic_write
from cladeseg.segmentation.inferers.prediction import Prediction

COLUMNS = ("case", "node", "voxels", "volume_ml")


def volume_rows(prediction: Prediction) -> list[list[str]]:
    """Node, voxels and millilitres of one case, as they are written.

    Inner nodes have rows too: theirs is the volume of what they contain.  The root, which is the whole image, has none.
    """
    ml = prediction.voxel_ml
    return [[node, str(voxels), f"{voxels * ml:.6f}"] for node, voxels in prediction.voxels()]


def write_volumes(cases: Iterable[tuple[str, Sequence[Sequence[str]]]], path: str | Path) -> None:
    """Write the rows of every case, in their order, whole or not at all.

    Args:
        cases: of each its name and what :func:`volume_rows` says of it.
        path: the file.

    Raises:
        DataError: it cannot be written.
    """
    text = io.StringIO()
    rows = ([case, *row] for case, own in cases for row in own)
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    with atomic_write(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def cases_in(path: str | Path) -> set[str]:
    """Cases that have rows in a file; none where there is no file.

    Raises:
        DataError: the file cannot be read, or has other columns.
    """
    file = Path(path)
    if not file.exists():
        return set()
    try:
        columns, *rows = csv.reader(io.StringIO(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if tuple(columns) != COLUMNS:
        raise DataError(
            f"{path}: has the columns {', '.join(columns)} and not {', '.join(COLUMNS)}; choose another folder"
        )
    return {row[0] for row in rows if row}
