"""Both attention maps of a patient: what each tile reads of the genes, and where each group of genes looks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cladeseg.files import atomic_write

_SHOWN_TILES, _NAME_LENGTH = 24, 28


def draw_attention_maps(
    tiles_over_groups: np.ndarray, groups_over_tiles: np.ndarray, groups: Sequence[str], path: Path, *, title: str
) -> Path:
    """Write a picture with both maps side by side; of many tiles those that groups look at most.

    Args:
        tiles_over_groups: (N, K), each row adds to at most 1.
        groups_over_tiles: (K, N), likewise.
        groups: K names.
        path: PNG to write.
        title: what is shown.

    Raises:
        DataError: the picture cannot be written.
    """
    shown = np.sort(np.argsort(-groups_over_tiles.sum(axis=0), kind="stable")[:_SHOWN_TILES])
    figure = Figure(figsize=(12, 1.2 + 0.26 * len(groups)), layout="constrained")
    figure.suptitle(title, fontsize=11)
    left, right = figure.subplots(1, 2)
    _draw(left, tiles_over_groups[shown].T, groups, shown, "what tiles read of the genes")
    _draw(right, groups_over_tiles[:, shown], groups, shown, "where groups of genes look")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=100, format="png")
    return path


def _draw(axis: Axes, weights: np.ndarray, groups: Sequence[str], tiles: np.ndarray, title: str) -> None:
    """Groups downwards, tiles across."""
    image = axis.imshow(weights, vmin=0, vmax=max(float(weights.max()), 1e-9), cmap="viridis", aspect="auto")
    axis.set_yticks(range(len(groups)), [name[:_NAME_LENGTH] for name in groups], fontsize=7)
    axis.set_xticks(range(len(tiles)), [str(number) for number in tiles], fontsize=7)
    axis.set_xlabel("tile", fontsize=8)
    axis.set_title(title, fontsize=9)
    axis.figure.colorbar(image, ax=axis, shrink=0.8)
