"""Predict a folder of images into another: masks, probabilities, uncertainty and volumes, nothing of them lost."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cladeseg.bundle.provenance import made_by, versions
from cladeseg.bundle.weights_record import sha256_of
from cladeseg.files import DataError, read_json, remove_leftovers
from cladeseg.segmentation.data import RECORD, find_images, inspect_images, raise_if_fatal
from cladeseg.segmentation.pages import record_predictions, write_prediction_page
from cladeseg.segmentation.pages.prediction_cases import FOLDER, MOST_PICTURED
from cladeseg.segmentation.workflow.case_results import RESULTS, VOLUMES, CaseResults
from cladeseg.segmentation.workflow.output_files import (
    MASK,
    PROBABILITIES,
    UNCERTAINTY,
    OutputFiles,
    read_record,
)
from cladeseg.segmentation.workflow.prediction import BundlePredictor
from cladeseg.segmentation.workflow.prediction_work import PredictionWork
from cladeseg.segmentation.workflow.training_facts import training_facts
from cladeseg.tasks import IN_PROCESS, End, Machines, Task, run_tasks

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PredictionSettings:
    """What decides the content of a prediction's files, besides the images.

    Attributes:
        weights: sha256 of the weight file.
        label_convention: file convention of the masks.
        modalities: the ones that were looked at; ``None`` for all that an image has.
        overlap: share of a sliding window that the next one covers again.
        profile: how thorough inference was.
        flips: sets of anatomical axes, one for each mirrored view.
        output_format: of the files; ``None`` for each image's own.
    """

    weights: str
    label_convention: str
    modalities: list[str] | None
    overlap: float
    profile: str
    flips: list[list[str]]
    output_format: str | None


class PredictionRun:
    """The predictions of one folder of images: everything is checked at once, then predicted case by case.

    The output folder holds ``CASE.nii.gz``, where asked for ``CASE_probabilities.nii.gz`` and
    ``CASE_uncertainty.nii.gz``, each in the image's own format or in the one that is asked for, ``volumes.csv`` with a
    row for each case and node, and ``prediction.json``, which lists the other files and says with which weights and
    options they were made.  ``results`` has a file for each finished case, from which the table is made.  No image and
    no file of an earlier run is overwritten.

    On several processes the images are read by the workers alone: one that cannot be used is reported, and the others
    are predicted.

    Args:
        predictor: of a bundle.
        images: an image, or a folder that is searched for them.
        out: the output folder.
        probabilities: also write p(leaf).
        uncertainty: also write the entropy of the leaf given the superclass.
        resume: leave out cases that an earlier run with the same settings finished.
        overwrite: set aside what an earlier run wrote, as ``NAME.1``, and predict everything.
        output_format: see :func:`~cladeseg.volumes.output_ending`.
        machines: where cases are predicted.

    Attributes:
        cases: what is left to predict, each with ``case`` and ``image``.

    Raises:
        DataError: an image cannot be used, a file is there already, or the folder holds predictions with other
            settings; the message names the file.
        ValueError: both ``resume`` and ``overwrite``.
    """

    def __init__(
        self,
        predictor: BundlePredictor,
        images: str | Path,
        out: str | Path,
        *,
        probabilities: bool = False,
        uncertainty: bool = False,
        resume: bool = False,
        overwrite: bool = False,
        output_format: str | None = None,
        machines: Machines = IN_PROCESS,
    ) -> None:
        if resume and overwrite:
            raise ValueError("resume and overwrite: one goes on with what is there, the other sets it aside")
        self.predictor, self.machines = predictor, machines
        self.out = Path(out)
        settings = _settings(predictor, output_format)
        going_on = not overwrite and _is_continued(self.out / RECORD, settings) and resume
        found = find_images(images, leave_out=out, modalities=predictor.channels, use=predictor.modalities)
        kinds = [MASK, *[PROBABILITIES] * probabilities, *[UNCERTAINTY] * uncertainty]
        self._files = OutputFiles(out, found, kinds, output_format)
        self._results = CaseResults(self.out)
        if not overwrite:
            self._results.refuse_older_table()
        self.cases = [case for case in found if not (going_on and self._is_finished(case["case"]))]
        if not going_on and not overwrite:
            self._refuse_existing()
        if machines.in_process:
            raise_if_fatal(inspect_images(self.cases, modalities=predictor.channels))
        logger.info("%d of %d images are left to predict", len(self.cases), len(found))
        self._begin(settings, overwrite)
        others = len(self._results.cases() - {case["case"] for case in found})
        self._place = {case["case"]: others + place for place, case in enumerate(found)}
        self._facts = {"images": str(images), "weights": str(predictor.weights), **training_facts(predictor.weights)}

    def _begin(self, settings: PredictionSettings, overwrite: bool) -> None:
        """Write the record, which lists what there will be; the first change to the folder."""
        remove_leftovers(self.out)
        record = {"settings": asdict(settings), "versions": versions(), "command": sys.argv}
        self._files.begin(record, overwrite=overwrite, besides=[VOLUMES, FOLDER, RESULTS])

    def predict(self) -> Iterator[End]:
        """Predict the cases; the table is written at the end, also where somebody stops in between.

        Yields:
            Each case as it ends.
        """
        work = PredictionWork(self.predictor, self.out.absolute(), inspect=not self.machines.in_process)
        try:
            for end in run_tasks(work, [self._task(case) for case in self.cases], self.machines):
                if end.message is None:
                    self._log(end.task)
                yield end
        finally:
            self._results.write_table()

    def _task(self, case: Mapping[str, Any]) -> Task:
        name = case["case"]
        files = {kind: file.absolute() for kind, file in self._files[name].items()}
        pictured = self._place[name] < MOST_PICTURED
        return Task(name, {**case, "files": files, "pictured": pictured}, self._results.file(name).absolute())

    def write_page(self) -> Path:
        """Write the page of quality control, ``qc/report.html``.

        Raises:
            DataError: it cannot be written, or nothing was predicted.
        """
        used = self._results.used()
        facts = {**self._facts, **made_by(), **used}
        record_predictions(self.out, self.predictor.taxonomy, self._results.page_entries(), facts)
        return write_prediction_page(self.out)

    def _is_finished(self, case: str) -> bool:
        return self._results.file(case).is_file() and self._files.are_there(case)

    def _refuse_existing(self) -> None:
        for case in self.cases:
            there = self._files.existing(case["case"])
            result = self._results.file(case["case"])
            if there or result.is_file():
                raise DataError(
                    f"{there[0] if there else result}: case '{case['case']}' is there already; add --resume to go on "
                    "with what is missing, or --overwrite to set aside what is there, or choose another folder"
                )

    def _log(self, task: Task) -> None:
        if not logger.isEnabledFor(logging.DEBUG):
            return
        result = read_json(task.file)
        shown = (f"{node} {float(ml):.1f} ml" for node, _, ml in result["volumes"])
        modalities = task.argument.get("modalities")
        seen = f" from {', '.join(modalities)}" if modalities else ""
        logger.debug("%s: %.1f s%s; %s", task.name, result["seconds"], seen, ", ".join(list(shown)[1:]))


def _settings(predictor: BundlePredictor, output_format: str | None) -> PredictionSettings:
    return PredictionSettings(
        weights=sha256_of(predictor.weights),
        label_convention=predictor.label_convention,
        modalities=None if predictor.modalities is None else list(predictor.modalities),
        overlap=predictor.overlap,
        profile=predictor.profile,
        flips=[list(axes) for axes in predictor.flips],
        output_format=output_format,
    )


def _is_continued(record: Path, settings: PredictionSettings) -> bool:
    """Whether the folder holds predictions with the same settings; others are refused."""
    if not record.is_file():
        return False
    before = read_record(record).get("settings") or {}
    for name, now in asdict(settings).items():
        if before.get(name) != now:
            raise DataError(
                f"{record}: '{name}' was {before.get(name)!r} and is now {now!r}; choose another folder for "
                "predictions with other settings, or add --overwrite to set these aside"
            )
    return True
