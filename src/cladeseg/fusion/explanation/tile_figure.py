"""Attention and effects of tiles, drawn on the slide's thumbnail, or beside loose tiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from cladeseg.files import atomic_write
from cladeseg.fusion.explanation.tile_effects import TileEffects
from cladeseg.fusion.features import ImageSettings
from cladeseg.fusion.slides import patient_images
from cladeseg.fusion.slides.slide import open_slide

_INCHES = 4.2
_LOOSE_SHOWN = 6
_ATTENTION, _EFFECT = "attention", "effect when left out"


def draw_explanation(
    effects: TileEffects, dataset_dir: Path, path: Path, *, settings: ImageSettings, title: str
) -> Path:
    """Write a picture: a row for each slide (thumbnail, attention, effect), then the loose tiles with most attention.

    Args:
        effects: of a patient's tiles.
        dataset_dir: whose slides and tiles they are.
        path: PNG to write.
        settings: those that the tiles were cut with.
        title: what is explained, e.g. the patient and the class.

    Raises:
        DataError: a slide can no longer be read, or the picture not be written.
    """
    images = patient_images(dataset_dir, [effects.bag.patient])[effects.bag.patient]
    slides = {path.name: path for path in images.slides}
    shown = [name for name in slides if _rows(effects, name).any()]
    loose = _loose(effects)
    figure = Figure(
        figsize=(3 * _INCHES, 0.75 * _INCHES * (len(shown) + 0.75 * bool(len(loose))) + 0.5), layout="constrained"
    )
    figure.suptitle(_heading(effects, title), fontsize=11)
    heights = [1.0] * len(shown) + ([0.75] if len(loose) else [])
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, name in zip(parts, shown, strict=False):
        _draw_slide(part.subplots(1, 3), effects, slides[name], settings)
    if len(loose):
        files = {file.name: file for file in images.tiles}
        _draw_loose(parts[-1].subplots(1, _LOOSE_SHOWN), effects, files, loose)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return path


def _heading(effects: TileEffects, title: str) -> str:
    agreement = "" if effects.agreement is None else f"; rank correlation of both {effects.agreement:+.2f}"
    skipped = ", ".join(f"{count} {reason}" for reason, count in effects.bag.skipped.items())
    return f"{title}: {len(effects.bag)} tiles{agreement}" + (f" (skipped: {skipped})" if skipped else "")


def _rows(effects: TileEffects, slide: str) -> np.ndarray:
    return np.array([name.startswith(f"{slide}@") for name in effects.bag.names])


def _loose(effects: TileEffects) -> np.ndarray:
    """Numbers of the loose tiles with most attention, the first one first."""
    loose = np.flatnonzero(np.isnan(effects.bag.positions).any(axis=1))
    return loose[np.argsort(-effects.attention[loose], kind="stable")][:_LOOSE_SHOWN]


def _draw_slide(axes: Sequence[Axes], effects: TileEffects, path: Path, settings: ImageSettings) -> None:
    with open_slide(path, reader=settings.reader, microns_per_pixel=settings.slide_microns_per_pixel) as slide:
        thumbnail = slide.thumbnail(microns_per_pixel=1.0, longest=1024)
        size = slide.width * slide.microns_per_pixel, slide.height * slide.microns_per_pixel
    rows = _rows(effects, path.name)
    edge = settings.tile_size * settings.microns_per_pixel
    for axis in axes:
        axis.imshow(thumbnail, extent=(0, size[0], size[1], 0))
        axis.set_xticks([])
        axis.set_yticks([])
    axes[0].set_title(path.name, fontsize=9)
    _draw_scale_bar(axes[0], size)
    squares = [Rectangle((float(x), float(y)), edge, edge) for x, y in effects.bag.positions[rows]]
    _draw_tiles(axes[1], squares, _attention_colours(effects), effects.attention[rows], title=_ATTENTION)
    _draw_tiles(axes[2], squares, _effect_colours(effects), effects.effect[rows], title=_EFFECT)


def _attention_colours(effects: TileEffects) -> ScalarMappable:
    return ScalarMappable(Normalize(0, max(float(effects.attention.max()), 1e-12)), "viridis")


def _effect_colours(effects: TileEffects) -> ScalarMappable:
    """Red speaks for the class, blue against it, white is none."""
    largest = float(np.nanmax(np.abs(effects.effect))) if np.isfinite(effects.effect).any() else 0.0
    return ScalarMappable(Normalize(-max(largest, 1e-12), max(largest, 1e-12)), "RdBu_r")


def _draw_tiles(
    axis: Axes, squares: Sequence[Rectangle], colours: ScalarMappable, values: np.ndarray, *, title: str
) -> None:
    faces = colours.to_rgba(values)
    axis.add_collection(PatchCollection(squares, facecolors=faces, edgecolors="black", linewidths=0.3, alpha=0.75))
    axis.set_title(title, fontsize=9)
    axis.figure.colorbar(colours, ax=axis, shrink=0.75)


def _draw_scale_bar(axis: Axes, size: tuple[float, float]) -> None:
    length = 10.0 ** np.floor(np.log10(size[0] / 3))
    x, y = 0.05 * size[0], 0.95 * size[1]
    axis.plot([x, x + length], [y, y], color="black", linewidth=3, solid_capstyle="butt")
    axis.text(x, y - 0.02 * size[1], f"{length:g} µm", fontsize=8, va="bottom")


def _draw_loose(axes: Sequence[Axes], effects: TileEffects, files: dict[str, Path], shown: np.ndarray) -> None:
    for axis in axes:
        axis.set_axis_off()
    for axis, number in zip(axes, shown.tolist(), strict=False):
        name = effects.bag.names[number]
        with Image.open(files[name]) as image:
            axis.imshow(np.asarray(image.convert("RGB")))
        figures = f"{_ATTENTION} {effects.attention[number]:.3f}\neffect {effects.effect[number]:+.3f}"
        axis.set_title(f"{name}\n{figures}", fontsize=8)
