"""Where a phantom lies: voxel grid, coordinates in mm, affine, and the axis order in which it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from cladeseg.files import atomic_write

#: Orientation of the stored array and rotation (degrees about two axes) of the patient, one row after the other.
_STORAGE: dict[str, tuple[tuple[str, float], ...]] = {
    "ras": (("RAS", 0.0),),
    "varied": (("RAS", 0.0), ("LPS", 0.0), ("RAS", 20.0), ("ARI", 0.0), ("LPS", -20.0)),
}


@dataclass(frozen=True)
class Grid:
    """A canonical RAS grid.

    Attributes:
        shape: voxels (x, y, z).
        spacing: voxel size in mm.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]

    @property
    def extent(self) -> np.ndarray:
        """Size in mm, (3,)."""
        return np.asarray(self.shape) * np.asarray(self.spacing)

    def coordinates(self) -> np.ndarray:
        """Position of each voxel in mm from the grid's middle, (3, X, Y, Z)."""
        axes = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(self.shape, self.spacing, strict=True)]
        return np.stack(np.meshgrid(*axes, indexing="ij"))

    def noise(self, rng: np.random.Generator, length: float) -> np.ndarray:
        """Noise (X, Y, Z) of unit variance that is smooth over ``length`` mm."""
        sigma = [length / step for step in self.spacing]
        noise = ndimage.gaussian_filter(rng.standard_normal(self.shape), sigma)
        return noise / noise.std()

    def affine(self, degrees: float, centre: Sequence[float] | np.ndarray) -> np.ndarray:
        """Affine (4, 4) of the RAS array, turned by ``degrees`` about x and y, the middle at ``centre`` mm."""
        turn = Rotation.from_euler("xy", [degrees, degrees], degrees=True).as_matrix()
        affine = np.eye(4)
        affine[:3, :3] = turn @ np.diag(self.spacing)
        affine[:3, 3] = np.asarray(centre) - affine[:3, :3] @ ((np.array(self.shape) - 1) / 2)
        return affine


def grid_recipe(
    shape: Sequence[int], spacing: Sequence[float], affines: str, *, smallest: Sequence[int]
) -> dict[str, Any]:
    """The grid's part of a recipe as JSON holds it; see :func:`~cladeseg.segmentation.phantoms.folder.fill_folder`.

    Raises:
        ValueError: no phantom fits into it; the message names the argument.
    """
    if len(shape) != 3 or any(n < least for n, least in zip(shape, smallest, strict=True)):
        raise ValueError(f"shape: three numbers of at least {tuple(smallest)}, not {tuple(shape)}")
    if len(spacing) != 3 or min(spacing) <= 0:
        raise ValueError(f"spacing: three positive lengths in mm, not {tuple(spacing)}")
    if affines not in _STORAGE:
        raise ValueError(f"affines: one of {', '.join(_STORAGE)}, not '{affines}'")
    return {"shape": [int(n) for n in shape], "spacing": [float(s) for s in spacing], "affines": affines}


def storage(affines: str, index: int) -> tuple[str, float]:
    """Orientation and rotation in degrees of the phantom number ``index``; the choices of ``affines`` take turns."""
    choices = _STORAGE[affines]
    return choices[index % len(choices)]


def save_volume(array: np.ndarray, affine: np.ndarray, orientation: str | None, file: Path) -> Path:
    """Store an RAS array in another axis order, as scanners do: voxels and affine change, the world does not.

    With ``orientation=None`` the array is stored as it is.  A file that is there already is left as it is.  Returns
    ``file``.
    """
    if file.is_file():
        return file
    image = nib.Nifti1Image(array, affine)
    if orientation is not None:
        ras, wanted = nib.io_orientation(np.eye(4)), nib.orientations.axcodes2ornt(orientation)
        image = image.as_reoriented(nib.orientations.ornt_transform(ras, wanted))
    image.set_sform(image.affine, 1)
    image.set_qform(image.affine, 1)
    image.header.set_xyzt_units("mm", "sec")
    with atomic_write(file) as temporary:
        nib.save(image, temporary)
    return file
