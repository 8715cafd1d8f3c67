"""Cases decoded, resampled and cropped once, kept in memory as far as it goes."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch.utils.data import Dataset
from tqdm import tqdm

from cladeseg.bundle.ranks import ranks, wait_for_all
from cladeseg.files import DataError, first_cause
from cladeseg.segmentation.data.supervision import supervision_of
from cladeseg.segmentation.data.volume_files import ImageFiles, channel_files, volume_files
from cladeseg.segmentation.data.volume_store import VolumeStore
from cladeseg.volumes import DEFAULT_ORDER, Grid, case_name, read_grid, turn_to

_log = logging.getLogger(__name__)

_GIGABYTE = 1e9
#: Leaves memory for the network, its gradients and the loader's workers.
_SHARE_OF_FREE_MEMORY = 0.4


class CachedDataset(Dataset):
    """Data set of cases that are loaded through a deterministic transform once, before training.

    Index ``i`` gives case ``i`` as a dictionary; index ``(i, seed)`` gives ``patch(case, seed)``, so that a batch
    sampler decides about randomness and the worker that happens to do the work does not matter.

    Every case is loaded at the start, those that do not fit into memory too: a broken file ends the run before the
    first step.  Cases that do not fit are loaded again whenever they are asked for.  With a ``store`` none is kept in
    memory: cases are loaded unless an earlier training has stored them, and samples are taken from mapped files.

    Args:
        data: datalist items with paths that can be opened.  A bare ``{"image", "label"}``, as MONAI Label sends it, is
            called by its image's file, and is fully annotated if it has a label, else not at all.
        transform: loads one item: reading, orientation, resampling, cropping; nothing random.
        patch: turns (case, seed) into a training sample; must be picklable like ``transform``.
        spacing: target voxel size in mm, for the estimate; see :func:`estimate_bytes`.
        axis_order: of the spacing.
        max_gigabytes: memory for the cache (1 GB = 1e9 bytes); None takes 40 % of what is free.
        workers: threads that load.
        progress: whether a progress bar is shown.
        store: of loaded cases on disk.

    Raises:
        DataError: a case cannot be loaded; the message starts with the case's name and gives the cause.
        ValueError: ``max_gigabytes`` is negative.
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        transform: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        patch: Callable[[dict[str, Any], int], dict[str, Any]] | None = None,
        spacing: Sequence[float],
        axis_order: str = DEFAULT_ORDER,
        max_gigabytes: float | None = None,
        workers: int = 2,
        progress: bool = True,
        store: VolumeStore | None = None,
    ) -> None:
        self.data = [_complete(case) for case in data]
        self.transform = transform
        self.patch = patch
        self.store = store
        self.nbytes = 0
        self._paths: list[Path] = []
        self._kept: dict[int, dict[str, Any]] = {}
        self._replaced: dict[int, dict[str, Any]] = {}
        if store is not None:
            self._fill_store(store, workers, progress)
            return
        allowed = _allowed_bytes(max_gigabytes)
        estimate = estimate_bytes(self.data, spacing, axis_order) / _GIGABYTE
        _log.info("cache: %d volumes, about %.2f GB of %.1f GB allowed", len(data), estimate, allowed / _GIGABYTE)
        self._fill(allowed, workers, progress)
        if len(self._kept) < len(self.data):
            again = len(self.data) - len(self._kept)
            _log.info("cache: %d volumes do not fit and are loaded again each time they are drawn", again)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int | tuple[int, int]) -> dict[str, Any]:
        if isinstance(index, tuple):
            if self.patch is None:
                raise TypeError("a cache without a patch function has no sample for a seed")
            return self.patch(self._case(index[0]), index[1])
        case = self._case(index)
        return case if self.store is None else {name: _single(value) for name, value in case.items()}

    def _case(self, index: int) -> dict[str, Any]:
        """A whole case; from a store its images are in half precision."""
        index = range(len(self.data))[index]  # a negative index counts from the end, as in a list
        if self.store is not None:
            case = self.store.get(self._paths[index])
        else:
            kept = self._kept.get(index)
            case = self._load(index) if kept is None else kept
        return {**case, **self._replaced.get(index, {})}

    def replace(self, index: int, key: str, value: Any) -> None:
        """Have a case hold another value from now on, whether it is kept in memory or loaded again each time.

        Loader processes hold copies of the data set: they learn of it when the loader is iterated anew.
        """
        self._replaced.setdefault(range(len(self.data))[index], {})[key] = value

    @property
    def cached(self) -> int:
        """Number of cases held in memory."""
        return len(self._kept)

    def _fill(self, allowed: int, workers: int, progress: bool) -> None:
        lock = threading.Lock()

        def load_and_keep(index: int) -> None:
            case = self._load(index)
            size = _nbytes(case)
            with lock:  # the thread decides, so that no more than one finished case per thread waits for a verdict
                if self.nbytes + size <= allowed:
                    self._kept[index] = case
                    self.nbytes += size

        _each(load_and_keep, range(len(self.data)), workers, progress)

    def _fill_store(self, store: VolumeStore, workers: int, progress: bool) -> None:
        """Load what no earlier training has stored; of several processes each loads a part."""
        self._paths = [store.path(case) for case in self.data]
        missing = [index for index, path in enumerate(self._paths) if not store.holds(path)]
        _log.info("%s: %d of %d cases are there", store.folder, len(self.data) - len(missing), len(self.data))
        mine = [missing[place] for place in ranks().part(len(missing))]
        _each(lambda index: store.put(self._paths[index], self._load(index)), mine, workers, progress and bool(mine))
        wait_for_all()

    def _load(self, index: int) -> dict[str, Any]:
        case = self.data[index]
        try:
            return {key: _compact(value) for key, value in self.transform(dict(case)).items()}
        except Exception as error:
            cause = first_cause(error)
            kind = "" if isinstance(cause, DataError) else f"{type(cause).__name__}: "
            raise DataError(f"{case.get('case', f'case {index}')}: {kind}{cause}") from error


