"""What a training and its inference need for two passes, from the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai.inferers import Inferer
from monai.transforms import Compose

from cladeseg.segmentation.inferers import BoxInferer, TwoPassInferer, sliding_window
from cladeseg.segmentation.transforms import AddOverviewd, RandomForegroundCrop, RegionBoxes, TwoViews
from cladeseg.segmentation.workflow.settings import TrainingSettings
from cladeseg.taxonomy import Taxonomy, top_level


def inferer_options(settings: TrainingSettings) -> dict[str, Any]:
    """Arguments of :class:`~cladeseg.segmentation.inferers.TwoPassInferer` besides the second pass's window."""
    first = settings.first_pass
    return {
        "first_patch_size": list(first.patch_size),
        "ratios": list(ratios(settings)),
        "margin": list(in_voxels(first.margin_mm, settings)),
        "threshold": first.threshold,
        "min_confidence": first.min_confidence,
        "min_share": first.min_share,
        "nonzero": settings.data.intensity == "brain",
    }


def ratios(settings: TrainingSettings) -> tuple[float, ...]:
    """Voxel size of the first pass over that of the second, along each axis; 1 along slices that keep their own."""
    pairs = zip(settings.first_pass.spacing, settings.data.spacing, settings.data.target_spacing, strict=True)
    return tuple(max(1.0, coarse / fine) if kept > 0 else 1.0 for coarse, fine, kept in pairs)


def in_voxels(millimetres: float, settings: TrainingSettings) -> tuple[float, ...]:
    """A distance on the second pass's grid; slices that keep their own distance count as the settings say."""
    return tuple(round(millimetres / mm, 3) for mm in settings.data.spacing)


def with_overview(load: Any, taxonomy: Taxonomy, settings: TrainingSettings) -> Any:
    """``load``, followed by the first pass's view of the case if there is a first pass."""
    if not settings.first_pass.enabled:
        return load
    boxes = RegionBoxes(
        margin=in_voxels(settings.first_pass.margin_mm, settings),
        least=settings.data.patch_size,
        min_share=settings.first_pass.min_share,
    )
    return Compose([load, AddOverviewd(taxonomy, ratios=ratios(settings), boxes=boxes)])


def training_patch(taxonomy: Taxonomy, settings: TrainingSettings) -> RandomForegroundCrop | TwoViews:
    """What takes a sample from a case: a patch of it, or one for each pass."""
    s, first = settings, settings.first_pass
    chance = s.batch.foreground_probability
    crop = RandomForegroundCrop(
        taxonomy,
        size=s.data.patch_size,
        foreground_probability=chance,
        zero_is_outside=s.data.intensity == "brain",
    )
    if not first.enabled:
        return crop
    return TwoViews(
        crop,
        RandomForegroundCrop(top_level(taxonomy), size=first.patch_size, foreground_probability=chance),
        least=s.data.patch_size,
        jitter=in_voxels(first.jitter_mm, s),
        whole_volume=first.whole_volume,
        nonzero=s.data.intensity == "brain",
    )


def box_inferer(settings: TrainingSettings) -> Inferer:
    """What predicts a box that is known to hold a structure, as the only pass or the second one does."""
    size = settings.data.patch_size
    if not settings.first_pass.enabled:
        return sliding_window(size)
    return BoxInferer(size, nonzero=settings.data.intensity == "brain")


def inferer_for(first_pass: Mapping[str, Any] | None, *, patch_size: Sequence[int], overlap: float = 0.25) -> Inferer:
    """The inferer that belongs to weights of one or two passes.

    Args:
        first_pass: description of the first pass; ``None`` with one pass.
        patch_size: voxels of the window of the second, or only, pass.
        overlap: share of a window that the next one covers again.
    """
    if first_pass is None:
        return sliding_window(patch_size, overlap)
    options = {name: value for name, value in first_pass.items() if name != "network"}
    return TwoPassInferer(patch_size=patch_size, overlap=overlap, **options)
