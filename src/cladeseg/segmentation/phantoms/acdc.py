"""Phantom patients on disk, in the layout of the ACDC data set: what demos and tests train on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cladeseg.files import atomic_write
from cladeseg.segmentation.phantoms.folder import RECIPE_FILE, fill_folder
from cladeseg.segmentation.phantoms.grid import Grid, grid_recipe, save_volume, storage
from cladeseg.segmentation.phantoms.heart import GROUPS, draw_anatomy, draw_label, slice_coordinates
from cladeseg.segmentation.phantoms.image import draw_image, draw_scene

__all__ = ["RECIPE_FILE", "RECIPE_VERSION", "write_acdc_phantoms"]

#: Raised whenever the same request would give other voxels.
RECIPE_VERSION = 1

_SMALLEST = (24, 24, 4)


def write_acdc_phantoms(
    folder: str | Path,
    *,
    patients: int = 18,
    seed: int = 0,
    shape: Sequence[int] = (96, 96, 8),
    spacing: Sequence[float] = (2.0, 2.0, 9.0),
    affines: Literal["varied", "ras"] = "varied",
) -> list[Path]:
    """Write phantom patients in ACDC's layout: Info.cfg, image and label of two frames each.

    Patient ``i`` depends on ``seed`` and ``i`` alone, not on how many are written.  The anatomy is one in world
    coordinates: brought to RAS order all patients lie alike, whatever their affine.

    Args:
        folder: where to; created if missing.
        patients: how many; their groups (NOR, DCM, HCM, MINF, RV) take turns.
        seed: of all random draws.
        shape: voxels (right-left, anterior-posterior, slices); each patient's differs by up to 10 %.
        spacing: voxel size in mm, same order; differs by up to 10 %.
        affines: ``"ras"`` for plain RAS files; ``"varied"`` for RAS, LPS, transposed and oblique ones in turn.

    Returns:
        Every file, in order; if the folder already holds this very request, or a part of it that an interrupted run
        left, what is there stays as it is.

    Raises:
        DataError: the folder holds anything else.
        ValueError: an argument that no phantom can be made of.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = write_acdc_phantoms(folder, patients=1, shape=(24, 24, 4), spacing=(8, 8, 9))
        ...     [file.relative_to(folder).as_posix() for file in files][:3]
        ['patient001/Info.cfg', 'patient001/patient001_frame01.nii.gz', 'patient001/patient001_frame01_gt.nii.gz']
    """
    if patients < 1:
        raise ValueError(f"patients: at least 1, not {patients}")
    grid = grid_recipe(shape, spacing, affines, smallest=_SMALLEST)
    folder = Path(folder)
    recipe = {
        "version": RECIPE_VERSION,
        "patients": patients,
        "seed": seed,
        **grid,
    }
    return fill_folder(folder, recipe, (file for i in range(patients) for file in _patient_files(folder, i, recipe)))


def _patient_files(folder: Path, index: int, recipe: Mapping[str, Any]) -> Iterator[Path]:
    """Write one patient's files, each as its path is asked for."""
    rng = np.random.default_rng([recipe["seed"], index])
    name, group = f"patient{index + 1:03d}", list(GROUPS)[index % len(GROUPS)]
    home = folder / name
    systole = int(rng.integers(8, 14))
    with atomic_write(home / "Info.cfg") as temporary:
        temporary.write_text(_info(group, systole, rng), encoding="utf-8")
    yield home / "Info.cfg"
    diastole = draw_anatomy(rng, group, shape=recipe["shape"], spacing=recipe["spacing"])
    scene = draw_scene(rng)
    orientation, degrees = storage(recipe["affines"], index)
    affine = Grid(diastole.shape, diastole.spacing).affine(degrees, rng.uniform(-40, 40, 3))
    for frame, anatomy in ((1, diastole), (systole, diastole.at_systole())):
        x, y = slice_coordinates(anatomy, rng)
        label = draw_label(anatomy, x, y)
        image = draw_image(anatomy, scene, label, coordinates=(x, y), rng=rng)
        for array, suffix in ((image, ""), (label, "_gt")):
            yield save_volume(array, affine, orientation, home / f"{name}_frame{frame:02d}{suffix}.nii.gz")


def _info(group: str, systole: int, rng: np.random.Generator) -> str:
    height, weight = rng.integers(155, 195), rng.integers(50, 105)
    return f"ED: 1\nES: {systole}\nGroup: {group}\nHeight: {height}.0\nNbFrame: 30\nWeight: {weight}.0\n"
