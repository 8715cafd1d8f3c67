"""Phantoms: pictures of parametric shapes with spots, one folder of seen kinds and one of unseen kinds, by seed."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from cladeseg.files import atomic_write

_SIDE = 96


@dataclass(frozen=True)
class Kind:
    """What the objects of one class have in common.

    Attributes:
        lobes: bulges of the outline.
        depth: of the bulges, as a share of the radius.
        stretch: long axis over short axis.
        spots: number of spots in each channel.
        ring: distance of each channel's spots to the centre, as a share of the radius.
        grain: size of the texture in pixels.
        contrast: of the texture.
    """

    lobes: int
    depth: float
    stretch: float
    spots: tuple[int, int, int]
    ring: tuple[float, float, float]
    grain: float
    contrast: float


def draw_kind(rng: np.random.Generator) -> Kind:
    """A kind with parameters of its own."""
    return Kind(
        lobes=int(rng.integers(2, 8)),
        depth=float(rng.uniform(0.0, 0.22)),
        stretch=float(rng.uniform(1.0, 1.9)),
        spots=tuple(int(n) for n in rng.integers(3, 22, 3)),  # type: ignore[arg-type]
        ring=tuple(float(r) for r in rng.uniform(0.15, 0.85, 3)),  # type: ignore[arg-type]
        grain=float(rng.uniform(0.8, 4.0)),
        contrast=float(rng.uniform(0.02, 0.12)),
    )


def phantom_picture(kind: Kind, rng: np.random.Generator, side: int = _SIDE) -> np.ndarray:
    """One object of a kind, turned at random, on a dark noisy background; uint8 (side, side, 3)."""
    turn, size = rng.uniform(0, 2 * np.pi), side * rng.uniform(0.26, 0.33)
    rows, columns = (np.mgrid[:side, :side] - (side - 1) / 2 - rng.uniform(-3, 3, 2)[:, None, None]) / size
    x, y = np.cos(turn) * columns + np.sin(turn) * rows, -np.sin(turn) * columns + np.cos(turn) * rows
    stretch = np.sqrt(kind.stretch * rng.uniform(0.94, 1.06))
    x, y = x / stretch, y * stretch
    outline = 1 + kind.depth * np.cos(kind.lobes * np.arctan2(y, x))
    inside = gaussian_filter((np.hypot(x, y) < outline).astype(float), 1.0)
    texture = gaussian_filter(rng.normal(size=(side, side)), kind.grain)
    texture *= kind.contrast / max(texture.std(), 1e-6)
    channels = [inside * (0.25 + texture + _spots(kind, channel, x, y, rng)) for channel in range(3)]
    picture = np.stack(channels, axis=2) + 0.06 + rng.normal(size=(side, side, 3)) * 0.012
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _spots(kind: Kind, channel: int, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    count = max(1, kind.spots[channel] + int(rng.integers(-1, 2)))
    angles = np.arange(count) * 2 * np.pi / count + rng.normal(0, 0.12, count)
    radii = np.clip(kind.ring[channel] + rng.normal(0, 0.05, count), 0, 0.95)
    radii = radii * (1 + kind.depth * np.cos(kind.lobes * angles))
    heights = rng.uniform(0.35, 0.6, count)
    total = np.zeros_like(x)
    for angle, radius, height in zip(angles, radii, heights, strict=True):
        distance = (x - radius * np.cos(angle)) ** 2 + (y - radius * np.sin(angle)) ** 2
        total += height * np.exp(-distance / (2 * 0.06**2))
    return total


def write_phantoms(
    folder: str | Path, *, seen: int = 8, unseen: int = 3, each: int = 12, seed: int = 0, side: int = _SIDE
) -> tuple[Path, Path]:
    """Write two data sets with ``labels.csv``: kinds to train on, and kinds that no training sees.

    Args:
        folder: gets ``seen`` and ``unseen``.
        seen: kinds to train on.
        unseen: further kinds.
        each: objects of a kind.
        seed: of everything.
        side: pixels of a picture's side.

    Returns:
        The two folders.
    """
    rng = np.random.default_rng(seed)
    kinds = [draw_kind(rng) for _ in range(seen + unseen)]
    parts = {"seen": kinds[:seen], "unseen": kinds[seen:]}
    for at, (name, members) in enumerate(parts.items()):
        _write_part(Path(folder) / name, members, first=1 + at * seen, each=each, rng=rng, side=side)
    return Path(folder) / "seen", Path(folder) / "unseen"


def _write_part(folder: Path, kinds: list[Kind], *, first: int, each: int, rng: np.random.Generator, side: int) -> None:
    rows = []
    for number, kind in enumerate(kinds, first):
        for one in range(each):
            name = f"{100 * number + one}"
            with atomic_write(folder / f"{name}.png") as temporary:
                Image.fromarray(phantom_picture(kind, rng, side)).save(temporary)
            rows.append((name, f"kind{number}"))
    with atomic_write(folder / "labels.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "class"), *rows])
