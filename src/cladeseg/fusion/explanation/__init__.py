"""Where a model looks in a slide and among genes, and what tiles do to the prediction."""

from cladeseg.fusion.explanation.map_figure import draw_attention_maps
from cladeseg.fusion.explanation.tile_effects import TileEffects, tile_effects
from cladeseg.fusion.explanation.tile_figure import draw_explanation
from cladeseg.fusion.explanation.tile_table import write_tile_table

__all__ = ["TileEffects", "draw_attention_maps", "draw_explanation", "tile_effects", "write_tile_table"]
