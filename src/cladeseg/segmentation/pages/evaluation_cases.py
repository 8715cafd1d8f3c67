"""What an evaluation keeps for its page, case by case: the cases to show, and sums for the calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.files import write_json
from cladeseg.segmentation.engines import EvaluatedCase
from cladeseg.segmentation.metrics import Record
from cladeseg.segmentation.pages.calibration import Calibration
from cladeseg.segmentation.pages.chosen_cases import chosen_cases
from cladeseg.segmentation.pages.page_record import CASES, FORMAT, RECORD, tree_content
from cladeseg.segmentation.pages.stored_case import keep_case, probabilities_in, structure_box, write_case
from cladeseg.taxonomy import Taxonomy


class EvaluationCases:
    """Callable with each :class:`~cladeseg.segmentation.engines.EvaluatedCase`; keeps what the page may show of it.

    Which cases are shown is known at the end only, so that all are kept until then.

    Args:
        folder: of the evaluation.
        taxonomy: the label tree.
    """

    def __init__(self, folder: Path, taxonomy: Taxonomy) -> None:
        self.folder = folder
        self.taxonomy = taxonomy
        self._files: dict[str, Path] = {}
        self._calibration = Calibration(taxonomy)

    def __call__(self, case: EvaluatedCase) -> None:
        """Keep one case."""
        tree = self.taxonomy
        box = structure_box([case.truth, case.prediction], case.affine, tree)
        probabilities = None if case.found is None else probabilities_in(case.found, box)
        if probabilities is not None:
            self._calibration.add(probabilities, case.truth[box])
        kept = keep_case(
            case.image,
            case.prediction,
            case.affine,
            tree,
            box=box,
            truth=case.truth,
            probabilities=probabilities,
        )
        # By number: a case's name is no name of a file.
        file = self.folder / CASES / f"{len(self._files):04d}.npz"
        write_case(kept, file)
        self._files[case.name] = file

    def finish(self, records: Sequence[Record], patients: Mapping[str, str], facts: Mapping[str, Any]) -> None:
        """Write the record, and drop the cases that are not shown.

        Args:
            records: of all cases.
            patients: case → patient.
            facts: what else the page's head says.
        """
        chosen = chosen_cases(records, self.taxonomy)
        for case, file in self._files.items():
            if case not in chosen:
                file.unlink()
        shown = [{"name": c, "why": why, "file": self._files[c].name} for c, why in chosen.items() if c in self._files]
        content = {
            "format": FORMAT,
            "kind": "evaluation",
            "taxonomy": tree_content(self.taxonomy),
            "patients": dict(patients),
            "calibration": self._calibration.points(),
            "cases": shown,
            **facts,
        }
        write_json(content, self.folder / RECORD)
