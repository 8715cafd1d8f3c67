"""Predict a folder of images into another: masks, probabilities, uncertainty and volumes, nothing of them lost."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cladeseg.bundle.run_folder import versions
from cladeseg.bundle.weights_record import sha256_of
from cladeseg.files import DataError, read_json, remove_leftovers, write_json
from cladeseg.segmentation.data import find_images, inspect_images, raise_if_fatal, volume_files
from cladeseg.segmentation.inferers import Prediction, VolumesFile, write_probabilities, write_uncertainty
from cladeseg.segmentation.volumes import write_label
from cladeseg.segmentation.workflow.prediction import BundlePredictor

logger = logging.getLogger(__name__)

#: Endings of the files of a case, by what they hold.
MASK, PROBABILITIES, UNCERTAINTY = ".nii.gz", "_probabilities.nii.gz", "_uncertainty.nii.gz"
RECORD, VOLUMES = "prediction.json", "volumes.csv"


@dataclass(frozen=True)
class PredictionSettings:
    """What decides the content of a prediction's files, besides the images.

    Attributes:
        weights: sha256 of the weight file.
        label_convention: file convention of the masks.
        modalities: the ones that were looked at; ``None`` for all that an image has.
        overlap: share of a sliding window that the next one covers again.
        flips: sets of anatomical axes, one for each mirrored view.
    """

    weights: str
    label_convention: str
    modalities: list[str] | None
    overlap: float
    flips: list[list[str]]


class PredictionRun:
    """The predictions of one folder of images: everything is checked at once, then predicted case by case.

    The output folder holds ``CASE.nii.gz``, where asked for ``CASE_probabilities.nii.gz`` and
    ``CASE_uncertainty.nii.gz``, ``volumes.csv`` with a row for each case and node, and ``prediction.json``, which says
    with which weights and options the others were made.  No file of an earlier run is overwritten.

    Args:
        predictor: of a bundle.
        images: a NIfTI file, or a folder that is searched for them.
        out: the output folder.
        probabilities: also write p(leaf).
        uncertainty: also write the entropy of the leaf given the superclass.
        resume: leave out cases that an earlier run with the same settings finished.

    Attributes:
        cases: what is left to predict, each with ``case`` and ``image``.

    Raises:
        DataError: an image cannot be used, a file is there already, or the folder holds predictions with other
            settings; the message names the file.
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
    ) -> None:
        self.predictor = predictor
        self.out = Path(out)
        self.endings = [MASK, *[PROBABILITIES] * probabilities, *[UNCERTAINTY] * uncertainty]
        settings = _settings(predictor)
        going_on = _is_continued(self.out / RECORD, settings) and resume
        self._volumes = VolumesFile(self.out / VOLUMES)
        found = find_images(images, leave_out=out, modalities=predictor.channels, use=predictor.modalities)
        self._refuse_collisions(found)
        self.cases = [case for case in found if not (going_on and self._is_finished(case["case"]))]
        if not going_on:
            self._refuse_existing()
        raise_if_fatal(inspect_images(self.cases, modalities=predictor.channels))
        logger.info("%d of %d images are left to predict", len(self.cases), len(found))
        record = {"settings": asdict(settings), "versions": versions(), "command": sys.argv}
        remove_leftovers(self.out)
        write_json(record, self.out / RECORD)

    def predict(self, case: Mapping[str, Any]) -> Prediction:
        """Predict one of the cases and write its files, its volumes last."""
        begin, name, image = time.perf_counter(), case["case"], case["image"]
        prediction = self.predictor.predict(image)
        write_label(prediction.label[0].numpy(), volume_files(image)[0], self.out / f"{name}{MASK}")
        if PROBABILITIES in self.endings:
            write_probabilities(prediction, image, self.out / f"{name}{PROBABILITIES}")
        if UNCERTAINTY in self.endings:
            write_uncertainty(prediction, image, self.out / f"{name}{UNCERTAINTY}")
        self._volumes.add(name, prediction)
        _log(case, prediction, time.perf_counter() - begin)
        return prediction

    def _files(self, case: str) -> list[Path]:
        return [self.out / f"{case}{ending}" for ending in self.endings]

    def _is_finished(self, case: str) -> bool:
        return case in self._volumes.cases and all(file.is_file() for file in self._files(case))

    def _refuse_collisions(self, cases: Sequence[Mapping[str, Any]]) -> None:
        sources = {file.resolve() for case in cases for file in volume_files(case["image"])}
        targets = [file for case in cases for file in self._files(case["case"])]
        for target, times in Counter(targets).items():
            if target.resolve() in sources:
                raise DataError(f"{target}: is one of the images; choose another folder for the predictions")
            if times > 1:
                raise DataError(f"{target}: two images would write this file; rename one of them")

    def _refuse_existing(self) -> None:
        recorded = self._volumes.cases
        for case in self.cases:
            there = [file for file in self._files(case["case"]) if file.exists()]
            if there or case["case"] in recorded:
                file = there[0] if there else self._volumes.path
                raise DataError(
                    f"{file}: case '{case['case']}' is there already; add --resume to go on with what is missing, "
                    "or choose another folder"
                )


def _settings(predictor: BundlePredictor) -> PredictionSettings:
    return PredictionSettings(
        weights=sha256_of(predictor.weights),
        label_convention=predictor.label_convention,
        modalities=None if predictor.modalities is None else list(predictor.modalities),
        overlap=predictor.overlap,
        flips=[list(axes) for axes in predictor.flips],
    )


def _is_continued(record: Path, settings: PredictionSettings) -> bool:
    """Whether the folder holds predictions with the same settings; others are refused."""
    if not record.is_file():
        return False
    before = read_json(record).get("settings", {})
    for name, now in asdict(settings).items():
        if before.get(name) != now:
            raise DataError(
                f"{record}: '{name}' was {before.get(name)!r} and is now {now!r}; choose another folder for "
                "predictions with other settings"
            )
    return True


def _log(case: Mapping[str, Any], prediction: Prediction, seconds: float) -> None:
    shown = (f"{node} {voxels * prediction.voxel_ml:.1f} ml" for node, voxels in prediction.voxels())
    seen = f" from {', '.join(case['modalities'])}" if case.get("modalities") else ""
    logger.debug("%s: %.1f s%s; %s", case["case"], seconds, seen, ", ".join(list(shown)[1:]))
