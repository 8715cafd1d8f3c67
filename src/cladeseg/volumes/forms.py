"""Whether the two affines of a NIfTI header place a volume alike."""

from __future__ import annotations

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from cladeseg.volumes.grid import Grid, corner_distance

#: Distance of corner voxels in mm above which the two affines are said to differ.
ALIKE_MM = 1.0


def form_difference(grid: Grid) -> str | None:
    """What is to be said of a volume whose sform and qform lead to different places; the sform is what is used.

    Args:
        grid: of a file.

    Returns:
        The difference without the file's name; ``None`` for two forms that agree, for a single one, and for a header
        that knows no such forms.

    Example:
        >>> from pathlib import Path
        >>> image = nib.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.eye(4))
        >>> image.set_qform(np.diag([1, 1, 1, 1]) + np.diag([5], 3), 1)
        >>> image.set_sform(np.eye(4), 1, update_affine=False)
        >>> form_difference(Grid(Path("a.nii"), image.shape, image.affine, np.dtype("u1"), image.header))
        'its qform places it up to 5.0 mm from where its sform does; the sform is used'
    """
    header = grid.header
    if not isinstance(header, nib.Nifti1Header) or min(int(header["sform_code"]), int(header["qform_code"])) <= 0:
        return None
    try:
        qform = header.get_qform()
    except (ValueError, HeaderDataError) as error:
        return f"its qform cannot be read ({error}); the sform is used"
    distance = corner_distance(header.get_sform(), qform, grid.shape[:3])
    if np.isfinite(distance) and distance <= ALIKE_MM:
        return None
    return f"its qform places it up to {distance:.1f} mm from where its sform does; the sform is used"
