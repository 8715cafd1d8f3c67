"""Write a label beside nobody's work: own grid, own affine, whole or not at all."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import SaveImaged

from cladeseg.segmentation.transforms.check_image import file_of
from cladeseg.volumes import case_name, output_ending, output_path, refuse_sources, write_label


class SaveLabeld(SaveImaged):
    """Write each label as ``output_dir/folder/CASE`` with exactly the geometry of the image it belongs to.

    A subclass of MONAI's ``SaveImaged`` only so that tools which remove the writer from a postprocessing chain
    (MONAI Label) find it.  The file is written under another name first, so that a full disk leaves no torn mask.

    Args:
        keys: integer labels (1, x, y, z) on the original grid.
        image_key: the image, for its file and geometry.
        output_dir: folder of the run.
        folder: sub-folder for the masks.
        output_format: see :func:`~cladeseg.volumes.output_ending`; the image's own if ``None``.
        names: integer → name of its structure, for formats that hold names.

    Raises:
        DataError: on call; the label is not on the image's grid, cannot be written, or would be written over the image
            or into another folder.
    """

    def __init__(
        self,
        keys: KeysCollection = "pred",
        *,
        image_key: str = "image",
        output_dir: str | Path = ".",
        folder: str = "predictions",
        output_format: str | None = None,
        names: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(keys, output_dir=str(output_dir), resample=False)
        self.image_key = image_key
        self.folder = Path(output_dir) / folder
        self.output_format = output_format
        self.names = dict(names or {})

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write every key and return ``data`` as it is."""
        out = dict(data)
        source = file_of(out[self.image_key], self.image_key)
        name = str(out.get("case") or case_name(source))
        file = output_path(self.folder, name, output_ending(source, self.output_format))
        refuse_sources([file], [Path(source)])
        for key in self.key_iterator(out):
            write_label(torch.as_tensor(out[key])[0].cpu().numpy(), source, file, names=self.names)
        return out
