"""Similarities of many pairs: in parallel, with progress, and resumed where an earlier call was cut off."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cladeseg.clustering.objects import ObjectPoints, digest_of_arrays
from cladeseg.clustering.pqap.objective import PqapParameters
from cladeseg.clustering.pqap.solver import SolverEffort, solve
from cladeseg.files import DataError, atomic_write

#: Pairs between two stores: about half a minute of work.
_CHUNK = 500


def pair_similarities(
    points: Sequence[ObjectPoints],
    pairs: np.ndarray,
    *,
    parameters: PqapParameters | None = None,
    effort: SolverEffort | None = None,
    workers: int = 1,
    store: str | Path | None = None,
    show_progress: bool = True,
) -> np.ndarray:
    """Mean similarity of both directions for each pair.

    Args:
        points: of each object.
        pairs: (E, 2) indices.
        parameters: of the objective; the paper's if ``None``.
        effort: of the solver.
        workers: processes; 1 works in this one.
        store: npz file that finished pairs are kept in; one of other objects or settings is written anew.
        show_progress: draw a bar.

    Returns:
        float (E,), in [0, 1].

    Raises:
        DataError: an object has no key points, or the store cannot be written.
    """
    parameters, effort = parameters or PqapParameters(), effort or SolverEffort()
    _refuse_without_points(points, pairs)
    found = _stored(store, points, pairs, parameters, effort)
    open_pairs = np.flatnonzero(np.isnan(found))
    chunks = [open_pairs[begin : begin + _CHUNK] for begin in range(0, open_pairs.size, _CHUNK)]
    key = _key(points, pairs, parameters, effort)
    bar = tqdm(total=len(pairs), desc="matching key points", unit="pair", disable=None if show_progress else True)
    bar.update(len(pairs) - open_pairs.size)
    with bar, _Pool(workers, points, parameters, effort) as pool:
        for chunk in chunks:
            found[chunk] = pool.similarities(pairs[chunk])
            bar.update(chunk.size)
            if store is not None:
                _write(Path(store), key, found)
    return found


def _refuse_without_points(points: Sequence[ObjectPoints], pairs: np.ndarray) -> None:
    for at in np.unique(pairs):
        if points[at] is None:
            raise DataError(f"object {at}: has no key points; set pqap.enabled to false for objects of volumes")


class _Worker:
    """What a process keeps between pairs."""

    def __init__(self, points: Sequence[ObjectPoints], parameters: PqapParameters, effort: SolverEffort) -> None:
        self.points, self.parameters, self.effort = points, parameters, effort

    def similarity(self, pair: tuple[int, int]) -> float:
        one, other = self.points[pair[0]], self.points[pair[1]]
        forth = solve(one.features, other.candidates, self.parameters, self.effort).similarity
        back = solve(other.features, one.candidates, self.parameters, self.effort).similarity
        return (forth + back) / 2


_WORKER: list[_Worker] = []


def _start(points: Sequence[ObjectPoints], parameters: PqapParameters, effort: SolverEffort) -> None:
    _WORKER[:] = [_Worker(points, parameters, effort)]


def _similarity(pair: tuple[int, int]) -> float:
    return _WORKER[0].similarity(pair)


class _Pool:
    def __init__(
        self, workers: int, points: Sequence[ObjectPoints], parameters: PqapParameters, effort: SolverEffort
    ) -> None:
        self.here = _Worker(points, parameters, effort)
        arguments = (points, parameters, effort)
        self.executor = (
            None
            if workers <= 1
            else ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start, initargs=arguments)
        )

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        if self.executor is not None:
            self.executor.shutdown(cancel_futures=True)

    def similarities(self, pairs: np.ndarray) -> np.ndarray:
        tasks = [(int(one), int(other)) for one, other in pairs]
        if self.executor is None:
            return np.array([self.here.similarity(task) for task in tasks])
        return np.array(list(self.executor.map(_similarity, tasks, chunksize=8)))


# ---- the store -------------------------------------------------------------------------------------------------------


def _key(points: Sequence[ObjectPoints], pairs: np.ndarray, parameters: PqapParameters, effort: SolverEffort) -> str:
    """The same for the same work."""
    used = [
        array
        for at in np.unique(pairs)
        for one in (points[at].features, points[at].candidates)
        for array in (one.angle, one.channel, one.radius, one.value)
    ]
    settings = np.array([*parameters.as_array(), effort.rotations, effort.kept, effort.improvements])
    return digest_of_arrays(*used, np.asarray(pairs), settings)


def _stored(
    store: str | Path | None,
    points: Sequence[ObjectPoints],
    pairs: np.ndarray,
    parameters: PqapParameters,
    effort: SolverEffort,
) -> np.ndarray:
    nothing = np.full(len(pairs), np.nan)
    if store is None or not Path(store).is_file():
        return nothing
    try:
        with np.load(store, allow_pickle=False) as table:
            same = str(table["key"]) == _key(points, pairs, parameters, effort)
            return table["similarity"] if same else nothing
    except (OSError, ValueError, KeyError, EOFError):
        return nothing  # a damaged store costs time and nothing else


def _write(store: Path, key: str, found: np.ndarray) -> None:
    with atomic_write(store) as temporary, temporary.open("wb") as file:
        np.savez(file, key=np.array(key), similarity=found)
