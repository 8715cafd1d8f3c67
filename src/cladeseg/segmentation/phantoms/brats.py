"""Phantom brain tumours on disk, in the layouts of BraTS 2018 and BraTS 2023."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cladeseg.segmentation.phantoms.brain import Tissue, adult_coordinates, brain_depth, draw_tissues
from cladeseg.segmentation.phantoms.folder import fill_folder
from cladeseg.segmentation.phantoms.grid import Grid, grid_recipe, save_volume, storage
from cladeseg.segmentation.phantoms.modalities import draw_modalities
from cladeseg.segmentation.phantoms.tumour import KINDS, draw_lesions, draw_tumour, undeformed

#: Raised whenever the same request would give other voxels.
RECIPE_VERSION = 1

_SMALLEST = (24, 24, 20)


@dataclass(frozen=True)
class Naming:
    """How one year's challenge calls its files, and its integer for enhancing tumour.

    Attributes:
        subject: name of a subject's folder; ``number`` is filled in.
        joint: between the subject and the modality.
        modalities: names of FLAIR, T1, T1 with contrast agent and T2.
        enhancing: the integer in the label.
    """

    subject: str
    joint: str
    modalities: tuple[str, str, str, str]
    enhancing: int


NAMINGS = {
    "brats18": Naming("Brats18_PHANTOM_{number:03d}_1", "_", ("flair", "t1", "t1ce", "t2"), enhancing=4),
    "brats23": Naming("BraTS-GLI-{number:05d}-000", "-", ("t2f", "t1n", "t1c", "t2w"), enhancing=3),
}


def write_brats_phantoms(
    out: str | Path,
    *,
    subjects: int = 8,
    seed: int = 0,
    naming: Literal["brats18", "brats23"] = "brats18",
    affines: Literal["varied", "ras"] = "varied",
    shape: Sequence[int] = (48, 48, 40),
    spacing: Sequence[float] = (4.0, 4.0, 4.0),
) -> list[Path]:
    """Write phantom brain tumours: four modalities and a label for each subject, skull-stripped (0 outside the brain).

    Subject ``i`` depends on ``seed`` and ``i`` alone, not on how many are written, and is the same in both namings but
    for file names and the integer of enhancing tumour.  Of five subjects in turn the second has two lesions, the third
    no enhancing part, the fifth no necrosis.  Intensities of one subject may be a hundred times those of another.

    Args:
        out: where to; created if missing.
        subjects: how many.
        seed: of all random draws.
        naming: ``"brats18"``: ID/ID_flair.nii.gz, enhancing 4; ``"brats23"``: ID/ID-t2f.nii.gz, enhancing 3.
        affines: ``"ras"`` for plain RAS files; ``"varied"`` for RAS, LPS, transposed and oblique ones in turn.
        shape: voxels (right-left, posterior-anterior, inferior-superior).
        spacing: voxel size in mm, same order; the brain is scaled to fill the grid.

    Returns:
        Every file, in order; if the folder already holds this very request, or a part of it that an interrupted run
        left, what is there stays as it is.

    Raises:
        DataError: the folder holds anything else.
        ValueError: an argument that no phantom can be made of.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = write_brats_phantoms(folder, subjects=1, naming="brats23", shape=(24, 24, 20))
        ...     files[0].relative_to(folder).as_posix()
        'BraTS-GLI-00001-000/BraTS-GLI-00001-000-t2f.nii.gz'
    """
    if subjects < 1:
        raise ValueError(f"subjects: at least 1, not {subjects}")
    if naming not in NAMINGS:
        raise ValueError(f"naming: one of {', '.join(NAMINGS)}, not '{naming}'")
    grid = grid_recipe(shape, spacing, affines, smallest=_SMALLEST)
    out = Path(out)
    recipe = {
        "version": RECIPE_VERSION,
        "layout": naming,
        "subjects": subjects,
        "seed": seed,
        **grid,
    }
    return fill_folder(out, recipe, (file for i in range(subjects) for file in _subject_files(out, i, recipe)))


def _subject_files(out: Path, index: int, recipe: Mapping[str, Any]) -> Iterator[Path]:
    """Write one subject's files, each as its path is asked for."""
    rng = np.random.default_rng([recipe["seed"], index])
    grid = Grid(tuple(recipe["shape"]), tuple(recipe["spacing"]))
    naming = NAMINGS[recipe["layout"]]
    orientation, degrees = storage(recipe["affines"], index)
    affine = grid.affine(degrees, rng.uniform(-40, 40, 3))
    tissues, images = _draw_subject(grid, index, rng)
    name = naming.subject.format(number=index + 1)
    for modality, array in zip((*naming.modalities, "seg"), (*images, _label(tissues, naming)), strict=True):
        yield save_volume(array, affine, orientation, out / name / f"{name}{naming.joint}{modality}.nii.gz")


def _draw_subject(grid: Grid, index: int, rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
    """Tissues (X, Y, Z) and the four images of a subject."""
    adult, where = adult_coordinates(grid)
    kind = KINDS[index % len(KINDS)]
    lesions = draw_lesions(rng, kind)
    depth = brain_depth(adult, where, rng)
    brain = draw_tissues(adult, undeformed(where, lesions), depth, rng)
    tissues = draw_tumour(adult, where, brain, kind=kind, lesions=lesions, depth=depth, rng=rng)
    # Any four subjects in a row span the range of intensities.
    loudness = (index % 4 + float(rng.uniform())) / 4
    return tissues, draw_modalities(adult, tissues, loudness=loudness, rng=rng)


def _label(tissues: np.ndarray, naming: Naming) -> np.ndarray:
    """Label uint8 (X, Y, Z); necrosis and non-enhancing core share an integer, as the challenge has it."""
    values = np.zeros(len(Tissue), dtype=np.uint8)
    values[Tissue.OEDEMA], values[Tissue.ENHANCING] = 2, naming.enhancing
    values[[Tissue.NECROSIS, Tissue.SOLID]] = 1
    return values[tissues]
