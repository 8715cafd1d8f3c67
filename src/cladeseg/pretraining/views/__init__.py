"""Views of a case: overlapping crops with random modalities, intensities and masked blocks."""

from cladeseg.pretraining.views.block_mask import block_mask
from cladeseg.pretraining.views.make_views import MakeViews, Views, region_size
from cladeseg.pretraining.views.modalities import draw_modalities, present_modalities
from cladeseg.pretraining.views.overlap import crop_views, draw_places, draw_starts, values_at

__all__ = [
    "MakeViews",
    "Views",
    "block_mask",
    "crop_views",
    "draw_modalities",
    "draw_places",
    "draw_starts",
    "present_modalities",
    "region_size",
    "values_at",
]
