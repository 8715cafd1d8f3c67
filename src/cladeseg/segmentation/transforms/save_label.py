"""Write a label beside nobody's work: own grid, own affine, whole or not at all."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import SaveImaged

from cladeseg.files import DataError, atomic_write
from cladeseg.segmentation.transforms.check_image import file_of
from cladeseg.segmentation.transforms.geometry import volume_like


class SaveLabeld(SaveImaged):
    """Write each label as ``output_dir/folder/CASE.nii.gz`` with exactly the geometry of the image it belongs to.

    A subclass of MONAI's ``SaveImaged`` only so that tools which remove the writer from a postprocessing chain
    (MONAI Label) find it.  The file is written under another name first, so that a full disk leaves no torn mask.

    Args:
        keys: integer labels (1, x, y, z) on the original grid.
        image_key: the image, for its file and geometry.
        output_dir: folder of the run.
        folder: sub-folder for the masks.

    Raises:
        DataError: on call; the label is not on the image's grid, or cannot be written.
    """

    def __init__(
        self,
        keys: KeysCollection = "pred",
        *,
        image_key: str = "image",
        output_dir: str | Path = ".",
        folder: str = "predictions",
    ) -> None:
        super().__init__(keys, output_dir=str(output_dir), resample=False)
        self.image_key = image_key
        self.folder = Path(output_dir) / folder

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write every key and return ``data`` as it is."""
        out = dict(data)
        source = file_of(out[self.image_key], self.image_key)
        name = str(out.get("case") or case_name(source))
        for key in self.key_iterator(out):
            write_label(torch.as_tensor(out[key])[0].cpu().numpy(), source, self.folder / f"{name}.nii.gz")
        return out


def write_label(label: np.ndarray, image_file: str | Path | Sequence[str | Path | None], path: Path) -> None:
    """Write integers (x, y, z) as NIfTI with the spatial shape, sform and qform of an image.

    Args:
        label: the integers.
        image_file: the image's file, 3D or 4D, or one per channel, of which the first that is there gives the geometry.
        path: where to.

    Raises:
        DataError: there is no image file, the shapes differ, or the file cannot be written.
    """
    listed = [image_file] if isinstance(image_file, str | Path) else image_file
    source = next((file for file in listed if file is not None), None)
    if source is None:
        raise DataError(f"{path}: none of the image's channels has a file to take the geometry from")
    image = nib.load(source)
    if label.shape != image.shape[:3]:
        raise DataError(f"{source}: the label's shape {label.shape} is not the image's {image.shape[:3]}")
    volume = volume_like(label, image)
    if isinstance(image.header, nib.Nifti1Header):
        volume.header["pixdim"] = image.header[
            "pixdim"
        ]  # the entries beyond space too: the mask keeps them as they are
    with atomic_write(path) as temporary:
        nib.save(volume, temporary)


def case_name(file: str | Path) -> str:
    """Name of an image file without folder and NIfTI ending."""
    return Path(file).name.removesuffix(".gz").removesuffix(".nii")