def _each(work: Callable[[int], None], indices: Sequence[int], workers: int, progress: bool) -> None:
    """Do something for each index, in threads; the first error ends it."""
    with ThreadPoolExecutor(max(1, workers)) as pool:
        done = [pool.submit(work, index) for index in indices]
        try:
            for future in tqdm(done, desc="loading cases", unit="case", disable=not progress):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _single(value: Any) -> Any:
    """Half precision as single; anything else as it is."""
    return value.float() if isinstance(value, torch.Tensor) and value.dtype == torch.float16 else value


def _complete(case: Mapping[str, Any]) -> dict[str, Any]:
    name = case["case"] if "case" in case else case_name(volume_files(case["image"])[0])
    return {"case": name, "supervision": supervision_of(case), **case}


def estimate_bytes(
    cases: Sequence[Mapping[str, Any]], spacing: Sequence[float], axis_order: str = DEFAULT_ORDER
) -> int:
    """Memory that the resampled, uncropped cases would take, judged by the image headers alone.

    Args:
        cases: datalist items; ``image`` is one path or a list of paths (channels, ``None`` for a missing one).
        spacing: target voxel size in mm along the axes of ``axis_order``; an entry that is not positive keeps the
            file's.
        axis_order: order of the axes that images are brought to.

    Returns:
        Bytes: 4 per voxel and channel for the image, 1 per voxel for the node map.

    Raises:
        DataError: a header cannot be read.
    """
    return sum(_case_bytes(case["image"], spacing, axis_order) for case in cases)


def _case_bytes(image: ImageFiles, spacing: Sequence[float], axis_order: str) -> int:
    headers = [read_grid(file) for file in volume_files(image)]
    missing = channel_files(image).count(None)  # filled with zeros, which take memory as well
    channels = missing + sum(int(np.prod(header.shape[3:])) for header in headers)
    voxels = int(np.prod(_resampled_shape(headers[0], spacing, axis_order)))
    return voxels * (4 * channels + 1)


def _resampled_shape(grid: Grid, spacing: Sequence[float], axis_order: str) -> np.ndarray:
    """Voxels along the ordered axes (3,) after resampling from first to last voxel centre, as MONAI does."""
    axis = turn_to(grid.affine, axis_order)[:, 0]
    size, zoom = np.ones(3, dtype=int), np.ones(3)
    size[axis], zoom[axis] = grid.shape[:3], grid.spacing
    target = np.where(np.asarray(spacing) > 0, spacing, zoom)
    return np.rint((size - 1) * zoom / target).astype(int) + 1


def _allowed_bytes(max_gigabytes: float | None) -> int:
    if max_gigabytes is None:
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # of this machine; each has a cache
        return int(_SHARE_OF_FREE_MEMORY * psutil.virtual_memory().available) // processes
    if max_gigabytes < 0:
        raise ValueError(f"max_gigabytes: must not be negative, is {max_gigabytes}")
    return int(max_gigabytes * _GIGABYTE)


def _compact(value: Any) -> Any:
    """A cropped tensor is a view that would keep the whole volume alive; copy it free."""
    if isinstance(value, torch.Tensor) and value.untyped_storage().nbytes() > value.nbytes:
        return value.clone(memory_format=torch.contiguous_format)
    return value


def _nbytes(case: Mapping[str, Any]) -> int:
    return sum(value.nbytes for value in case.values() if isinstance(value, torch.Tensor | np.ndarray))
