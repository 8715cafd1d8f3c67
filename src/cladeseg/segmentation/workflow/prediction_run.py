"""Predict a folder of images into another: masks, probabilities, uncertainty and volumes, nothing of them lost."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.bundle.provenance import made_by, peak_memory_mb, versions
from cladeseg.bundle.weights_record import sha256_of
from cladeseg.files import DataError, remove_leftovers
from cladeseg.segmentation.data import RECORD, find_images, inspect_images, raise_if_fatal, volume_files
from cladeseg.segmentation.inferers import Prediction, VolumesFile, write_probabilities, write_uncertainty
from cladeseg.segmentation.pages import PredictionCases, write_prediction_page
from cladeseg.segmentation.pages.prediction_cases import FOLDER
from cladeseg.segmentation.workflow.output_files import (
    MASK,
    PROBABILITIES,
    UNCERTAINTY,
    OutputFiles,
    read_record,
)
from cladeseg.segmentation.workflow.prediction import BundlePredictor
from cladeseg.segmentation.workflow.training_facts import training_facts
from cladeseg.volumes import read_volume, write_label

logger = logging.getLogger(__name__)

VOLUMES = "volumes.csv"


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
    options they were made.  No image and no file of an earlier run is overwritten.

    Args:
        predictor: of a bundle.
        images: an image, or a folder that is searched for them.
        out: the output folder.
        probabilities: also write p(leaf).
        uncertainty: also write the entropy of the leaf given the superclass.
        resume: leave out cases that an earlier run with the same settings finished.
        overwrite: set aside what an earlier run wrote, as ``NAME.1``, and predict everything.
        output_format: see :func:`~cladeseg.volumes.output_ending`.

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
    ) -> None:
        if resume and overwrite:
            raise ValueError("resume and overwrite: one goes on with what is there, the other sets it aside")
        self.predictor = predictor
        self.out = Path(out)
        settings = _settings(predictor, output_format)
        going_on = not overwrite and _is_continued(self.out / RECORD, settings) and resume
        found = find_images(images, leave_out=out, modalities=predictor.channels, use=predictor.modalities)
        kinds = [MASK, *[PROBABILITIES] * probabilities, *[UNCERTAINTY] * uncertainty]
        self._files = OutputFiles(out, found, kinds, output_format)
        self._volumes = VolumesFile(self.out / VOLUMES)
        self.cases = [case for case in found if not (going_on and self._is_finished(case["case"]))]
        if not going_on and not overwrite:
            self._refuse_existing()
        raise_if_fatal(inspect_images(self.cases, modalities=predictor.channels))
        logger.info("%d of %d images are left to predict", len(self.cases), len(found))
        self._seconds = 0.0
        self._begin(settings, overwrite)
        facts = {"images": str(images), "weights": str(predictor.weights), **training_facts(predictor.weights)}
        self._page = PredictionCases(self.out, predictor.taxonomy, facts, going_on=going_on)

    def _begin(self, settings: PredictionSettings, overwrite: bool) -> None:
        """Write the record, which lists what there will be; the first change to the folder."""
        remove_leftovers(self.out)
        record = {"settings": asdict(settings), "versions": versions(), "command": sys.argv}
        self._files.begin(record, overwrite=overwrite, besides=[VOLUMES, FOLDER])
        if overwrite:
            self._volumes = VolumesFile(self.out / VOLUMES)

    def predict(self, case: Mapping[str, Any]) -> Prediction:
        """Predict one of the cases and write its files, its volumes last."""
        begin, name, image = time.perf_counter(), case["case"], case["image"]
        prediction = self.predictor.predict(image)
        files = self._files[name]
        write_label(prediction.label[0].numpy(), volume_files(image)[0], files[MASK], names=prediction.names)
        if PROBABILITIES in files:
            write_probabilities(prediction, image, files[PROBABILITIES])
        if UNCERTAINTY in files:
            write_uncertainty(prediction, image, files[UNCERTAINTY])
        self._page.add(name, _first_channel(volume_files(image)[0]), prediction)
        self._volumes.add(name, prediction)
        seconds = time.perf_counter() - begin
        self._seconds += seconds
        _log(case, prediction, seconds)
        return prediction

    def write_page(self) -> Path:
        """Write the page of quality control, ``qc/report.html``.

        Raises:
            DataError: it cannot be written, or nothing was predicted.
        """
        self._page.finish({**made_by(), "seconds": self._seconds, "peak_memory_mb": peak_memory_mb()})
        return write_prediction_page(self.out)

    def _is_finished(self, case: str) -> bool:
        return case in self._volumes.cases and self._files.are_there(case)

    def _refuse_existing(self) -> None:
        recorded = self._volumes.cases
        for case in self.cases:
            there = self._files.existing(case["case"])
            if there or case["case"] in recorded:
                file = there[0] if there else self._volumes.path
                raise DataError(
                    f"{file}: case '{case['case']}' is there already; add --resume to go on with what is missing, "
                    "or --overwrite to set aside what is there, or choose another folder"
                )


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


def _first_channel(file: Path) -> np.ndarray:
    voxels = read_volume(file).voxels
    return voxels if voxels.ndim == 3 else voxels[..., 0]


def _log(case: Mapping[str, Any], prediction: Prediction, seconds: float) -> None:
    shown = (f"{node} {voxels * prediction.voxel_ml:.1f} ml" for node, voxels in prediction.voxels())
    seen = f" from {', '.join(case['modalities'])}" if case.get("modalities") else ""
    logger.debug("%s: %.1f s%s; %s", case["case"], seconds, seen, ", ".join(list(shown)[1:]))
