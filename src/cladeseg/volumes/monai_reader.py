"""The reader that MONAI's transforms use, so that they see what the check saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader
from monai.utils import MetaKeys, SpaceKeys, ensure_tuple

from cladeseg.volumes.dicom import is_dicom_series
from cladeseg.volumes.formats import is_volume_file
from cladeseg.volumes.read import Volume, read_volume


class VolumeReader(ImageReader):
    """Read one file with :func:`~cladeseg.volumes.read_volume`.

    MONAI's own reader changes an affine that contradicts the voxel sizes in the header; ours refuses such a file.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Whether every file is a volume by its name, or a folder with a DICOM series."""
        return all(is_volume_file(str(file)) or is_dicom_series(str(file)) for file in ensure_tuple(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Volume:
        """Read one file.

        Raises:
            DataError: the file cannot be read.
        """
        (file,) = ensure_tuple(data)
        return read_volume(str(file))

    def get_data(self, img: Volume) -> tuple[np.ndarray, dict[str, Any]]:
        """Voxels, and the metadata that MONAI's transforms ask for."""
        affine, voxels = img.grid.affine, img.voxels
        return voxels, {
            MetaKeys.AFFINE: affine.copy(),
            MetaKeys.ORIGINAL_AFFINE: affine.copy(),
            MetaKeys.SPATIAL_SHAPE: np.asarray(voxels.shape[:3]),
            MetaKeys.SPACE: SpaceKeys.RAS,
            MetaKeys.ORIGINAL_CHANNEL_DIM: float("nan") if voxels.ndim == 3 else -1,
        }
