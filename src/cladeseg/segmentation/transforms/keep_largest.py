"""One organ is one piece: a superclass keeps its largest component, and the rest becomes what lies outside."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import KeepLargestConnectedComponent, MapTransform
from torch import Tensor

from cladeseg.segmentation.transforms.to_label import most_probable
from cladeseg.taxonomy import Taxonomy, TaxonomyError

#: What switches every region off where a name is expected.
NONE = "none"


class KeepLargestRegiond(MapTransform):
    """Take p(leaf) away from a superclass wherever its label lies outside its largest component.

    The union of the superclass's leaves is one region; voxels count as connected across faces, edges and corners.
    Outside the largest component the most probable leaf that does not belong to the superclass is left, which need not
    be the background: a speck of myocardium inside a lung becomes lung.  Where every other leaf has p = 0, it is the
    background.  Not for what may be several, as lesions are.

    Args:
        taxonomy: the label tree.
        regions: names of superclasses, done in turn.
        keys: p(leaf) (L, x, y, z), not its logarithm, on the image's own grid; written into.

    Raises:
        TaxonomyError: a name is none of the tree's superclasses.
    """

    def __init__(self, taxonomy: Taxonomy, regions: Sequence[str], keys: KeysCollection = "pred") -> None:
        super().__init__(keys)
        check_regions(taxonomy, regions)
        self.leaves = [list(taxonomy.leaves(taxonomy.index(name))) for name in regions]
        self._keep = KeepLargestConnectedComponent(is_onehot=False)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Clean every key."""
        out = dict(data)
        for key in self.key_iterator(out):
            scores = out[key].as_tensor() if isinstance(out[key], MetaTensor) else out[key]
            for leaves in self.leaves:
                self._clean(scores, leaves)
        return out

    def _clean(self, scores: Tensor, leaves: Sequence[int]) -> None:
        label = most_probable(scores)[None]
        inside = torch.isin(label, torch.tensor(leaves, device=label.device))
        # MONAI's transform writes into what it is given.
        apart = inside & (torch.as_tensor(self._keep(inside.to(torch.uint8))) == 0)
        for leaf in leaves:
            scores[leaf].masked_fill_(apart[0], 0)


def check_regions(taxonomy: Taxonomy, regions: Sequence[str]) -> None:
    """Refuse names of regions that are no superclasses.

    Raises:
        TaxonomyError: the message gives the tree's superclasses.
    """
    superclasses = [taxonomy.names[v] for v in taxonomy.superclasses]
    for name in regions:
        if name not in superclasses:
            raise TaxonomyError(
                f"keep_largest: '{name}' is no superclass of taxonomy '{taxonomy.name}'; "
                f"they are {', '.join(superclasses) or 'none'}"
            )


def region_names(regions: str | Sequence[str] | None) -> tuple[str, ...]:
    """Names as a command line gives them, with commas between them; none for ``"none"``.

    Example:
        >>> region_names("heart, liver"), region_names(["heart"]), region_names("none")
        (('heart', 'liver'), ('heart',), ())
    """
    if isinstance(regions, str):
        regions = [] if regions == NONE else [name.strip() for name in regions.split(",") if name.strip()]
    return tuple(regions or ())
