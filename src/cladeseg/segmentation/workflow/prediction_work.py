"""Predict one case and write its files: what a prediction does with each of its cases, in whatever process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.bundle.provenance import peak_memory_mb
from cladeseg.segmentation.data import inspect_images, raise_if_fatal, volume_files
from cladeseg.segmentation.inferers import volume_rows, write_probabilities, write_uncertainty
from cladeseg.segmentation.pages import keep_prediction
from cladeseg.segmentation.workflow.output_files import MASK, PROBABILITIES, UNCERTAINTY
from cladeseg.segmentation.workflow.prediction import BundlePredictor
from cladeseg.volumes import read_volume, write_label


@dataclass(frozen=True)
class PredictionWork:
    """Callable with a case; its files are complete before its result says so.

    Args:
        predictor: of a bundle; another process loads it again.
        out: folder of the masks, as an absolute path.
        inspect: read the image first and refuse what is wrong with it, where nobody did so before.
    """

    predictor: BundlePredictor
    out: Path
    inspect: bool = False

    def __call__(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """Predict a case.

        Args:
            case: ``case``, ``image``, ``files`` (kind → path) and ``pictured``, whether the page may show it.

        Returns:
            ``volumes``, its rows of the table; ``page``, its entry of the page's record; ``seconds`` and
            ``peak_memory_mb``.

        Raises:
            DataError: the image cannot be used, or a file cannot be written.
        """
        begin, image, files = time.perf_counter(), case["image"], case["files"]
        if self.inspect:
            raise_if_fatal(inspect_images([case], modalities=self.predictor.channels, workers=1))
        found = self.predictor.predict(image)
        write_label(found.label[0].numpy(), volume_files(image)[0], files[MASK], names=found.names)
        if PROBABILITIES in files:
            write_probabilities(found, image, files[PROBABILITIES])
        if UNCERTAINTY in files:
            write_uncertainty(found, image, files[UNCERTAINTY])
        seen, tree = _first_channel(volume_files(image)[0]), self.predictor.taxonomy
        page = keep_prediction(self.out, case["case"], seen, found, tree, pictured=case["pictured"])
        used = {"seconds": time.perf_counter() - begin, "peak_memory_mb": peak_memory_mb()}
        return {"volumes": volume_rows(found), "page": page, **used}


def _first_channel(file: Path) -> np.ndarray:
    voxels = read_volume(file).voxels
    return voxels if voxels.ndim == 3 else voxels[..., 0]
