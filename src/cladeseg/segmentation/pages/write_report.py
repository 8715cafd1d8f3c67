"""From folders that people name to the page that belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.files import DataError
from cladeseg.segmentation.pages.comparison_page import write_comparison_page
from cladeseg.segmentation.pages.evaluation_page import write_evaluation_page
from cladeseg.segmentation.pages.page_record import RECORD
from cladeseg.segmentation.pages.prediction_cases import FOLDER
from cladeseg.segmentation.pages.prediction_page import write_prediction_page

_COMPARISON = "comparison.html"


def write_report(folders: Sequence[str | Path], output: str | Path | None = None) -> Path:
    """Write the page of a run, of the predictions in a folder, or of two runs side by side.

    Args:
        folders: one or two.
        output: the page; in the folder, or for two ``comparison.html`` where the command runs, if ``None``.

    Returns:
        The page.

    Raises:
        DataError: a folder holds nothing to show, or there are more than two.
    """
    if len(folders) > 2:
        raise DataError(f"{folders[2]}: is one folder too many; name one run, or two to compare")
    if len(folders) == 2:
        return write_comparison_page(RunFolder(folders[0]), RunFolder(folders[1]), output or _COMPARISON)
    folder = Path(folders[0])
    if (folder / FOLDER / RECORD).is_file():
        return write_prediction_page(folder, output)
    return write_evaluation_page(RunFolder(folder), output)
