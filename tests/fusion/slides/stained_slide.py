"""Small slides with nuclei in a pink ground, made of known stains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from scipy.ndimage import gaussian_filter

HAEMATOXYLIN = np.array([0.65, 0.70, 0.29])
EOSIN = np.array([0.25, 0.85, 0.46])


def stained(shape: tuple[int, int], *, seed: int = 0, nuclei: float = 1.2, eosin: float = 0.9) -> np.ndarray:
    """(H, W, 3) uint8: every pixel holds some eosin, one in five haematoxylin."""
    generator = np.random.default_rng(seed)
    noise = gaussian_filter(generator.normal(size=shape), 2)
    dark = (noise > np.quantile(noise, 0.8)) * nuclei
    pink = eosin * (0.6 + 0.4 * generator.random(shape))
    absorbance = dark[..., None] * HAEMATOXYLIN + pink[..., None] * EOSIN
    return np.clip(240 * np.exp(-absorbance), 0, 255).astype(np.uint8)


def glass(shape: tuple[int, int]) -> np.ndarray:
    return np.full((*shape, 3), 243, np.uint8)


def slide_with_tissue() -> np.ndarray:
    """1024 × 768 pixels: tissue on the left half, glass on the right."""
    image = glass((768, 1024))
    image[:, :512] = stained((768, 512))
    return image


def write_slide(path: Path, image: np.ndarray, *, microns: float | None = 0.5, levels: int = 3) -> Path:
    """A tiled pyramid whose levels are pages, as scanners write them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path) as file:
        for level in range(levels):
            step = 2**level
            shown = image[::step, ::step]
            extra = (
                {} if microns is None else {"resolution": (1e4 / microns / step,) * 2, "resolutionunit": "CENTIMETER"}
            )
            kind = {} if level == 0 else {"subfiletype": 1}
            file.write(shown, tile=(128, 128), photometric="rgb", **extra, **kind)
    return path
