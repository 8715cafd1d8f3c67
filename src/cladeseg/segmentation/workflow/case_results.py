"""The results of predicted cases: a file each, and the table and the page's entries that are made of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cladeseg.files import DataError, read_json
from cladeseg.segmentation.inferers import cases_in, write_volumes
from cladeseg.volumes import output_path

VOLUMES = "volumes.csv"
#: Folder of the files, inside that of the masks.
RESULTS = "results"
_ENDING = ".json"


class CaseResults:
    """What :class:`~cladeseg.segmentation.workflow.prediction_work.PredictionWork` left in a folder of masks.

    Everything is in the order of the cases' names, so that it depends neither on who did what nor on when.

    Args:
        out: the folder of masks.
    """

    def __init__(self, out: Path) -> None:
        self.out = out

    def file(self, case: str) -> Path:
        """Where the result of a case is or will be."""
        return output_path(self.out / RESULTS, case, _ENDING)

    def cases(self) -> set[str]:
        """Cases with a result."""
        return {file.name.removesuffix(_ENDING) for file in (self.out / RESULTS).glob(f"[!.]*{_ENDING}")}

    def refuse_older_table(self) -> None:
        """Stop where the table has cases that no result is there for: writing it anew would lose them.

        Raises:
            DataError: there are such cases, or the table cannot be read.
        """
        lost = sorted(cases_in(self.out / VOLUMES) - self.cases())
        if lost:
            raise DataError(
                f"{self.out / VOLUMES}: has rows of case '{lost[0]}', whose {self.file(lost[0])} is gone; restore it, "
                "add --overwrite to set aside what is there, or choose another folder"
            )

    def write_table(self) -> None:
        """Write ``volumes.csv`` of all results; nothing where there are none.

        Raises:
            DataError: a result cannot be read, or the table not be written.
        """
        if self.cases():
            write_volumes(((case, result["volumes"]) for case, result in self._each()), self.out / VOLUMES)

    def page_entries(self) -> list[dict[str, Any]]:
        """What the page's record says of each case."""
        return [result["page"] for _, result in self._each()]

    def used(self) -> dict[str, Any]:
        """``seconds`` that the cases took together, and the ``peak_memory_mb`` of a process."""
        each = [(result["seconds"], result["peak_memory_mb"]) for _, result in self._each()]
        return {"seconds": sum(s for s, _ in each), "peak_memory_mb": max((mb for _, mb in each), default=0)}

    def _each(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for case in sorted(self.cases()):
            content = read_json(self.file(case))
            if not isinstance(content, dict) or not {"volumes", "page", "seconds", "peak_memory_mb"} <= content.keys():
                raise DataError(f"{self.file(case)}: is no result of a prediction; delete it and add --resume")
            yield case, content
