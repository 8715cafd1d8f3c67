"""Phantom hippocampi on disk, in the layout of the Medical Segmentation Decathlon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cladeseg.files import write_json
from cladeseg.segmentation.phantoms.folder import fill_folder
from cladeseg.segmentation.phantoms.grid import Grid, check_grid, save_volume, storage
from cladeseg.segmentation.phantoms.hippocampus import ANTERIOR, POSTERIOR, draw_hippocampus, draw_label_and_image

#: Raised whenever the same request would give other voxels.
RECIPE_VERSION = 1

_SMALLEST = (20, 24, 18)


def write_msd_phantoms(
    out: str | Path,
    *,
    cases: int = 12,
    seed: int = 0,
    affines: Literal["varied", "ras"] = "varied",
    shape: Sequence[int] = (36, 48, 32),
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
) -> list[Path]:
    """Write phantom hippocampi in the Decathlon's layout: dataset.json, imagesTr, labelsTr.

    Case ``i`` depends on ``seed`` and ``i`` alone, not on how many are written.  Left and right ones occur, unmarked.
    The largest grey value of a case lies between 100 and a million; images are int16, or float32 beyond its range.

    Args:
        out: where to; created if missing.
        cases: how many.
        seed: of all random draws.
        affines: ``"ras"`` for plain RAS files; ``"varied"`` for RAS, LPS, transposed and oblique ones in turn.
        shape: voxels (right-left, posterior-anterior, inferior-superior); each case's differs by up to 10 %.
        spacing: voxel size in mm, same order; the anatomy is scaled to fill the grid.

    Returns:
        Every file, dataset.json first; if the folder already holds this very request, or a part of it that an
        interrupted run left, what is there stays as it is.

    Raises:
        DataError: the folder holds anything else.
        ValueError: an argument that no phantom can be made of.
    """
    if cases < 1:
        raise ValueError(f"cases: at least 1, not {cases}")
    check_grid(shape, spacing, affines, smallest=_SMALLEST)
    out = Path(out)
    recipe = {
        "version": RECIPE_VERSION,
        "layout": "msd",
        "cases": cases,
        "seed": seed,
        "shape": [int(n) for n in shape],
        "spacing": [float(s) for s in spacing],
        "affines": affines,
    }
    return fill_folder(out, recipe, _files(out, recipe))


def _files(out: Path, recipe: Mapping[str, Any]) -> Iterator[Path]:
    names = [f"hippocampus_{i + 1:03d}.nii.gz" for i in range(recipe["cases"])]
    write_json(_description(names), out / "dataset.json")
    yield out / "dataset.json"
    for index, name in enumerate(names):
        yield from _case_files(out, name, index=index, recipe=recipe)


def _description(names: Sequence[str]) -> dict[str, Any]:
    """What dataset.json holds."""
    return {
        "name": "Hippocampus phantoms",
        "description": "Drawn by cladeseg: left and right hippocampus, head and body with tail",
        "tensorImageSize": "3D",
        "modality": {"0": "MRI"},
        "labels": {"0": "background", str(ANTERIOR): "Anterior", str(POSTERIOR): "Posterior"},
        "numTraining": len(names),
        "numTest": 0,
        "training": [{"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"} for name in names],
        "test": [],
    }


def _case_files(out: Path, name: str, *, index: int, recipe: Mapping[str, Any]) -> Iterator[Path]:
    """Write one case's files, each as its path is asked for."""
    rng = np.random.default_rng([recipe["seed"], index])
    nx, ny, nz = (int(n) for n in np.rint(np.asarray(recipe["shape"]) * rng.uniform(0.9, 1.1, 3)))
    grid = Grid((nx, ny, nz), tuple(recipe["spacing"]))
    orientation, degrees = storage(recipe["affines"], index)
    affine = grid.affine(degrees, rng.uniform(-40, 40, 3))
    label, image = draw_label_and_image(grid, draw_hippocampus(rng), rng)
    # Any four cases in a row span the four decades of largest values.
    largest = 10 ** (2 + index % 4 + float(rng.uniform()))
    for array, folder in ((_stored(image, largest), "imagesTr"), (label, "labelsTr")):
        yield save_volume(array, affine, orientation, out / folder / name)


def _stored(image: np.ndarray, largest: float) -> np.ndarray:
    """The image with ``largest`` as its maximum, in the smallest type that the Decathlon would use for it."""
    scaled = image / image.max() * largest
    if largest < np.iinfo(np.int16).max:
        return np.rint(scaled).astype(np.int16)
    return scaled.astype(np.float32)
