"""Where the time of a prediction goes: reading, turning, resampling, normalising, network, way back, label."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import psutil
import torch
from monai.transforms import Compose

from cladeseg.segmentation.data import ImageFiles
from cladeseg.segmentation.inferers.prediction import Prediction
from cladeseg.segmentation.inferers.predictor import Predictor, item_of
from cladeseg.segmentation.transforms import LoadModalitiesd, OrientAxesd, Spacingd

#: Part of each transform; what is not listed normalises.
_PARTS: dict[type, str] = {LoadModalitiesd: "read", OrientAxesd: "orient", Spacingd: "resample"}


class PartTimes:
    """Seconds of each part of an inference, added up over what is run under :meth:`part`.

    Attributes:
        seconds: part → seconds.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what happens inside as ``name``."""
        begin = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin


class MemoryRise:
    """How much the process's memory rises inside a ``with`` block, looked at every 2 ms.

    Attributes:
        bytes: the highest value over the one at the beginning.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryRise:
        """Begin to look."""
        self._begin = psutil.Process().memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop looking."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        process = psutil.Process()
        while True:
            self.bytes = max(self.bytes, process.memory_info().rss - self._begin)
            if self._done.wait(0.002):
                return


@torch.no_grad()
def timed_prediction(predictor: Predictor, image: ImageFiles, times: PartTimes) -> tuple[Prediction, MemoryRise]:
    """What :meth:`Predictor.predict` does, each part timed; and the memory that the part "predict" took.

    Args:
        predictor: of a bundle.
        image: as for a call of it.
        times: gets the parts' seconds.
    """
    item = item_of(image)
    for step in predictor.preprocessing.transforms if isinstance(predictor.preprocessing, Compose) else ():
        with times.part(_PARTS.get(type(step), "normalise")):
            item = step(item)
    with MemoryRise() as memory, times.part("predict"):
        item["pred"] = predictor.predicted(item)
    with times.part("restore"):
        item = predictor.restore(item)
    with times.part("label"):
        found = predictor.labelled(item)
    return found, memory
