"""Phantom infarcts on disk, in the layout of the MyoPS challenge: few thick slices, three aligned sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.spatial.transform import Rotation

from cladeseg.segmentation.phantoms.folder import fill_folder
from cladeseg.segmentation.phantoms.grid import Grid, grid_recipe, save_volume
from cladeseg.segmentation.phantoms.infarct import SEQUENCES, Tissue, draw_sequences, draw_stack, draw_tissues

#: Raised whenever the same request would give other voxels.
RECIPE_VERSION = 1

_SMALLEST = (24, 24, 2)
_FEWEST_SLICES = 2
#: The challenge's integers.
VALUES = {
    Tissue.LEFT_BLOOD: 500,
    Tissue.RIGHT_BLOOD: 600,
    Tissue.NORMAL: 200,
    Tissue.EDEMA: 1220,
    Tissue.SCAR: 2221,
}
#: Every so many cases one has edema and no scar.
_SCARLESS = 8


def write_myops_phantoms(
    out: str | Path,
    *,
    cases: int = 12,
    seed: int = 0,
    affines: Literal["varied", "ras"] = "varied",
    shape: Sequence[int] = (96, 96, 6),
    spacing: Sequence[float] = (2.3, 2.3, 12.0),
) -> list[Path]:
    """Write phantom infarcts: sequences C0, LGE and T2 on one grid, and a label, for each case.

    Case ``i`` depends on ``seed`` and ``i`` alone, not on how many are written.  As in the challenge's data a stack
    has between two slices and ``shape[2]`` of them, and the fewer there are, the further they lie apart.

    Args:
        out: where to; created if missing.
        cases: how many; the eighth, the sixteenth and so on have no scar.
        seed: of all random draws.
        affines: ``"ras"`` for plain RAS files.  ``"varied"`` for oblique short-axis stacks, stored alike, whose slices
            are closest to coronal (LSP) and to sagittal (PSR) in turn.
        shape: voxels (columns, rows, most slices); in-plane sizes differ by up to 10 %.
        spacing: voxel size in mm, same order, of a stack of the most slices.

    Returns:
        Every file, in order; if the folder already holds this very request, or a part of it that an interrupted run
        left, what is there stays as it is.

    Raises:
        DataError: the folder holds anything else.
        ValueError: an argument that no phantom can be made of.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = write_myops_phantoms(folder, cases=1, shape=(24, 24, 3), spacing=(9, 9, 14))
        ...     [file.relative_to(folder).as_posix() for file in files][::3]
        ['Case9001/Case9001_C0.nii.gz', 'Case9001/Case9001_gd.nii.gz']
    """
    if cases < 1:
        raise ValueError(f"cases: at least 1, not {cases}")
    grid = grid_recipe(shape, spacing, affines, smallest=_SMALLEST)
    out = Path(out)
    recipe = {
        "version": RECIPE_VERSION,
        "layout": "myops",
        "cases": cases,
        "seed": seed,
        **grid,
    }
    return fill_folder(out, recipe, (file for i in range(cases) for file in _case_files(out, i, recipe)))


def _case_files(out: Path, index: int, recipe: Mapping[str, Any]) -> Iterator[Path]:
    """Write one case's files, each as its path is asked for."""
    rng = np.random.default_rng([recipe["seed"], index])
    columns, rows, most = recipe["shape"]
    slices = int(rng.integers(_FEWEST_SLICES, most + 1))
    x, y, z = recipe["spacing"]
    anatomy = draw_stack(rng, shape=(columns, rows, slices), spacing=(x, y, z * most / slices))
    tissues = draw_tissues(anatomy, rng, scarred=(index + 1) % _SCARLESS != 0)
    arrays = [*draw_sequences(anatomy, tissues, rng), _label(tissues)]
    grid = Grid(anatomy.shape, anatomy.spacing)
    affine = _short_axis(grid, index, rng) if recipe["affines"] == "varied" else grid.affine(0.0, np.zeros(3))
    name = f"Case{9001 + index}"
    for word, array in zip((*SEQUENCES, "gd"), arrays, strict=True):
        # Stored with the right ventricle first and the apex first, as the challenge's files are.
        stored = array[::-1, :, ::-1] if recipe["affines"] == "varied" else array
        yield save_volume(stored, affine, None, out / name / f"{name}_{word}.nii.gz")


def _short_axis(grid: Grid, index: int, rng: np.random.Generator) -> np.ndarray:
    """Affine (4, 4): columns run to the left and back, rows up, slices from the apex to the base."""
    turn = np.deg2rad((35.0, 55.0)[index % 2] + rng.uniform(-6, 6))
    cos, sin = np.cos(turn), np.sin(turn)
    axes = np.array([[-cos, -sin, 0.0], [0.0, 0.0, 1.0], [sin, -cos, 0.0]]).T
    tilt = Rotation.from_euler("xy", rng.uniform(10, 20, 2), degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = tilt @ axes @ np.diag(grid.spacing)
    affine[:3, 3] = rng.uniform(-40, 40, 3) - affine[:3, :3] @ ((np.array(grid.shape) - 1) / 2)
    return affine


def _label(tissues: np.ndarray) -> np.ndarray:
    """Label int16 (X, Y, Z)."""
    values = np.zeros(len(Tissue), dtype=np.int16)
    for tissue, value in VALUES.items():
        values[tissue] = value
    return values[tissues]
