"""Load a case's label as a node map, never finer than the case's supervision."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import LoadImage, MapTransform

from cladeseg.files import DataError
from cladeseg.segmentation.transforms.check_image import file_of
from cladeseg.taxonomy import FINE, UNLABELLED, Taxonomy, TaxonomyError
from cladeseg.volumes import VolumeReader, corner_distance

#: What a uint8 node map can tell apart; a larger tree would wrap around in silence.
MAX_NODES = 256


class LoadNodesd(MapTransform):
    """Add the key ``nodes``: a uint8 node map (1, x, y, z) on the image's grid.

    A case with supervision ``unlabelled`` gets the root everywhere and no label file is opened.  A case with coarser
    supervision than ``fine`` gets its leaves collapsed before anyone else sees them.  A case without the key
    ``supervision`` is a fully annotated one if it has a label (as MONAI Label sends them), else an unlabelled one.

    Args:
        taxonomy: the label tree.
        label_convention: file convention of the labels.
        keys: the key of the label's path.
        image_key: the loaded image whose geometry the label must share.
        output_key: where the node map goes.

    Raises:
        TaxonomyError: the tree has more nodes than a uint8 map can hold.
        DataError: on call; the label is missing or unreadable, or its shape or affine is not the image's.
        LabelValueError: on call; the label holds a value that the label convention does not define.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        label_convention: str,
        *,
        keys: str = "label",
        image_key: str = "image",
        output_key: str = "nodes",
    ) -> None:
        super().__init__(keys)
        if taxonomy.num_nodes > MAX_NODES:
            raise TaxonomyError(
                f"taxonomy '{taxonomy.name}' has {taxonomy.num_nodes} nodes; uint8 maps hold {MAX_NODES}"
            )
        self.taxonomy = taxonomy
        self.label_convention = label_convention
        self.image_key = image_key
        self.output_key = output_key
        self._reader = LoadImage(reader=VolumeReader, image_only=True, ensure_channel_first=True, dtype=None)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return ``data`` with the node map in place of the label's path."""
        image: MetaTensor = data[self.image_key]
        path = data.get(self.keys[0])
        supervision = data.get("supervision", UNLABELLED if path is None else FINE)
        out = {k: v for k, v in data.items() if k not in self.keys}
        out["supervision"] = supervision
        out[self.output_key] = (
            self._unknown(image) if supervision == UNLABELLED else self._known(image, path, supervision)
        )
        return out

    def _unknown(self, image: MetaTensor) -> MetaTensor:
        nodes = torch.full((1, *image.shape[1:]), self.taxonomy.root, dtype=torch.uint8)
        return MetaTensor(nodes, affine=image.affine, meta={"filename_or_obj": file_of(image, self.image_key)})

    def _known(self, image: MetaTensor, path: Any, supervision: str) -> MetaTensor:
        label = self._read(image, path, supervision)
        nodes = self.taxonomy.to_nodes(np.asarray(label), self.label_convention, source=str(path))
        collapsed = self.taxonomy.collapse_table(supervision)[torch.from_numpy(nodes.astype(np.int64))]
        return MetaTensor(collapsed.to(torch.uint8), affine=image.affine, meta={"filename_or_obj": str(path)})

    def _read(self, image: MetaTensor, path: Any, supervision: str) -> MetaTensor:
        if path is None:
            raise DataError(f"{file_of(image, self.image_key)}: declared '{supervision}' but has no label file")
        try:
            label = self._reader(path)
        except Exception as error:
            raise DataError(f"{path}: the label cannot be read ({error})") from error
        if label.shape != (1, *image.shape[1:]):
            shapes = f"{tuple(label.shape[1:])}, the image {tuple(image.shape[1:])}"
            raise DataError(f"{path}: the label's shape is {shapes} ({file_of(image, self.image_key)})")
        shift = corner_distance(np.asarray(label.affine), np.asarray(image.affine), image.shape[1:])
        if not shift <= 1.0:  # written so that NaN is refused too
            raise DataError(f"{path}: the label lies up to {shift:.1f} mm off its image")
        return label
