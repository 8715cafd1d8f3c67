"""What four MR sequences show of a phantom brain with a tumour: FLAIR, T1, T1 with contrast agent, and T2."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cladeseg.segmentation.phantoms.brain import Tissue
from cladeseg.segmentation.phantoms.grid import Grid

#: Order of the rows of :data:`CONTRAST`, and of the images.
MODALITIES = ("flair", "t1", "t1ce", "t2")

#: Brightness of each tissue relative to a normal brain, one number for each of :data:`MODALITIES`.
CONTRAST: dict[Tissue, tuple[float, float, float, float]] = {
    Tissue.OUTSIDE: (0.0, 0.0, 0.0, 0.0),
    Tissue.FLUID: (0.25, 0.4, 0.42, 2.2),
    Tissue.GREY: (1.1, 0.84, 0.86, 1.2),
    Tissue.WHITE: (0.93, 1.08, 1.08, 0.88),
    Tissue.DEEP_GREY: (1.05, 0.93, 0.95, 1.05),
    Tissue.OEDEMA: (1.75, 0.93, 0.94, 1.65),
    Tissue.NECROSIS: (1.35, 0.68, 0.6, 2.2),
    Tissue.ENHANCING: (1.5, 0.9, 1.7, 1.55),
    Tissue.SOLID: (1.6, 0.76, 0.78, 1.9),
}
_LARGEST = np.iinfo(np.int16).max


def draw_modalities(grid: Grid, tissues: np.ndarray, *, loudness: float, rng: np.random.Generator) -> list[np.ndarray]:
    """One int16 image (X, Y, Z) for each of :data:`MODALITIES`, 0 outside the brain and at least 1 inside.

    Args:
        grid: in mm of an adult.
        tissues: what each voxel consists of.
        loudness: 0 to 1; over that range the intensities of a normal brain grow a hundredfold.
        rng: of this subject's contrasts, textures, bias fields and noise.
    """
    patterns = [grid.noise(rng, length) for length in (4.0, 7.0)]
    images = []
    for i in range(len(MODALITIES)):
        values = np.array([CONTRAST[tissue][i] for tissue in Tissue]) * rng.uniform(0.95, 1.05, len(Tissue))
        clean = _partial_volumes(values[tissues] * _texture(tissues, patterns), tissues != Tissue.OUTSIDE)
        noise = rng.normal(0.0, rng.uniform(0.025, 0.045), (2, *tissues.shape))
        magnitude = np.hypot(clean * _bias_field(tissues.shape, rng) + noise[0], noise[1])
        gain = 50.0 * 100.0**loudness * rng.uniform(0.75, 1.35)
        intensities = np.clip(np.rint(gain * magnitude), 1, _LARGEST)
        images.append(np.where(tissues == Tissue.OUTSIDE, 0, intensities).astype(np.int16))
    return images


def _texture(tissues: np.ndarray, patterns: list[np.ndarray]) -> np.ndarray:
    """Factor (X, Y, Z); a tumour is patchier than a brain."""
    fine, coarse = patterns
    return 1 + np.where(tissues >= Tissue.OEDEMA, 0.07 * fine + 0.05 * coarse, 0.025 * fine)


def _partial_volumes(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Blur borders between tissues, but not the brain's outer one: what was cut off there adds no darkness."""
    weight = ndimage.gaussian_filter(inside.astype(float), 0.5)
    return ndimage.gaussian_filter(image * inside, 0.5) / np.maximum(weight, 1e-6)


def _bias_field(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    a, b, c, d = rng.uniform(-0.1, 0.1, 4)
    return np.exp(a * x + b * y + c * z + d * (x * x + y * y - z * z))
