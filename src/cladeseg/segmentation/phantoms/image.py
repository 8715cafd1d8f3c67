"""What a scanner would show of a phantom heart: torso, blood, muscle, distractors, bias field and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cladeseg.segmentation.phantoms.heart import (
    LEFT_VENTRICLE,
    MYOCARDIUM,
    RIGHT_VENTRICLE,
    Anatomy,
    cavity_polar,
    right_ventricle,
)

_AIR, _LUNG, _MUSCLE, _TISSUE, _LIVER, _BLOOD, _FAT = 4.0, 25.0, 88.0, 100.0, 140.0, 235.0, 250.0


@dataclass(frozen=True)
class Scene:
    """What stays the same between the frames of one patient.

    Attributes:
        gain: intensities of this scanner relative to the reference.
        left_blood, right_blood: brightness of the blood in each ventricle.
        liver: offset of the liver in fractions of the field.
        vessels: (n, 3) bright round distractors: x, y and radius in fractions of the field.
        bias: coefficients of the smooth brightness change along x, y, xy and z.
        noise: standard deviation before the magnitude is taken, in intensities of the reference.
    """

    gain: float
    left_blood: float
    right_blood: float
    liver: tuple[float, float]
    vessels: np.ndarray
    bias: np.ndarray
    noise: float


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw one patient's surroundings and scanner."""
    left, right = _BLOOD * rng.uniform(0.93, 1.07, 2)  # both cavities alike: their brightness does not differ
    lungs = np.column_stack([rng.choice([-1, 1], 5) * rng.uniform(0.3, 0.4, 5), rng.uniform(-0.15, 0.25, 5)])
    vessels = np.column_stack([lungs, rng.uniform(0.012, 0.03, 5)])
    aorta = [*(np.array([-0.13, -0.33]) + rng.uniform(-0.03, 0.03, 2)), rng.uniform(0.04, 0.055)]
    dx, dy = rng.uniform(-0.04, 0.04, 2)
    return Scene(
        gain=float(np.exp(rng.uniform(-0.4, 1.2))),
        left_blood=float(left),
        right_blood=float(right),
        liver=(float(dx), float(dy)),
        vessels=np.vstack([vessels, aorta]),
        bias=rng.uniform(-0.3, 0.3, 4),
        noise=float(rng.uniform(9, 16)),
    )


def draw_image(
    anatomy: Anatomy,
    scene: Scene,
    label: np.ndarray,
    *,
    coordinates: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Image (X, Y, Z) int16 of the heart whose ``label`` was drawn on the same in-plane ``coordinates`` (mm)."""
    x, y = coordinates
    clean = _torso(scene, x / anatomy.field, y / anatomy.field)
    clean = _paint_heart(clean, anatomy, scene, label=label, coordinates=coordinates)
    clean *= 1 + 0.06 * _smooth_noise(rng, anatomy.shape, 1.5)
    clean = ndimage.gaussian_filter(clean, (0.6, 0.6, 0.0))  # partial volume at in-plane borders
    clean *= _bias_field(scene, x / anatomy.field, y / anatomy.field)
    real, imaginary = rng.normal(0.0, scene.noise, (2, *anatomy.shape))
    return np.rint(scene.gain * np.hypot(clean + real, imaginary)).astype(np.int16)


def _torso(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Brightness (X, Y, Z) of everything but the heart; coordinates in fractions of the field."""
    image = np.full(x.shape, _AIR)
    image[_ellipse(x, y, (0, 0), (0.49, 0.45))] = _FAT
    image[_ellipse(x, y, (0, 0), (0.46, 0.42))] = _TISSUE
    for side in (-1, 1):
        image[_ellipse(x, y, (0.29 * side, 0.04), (0.15, 0.3))] = _LUNG
    image[_ellipse(x, y, (0.16 + scene.liver[0], -0.26 + scene.liver[1]), (0.22, 0.11))] = _LIVER
    for angle in np.linspace(0, 2 * np.pi, 14, endpoint=False):  # ribs: dark cortex in the bright rim
        image[_ellipse(x, y, (0.455 * np.cos(angle), 0.415 * np.sin(angle)), (0.022, 0.016))] = _LUNG
    for across, along, radius in scene.vessels:
        image[_ellipse(x, y, (across, along), (radius, radius))] = _BLOOD
    return image


def _paint_heart(
    image: np.ndarray,
    anatomy: Anatomy,
    scene: Scene,
    *,
    label: np.ndarray,
    coordinates: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """``image`` with the heart in it; fat, the right ventricle's wall and papillary muscles have no label of theirs."""
    x, y = coordinates
    margin = 0.016 * anatomy.field
    image[right_ventricle(anatomy, x, y, 2 * margin)] = 0.8 * _FAT
    image[right_ventricle(anatomy, x, y, margin)] = _MUSCLE
    image[label == MYOCARDIUM] = _MUSCLE
    image[label == RIGHT_VENTRICLE] = scene.right_blood
    cavity = label == LEFT_VENTRICLE
    image[cavity] = scene.left_blood
    share, theta = cavity_polar(anatomy, x, y)
    for direction in (2.2, -2.2):
        papillary = np.hypot(share * np.cos(theta - direction) - 0.6, share * np.sin(theta - direction)) < 0.2
        image[cavity & papillary] = 1.3 * _MUSCLE
    return image


def _bias_field(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    z = np.linspace(-0.5, 0.5, x.shape[2])
    a, b, c, d = scene.bias
    return np.exp(2 * a * x + 2 * b * y + 4 * c * x * y + 0.5 * d * z)


def _smooth_noise(rng: np.random.Generator, shape: Sequence[int], sigma: float) -> np.ndarray:
    """Unit-variance noise, smooth within each slice."""
    noise = ndimage.gaussian_filter(rng.standard_normal(tuple(shape)), (sigma, sigma, 0.0))
    return noise / noise.std()


def _ellipse(x: np.ndarray, y: np.ndarray, centre: Sequence[float], axes: Sequence[float]) -> np.ndarray:
    return ((x - centre[0]) / axes[0]) ** 2 + ((y - centre[1]) / axes[1]) ** 2 < 1
