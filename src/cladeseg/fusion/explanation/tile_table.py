"""Attention and effect of every tile as a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cladeseg.files import atomic_write
from cladeseg.fusion.explanation.tile_effects import TileEffects


def write_tile_table(effects: TileEffects, path: Path) -> Path:
    """Write a CSV with the columns tile, x_um, y_um, attention, effect, most attention first.

    Raises:
        DataError: it cannot be written.
    """
    table = pd.DataFrame(
        {
            "tile": effects.bag.names,
            "x_um": effects.bag.positions[:, 0],
            "y_um": effects.bag.positions[:, 1],
            "attention": effects.attention,
            "effect": effects.effect,
        }
    )
    with atomic_write(path) as temporary:
        table.sort_values("attention", ascending=False, kind="stable").to_csv(temporary, index=False)
    return path
