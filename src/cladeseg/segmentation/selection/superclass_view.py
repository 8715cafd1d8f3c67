"""What a selection may see of a case: its image, and its label with nothing finer than the superclass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose

from cladeseg.files import DataError
from cladeseg.segmentation.metrics import inside
from cladeseg.segmentation.transforms import CheckImaged, LoadModalitiesd, LoadNodesd, OrientAxesd
from cladeseg.segmentation.transforms.preprocessing import INTENSITY
from cladeseg.taxonomy import FINE, UNLABELLED, Taxonomy


@dataclass(frozen=True)
class SuperclassView:
    """One case without anything finer than its superclass.

    Attributes:
        image: float32 (C, x, y, z), normalised per volume, in the order RAS.
        nodes: uint8 (x, y, z), the collapsed node map.
        inside: bool (x, y, z), the superclass.
        affine: (4, 4), voxel indices to mm in RAS.
    """

    image: np.ndarray
    nodes: np.ndarray
    inside: np.ndarray
    affine: np.ndarray


class SuperclassLoader:
    """Callable ``case → SuperclassView``; the label is collapsed on load, so nobody here meets a leaf.

    Args:
        taxonomy: the tree of the labels.
        label_convention: file convention of the labels.
        superclass: the outline to keep, names joined by ``+``; their union is ``inside``.
        intensity: kind of normalisation, see :func:`cladeseg.segmentation.transforms.preprocessing`.

    Raises:
        ValueError: no such kind of intensity.
        TaxonomyError: the superclass names no node, or the tree has no such label convention.
    """

    def __init__(
        self, taxonomy: Taxonomy, *, label_convention: str, superclass: str, intensity: str = "percentiles"
    ) -> None:
        if intensity not in INTENSITY:
            raise ValueError(f"intensity: '{intensity}' is unknown; known are {', '.join(INTENSITY)}")
        taxonomy.values(label_convention)
        self.taxonomy = taxonomy
        self.label_convention = label_convention
        self.superclass = superclass
        self.outlined = [taxonomy.index(name) for name in superclass.split("+")]
        keys = ["image", "nodes"]
        self.chain = Compose(
            [
                LoadModalitiesd("image", allow_missing=True),
                CheckImaged("image", channels=None),
                LoadNodesd(taxonomy, label_convention),
                OrientAxesd(keys),
                *INTENSITY[intensity](keys),
            ]
        )

    def __call__(self, case: Mapping[str, Any]) -> SuperclassView:
        """Load a case.

        Args:
            case: ``image`` and ``label`` with absolute paths.

        Raises:
            DataError: a file cannot be used; the message starts with its path.
            LabelValueError: the label holds a value that the label convention does not define.
        """
        item: Any = {"image": case["image"], "label": case["label"], "supervision": self.superclass}
        for transform in self.chain.transforms:  # one by one: Compose would wrap our errors in its own
            item = transform(item)
        nodes = item["nodes"].as_tensor()[0].to(torch.uint8).numpy()
        mask = np.logical_or.reduce([inside(nodes, v, self.taxonomy) for v in self.outlined])
        affine = np.asarray(torch.as_tensor(item["image"].affine), dtype=np.float64)
        return SuperclassView(item["image"].as_tensor().float().numpy(), nodes, mask, affine)


def resolve_superclass(superclass: str | None, taxonomy: Taxonomy) -> str:
    """The named superclass, or the tree's coarsest outline if none is named.

    Raises:
        DataError: the tree has no superclass, or the name is ``fine`` or ``unlabelled``, which outline nothing.
        TaxonomyError: it names no node of the tree.
    """
    chosen = superclass or taxonomy.default_superclasses
    if not chosen:
        raise DataError(f"superclass: taxonomy '{taxonomy.name}' has none, so there is no outline to choose by")
    if chosen in (FINE, UNLABELLED):
        raise DataError(f"superclass: '{chosen}' is not an outline; name nodes of '{taxonomy.name}'")
    taxonomy.collapse_table(chosen)
    return chosen
