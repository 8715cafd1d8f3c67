"""Phantom patients on disk, in the layout of the ACDC data set: what demos and tests train on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from scipy.spatial.transform import Rotation

from cladeseg.data.phantom_heart import GROUPS, Anatomy, draw_anatomy, draw_label, slice_coordinates
from cladeseg.data.phantom_image import draw_image, draw_scene
from cladeseg.errors import DataError

#: Written last: a folder with patients but without it was left behind by an interrupted run.
RECIPE_FILE = "phantoms.json"
#: Raised whenever the same request would give other voxels.
RECIPE_VERSION = 1

#: Orientation of the stored array and rotation (degrees about two axes) of the patient, one row after the other.
_AFFINES: dict[str, tuple[tuple[str, float], ...]] = {
    "ras": (("RAS", 0.0),),
    "varied": (("RAS", 0.0), ("LPS", 0.0), ("RAS", 20.0), ("ARI", 0.0), ("LPS", -20.0)),
}
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
        Every file written, in order; the files that are there if the folder already holds this very request.

    Raises:
        DataError: the folder holds anything else, or what an interrupted run left.
        ValueError: an argument that no phantom can be made of.
    """
    _check_request(patients, shape, spacing, affines)
    folder = Path(folder)
    recipe = {
        "version": RECIPE_VERSION,
        "patients": patients,
        "seed": seed,
        "shape": [int(n) for n in shape],
        "spacing": [float(s) for s in spacing],
        "affines": affines,
    }
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        return _existing_files(folder, recipe)
    files = [file for i in range(patients) for file in _write_patient(folder, i, recipe)]
    names = [file.relative_to(folder).as_posix() for file in files]
    (folder / RECIPE_FILE).write_text(json.dumps({"recipe": recipe, "files": names}, indent=1), encoding="utf-8")
    return files


def _check_request(patients: int, shape: Sequence[int], spacing: Sequence[float], affines: str) -> None:
    if patients < 1:
        raise ValueError(f"patients: at least 1, not {patients}")
    if len(shape) != 3 or any(n < smallest for n, smallest in zip(shape, _SMALLEST, strict=True)):
        raise ValueError(f"shape: three numbers of at least {_SMALLEST}, not {tuple(shape)}")
    if len(spacing) != 3 or min(spacing) <= 0:
        raise ValueError(f"spacing: three positive lengths in mm, not {tuple(spacing)}")
    if affines not in _AFFINES:
        raise ValueError(f"affines: one of {', '.join(_AFFINES)}, not '{affines}'")


def _existing_files(folder: Path, recipe: Mapping[str, Any]) -> list[Path]:
    try:
        content = json.loads((folder / RECIPE_FILE).read_text(encoding="utf-8"))
        found, names = content["recipe"], content["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder}: is not empty and holds no readable {RECIPE_FILE}: another data set, or phantoms whose writing "
            f"was interrupted; delete it or choose another folder"
        ) from error
    if found != recipe:
        raise DataError(f"{folder}: holds phantoms of another request ({found}, asked for {recipe})")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DataError(f"{folder / missing[0]}: missing, though {RECIPE_FILE} lists it; delete the folder")
    return [folder / name for name in names]


def _write_patient(folder: Path, index: int, recipe: Mapping[str, Any]) -> list[Path]:
    rng = np.random.default_rng([recipe["seed"], index])
    name, group = f"patient{index + 1:03d}", list(GROUPS)[index % len(GROUPS)]
    home = folder / name
    home.mkdir(parents=True)
    systole = int(rng.integers(8, 14))
    (home / "Info.cfg").write_text(_info(group, systole, rng), encoding="utf-8")
    diastole = draw_anatomy(rng, group, shape=recipe["shape"], spacing=recipe["spacing"])
    scene = draw_scene(rng)
    choices = _AFFINES[recipe["affines"]]
    orientation, degrees = choices[index % len(choices)]
    affine = _canonical_affine(diastole, degrees, rng.uniform(-40, 40, 3))
    files = [home / "Info.cfg"]
    for frame, anatomy in ((1, diastole), (systole, diastole.at_systole())):
        x, y = slice_coordinates(anatomy, rng)
        label = draw_label(anatomy, x, y)
        image = draw_image(anatomy, scene, label, coordinates=(x, y), rng=rng)
        for array, suffix in ((image, ""), (label, "_gt")):
            files.append(home / f"{name}_frame{frame:02d}{suffix}.nii.gz")
            _save(array, affine, orientation, files[-1])
    return files


def _info(group: str, systole: int, rng: np.random.Generator) -> str:
    height, weight = rng.integers(155, 195), rng.integers(50, 105)
    return f"ED: 1\nES: {systole}\nGroup: {group}\nHeight: {height}.0\nNbFrame: 30\nWeight: {weight}.0\n"


def _canonical_affine(anatomy: Anatomy, degrees: float, centre: np.ndarray) -> np.ndarray:
    """Affine (4, 4) of the RAS array, turned by ``degrees`` about x and y, with the grid's middle at ``centre`` mm."""
    turn = Rotation.from_euler("xy", [degrees, degrees], degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(anatomy.spacing)
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(anatomy.shape) - 1) / 2)
    return affine


def _save(array: np.ndarray, affine: np.ndarray, orientation: str, file: Path) -> None:
    """Store an RAS array in another axis order, as scanners do: voxels and affine change, the world does not."""
    change = nib.orientations.ornt_transform(nib.io_orientation(np.eye(4)), nib.orientations.axcodes2ornt(orientation))
    image = nib.Nifti1Image(array, affine).as_reoriented(change)
    image.set_sform(image.affine, 1)
    image.set_qform(image.affine, 1)
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, file)
