"""NRRD and MetaImage files (.nrrd, .nhdr, .mha, .mhd), read and written by SimpleITK.

ITK's axes are in the same order as ours; its world is LPS, ours RAS; its arrays are (z, y, x, C).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK
from nibabel.affines import voxel_sizes

from cladeseg.files import DataError
from cladeseg.volumes.formats import format_of
from cladeseg.volumes.grid import Grid, without_trailing_ones
from cladeseg.volumes.itk_data import check_itk_header, verify_itk_data

#: Format → ITK's reader, which by itself would not know an ending in capital letters.
_READERS = {"nrrd": "NrrdImageIO", "mha": "MetaImageIO"}
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_NUMBERS = ("UInt8", "Int8", "UInt16", "Int16", "UInt32", "Int32", "UInt64", "Int64", "Float32", "Float64")
#: ITK's kinds of voxels that are numbers → their type; those of several components among them.
_DTYPES = {
    getattr(SimpleITK, f"sitk{many}{name}"): np.dtype(name.lower()) for name in _NUMBERS for many in ("", "Vector")
}


@dataclass(frozen=True)
class ItkGeometry:
    """Where ITK places voxels.

    Attributes:
        origin: of the first voxel's centre in LPS mm (3,).
        spacing: in mm along each axis (3,).
        direction: of the axes, column by column, as the nine numbers of the matrix row by row.
    """

    origin: tuple[float, ...]
    spacing: tuple[float, ...]
    direction: tuple[float, ...]

    @property
    def affine(self) -> np.ndarray:
        """float64 (4, 4), voxel indices to RAS mm."""
        affine = np.eye(4)
        affine[:3, :3] = np.reshape(self.direction, (3, 3)) * self.spacing
        affine[:3, 3] = self.origin
        return LPS_TO_RAS @ affine

    @classmethod
    def of_affine(cls, affine: np.ndarray) -> ItkGeometry:
        """The geometry that an affine to RAS mm describes."""
        spacing = voxel_sizes(affine)
        lps = LPS_TO_RAS @ affine
        direction = tuple((lps[:3, :3] / spacing).ravel().tolist())
        return cls(tuple(lps[:3, 3].tolist()), tuple(spacing.tolist()), direction)


def itk_grid(path: Path) -> Grid:
    """Read a file's header.

    Raises:
        DataError: it describes complex numbers, or is no image of at least two axes.
    """
    check_itk_header(path)
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO(_READERS[format_of(path) or ""])
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    dtype = _DTYPES.get(reader.GetPixelID())
    if dtype is None:
        raise DataError(f"{path}: holds complex numbers or labels of objects where one number per voxel is needed")
    size, axes = reader.GetSize(), reader.GetDimension()
    shape = without_trailing_ones((*size, reader.GetNumberOfComponents()) if axes >= 3 else size)
    if axes < 3:
        return Grid(path, shape, np.eye(4), dtype)
    direction = np.reshape(reader.GetDirection(), (axes, axes))[:3, :3].ravel().tolist()
    geometry = ItkGeometry(reader.GetOrigin()[:3], reader.GetSpacing()[:3], tuple(direction))
    return Grid(path, shape, geometry.affine, dtype, geometry)


def itk_voxels(grid: Grid) -> np.ndarray:
    """Voxels of the grid's shape.

    Raises:
        DataError: the file is incomplete, or its packed voxels are damaged.
    """
    verify_itk_data(grid)
    image = SimpleITK.ReadImage(str(grid.path), imageIO=_READERS[format_of(grid.path) or ""])
    array = SimpleITK.GetArrayFromImage(image)
    axes = image.GetDimension()
    array = array.transpose(*reversed(range(axes)), *range(axes, array.ndim))
    return array.squeeze(tuple(axis for axis in range(3, array.ndim) if array.shape[axis] == 1))


def itk_image(voxels: np.ndarray, geometry: ItkGeometry) -> SimpleITK.Image:
    """An ITK image of (x, y, z) or (x, y, z, C) voxels; channels become the components of a voxel."""
    order = (2, 1, 0, 3)[: voxels.ndim]
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(voxels.transpose(order)), isVector=voxels.ndim == 4)
    image.SetOrigin(geometry.origin)
    image.SetSpacing(geometry.spacing)
    image.SetDirection(geometry.direction)
    return image
