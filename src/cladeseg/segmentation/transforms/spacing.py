"""MONAI's ``Spacingd`` that filters images before it makes them coarser, and leaves strings beside them alone."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, MutableMapping
from typing import Any

import monai.transforms
from monai.data import MetaTensor

from cladeseg.segmentation.transforms.low_pass import low_pass


class Spacingd(monai.transforms.Spacingd):
    """:class:`monai.transforms.Spacingd` with a low-pass filter, for items with keys that begin with an image key.

    Upstream's looks at the neighbours of each new voxel's centre alone, so that an image of 1 mm resampled to 4 mm is
    full of aliasing.  Here images are blurred before, see :func:`~cladeseg.segmentation.transforms.low_pass`; labels
    (mode ``"nearest"``) never are.  The way back is upstream's.

    MONAI 1.6 updates every entry whose key starts with ``image_`` as if it were a metadata dictionary, and fails on
    the string ``image_path`` that MONAI Label adds.  Such entries are hidden during the call.  Arguments as upstream.
    """

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        """Resample every key to the target spacing."""
        hidden = {k: v for k, v in data.items() if self._is_foreign(k, v)}
        shown = {k: v for k, v in data.items() if k not in hidden}
        for key, mode in self.key_iterator(shown, self.mode):
            if mode != "nearest":
                shown[key] = self._filtered(shown[key])
        return {**super().__call__(shown, lazy), **hidden}

    def _filtered(self, image: MetaTensor) -> MetaTensor:
        target = self.spacing_transform.pixdim
        ratios = [new / float(old) if new > 0 else 1.0 for new, old in zip(target, image.pixdim, strict=True)]
        blurred = low_pass(image, ratios)
        # The record of earlier transforms must survive: the way back reads it.
        return image if blurred is image else MetaTensor(blurred).copy_meta_from(image)

    def _is_foreign(self, key: Hashable, value: Any) -> bool:
        named_like_metadata = any(str(key).startswith(f"{own}_") for own in self.keys)
        return named_like_metadata and not isinstance(value, MutableMapping)
