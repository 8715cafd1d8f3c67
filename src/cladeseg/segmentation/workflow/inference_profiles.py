"""How thorough inference is: fast, balanced or best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monai.inferers import Inferer

from cladeseg.files import check_choice
from cladeseg.segmentation.inferers import CoarseToFineInferer
from cladeseg.segmentation.workflow.two_passes import inferer_for
from cladeseg.taxonomy import Taxonomy


@dataclass(frozen=True)
class InferenceProfile:
    """What a profile changes.

    Attributes:
        overlap: factor on the overlap of windows.
        options: of :class:`~cladeseg.segmentation.inferers.CoarseToFineInferer`, besides the window and the tree;
            ``None`` where weights of one pass search the whole volume.
    """

    overlap: float = 1.0
    options: Mapping[str, float] | None = None


#: Weights of two passes are coarse-to-fine under each of them.
PROFILES = {
    "fast": InferenceProfile(0.5, {"max_ratio": 4.0, "margin": 0.0625}),
    "balanced": InferenceProfile(1.0, {"max_ratio": 3.0, "margin": 0.125}),
    "best": InferenceProfile(),
}


def profiled_inferer(
    profile: str,
    taxonomy: Taxonomy | None,
    *,
    first_pass: Mapping[str, Any] | None,
    patch_size: Sequence[int],
    overlap: float = 0.25,
) -> Inferer:
    """The inferer of weights under a profile.

    Args:
        profile: ``"fast"``, ``"balanced"`` or ``"best"``.
        taxonomy: the label tree, which coarse-to-fine inference with one pass needs.
        first_pass: description of the first pass; ``None`` with one pass.
        patch_size: voxels of the window of the second, or only, pass.
        overlap: share of a window that the next one covers again, before the profile changes it.

    Raises:
        ValueError: no such profile; or it needs the tree and there is none.
    """
    check_choice("profile", profile, tuple(PROFILES))
    chosen = PROFILES[profile]
    if first_pass is not None or chosen.options is None:
        return inferer_for(first_pass, patch_size=patch_size, overlap=overlap * chosen.overlap)
    if taxonomy is None:
        raise ValueError(f'profile: \'{profile}\' needs the label tree; add "taxonomy": "@taxonomy" to the inferer')
    return CoarseToFineInferer(patch_size, taxonomy, overlap=overlap * chosen.overlap, **chosen.options)
