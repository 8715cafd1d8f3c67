"""Pictures of label maps over the image, as plain uint8 arrays that Pillow and TensorBoard take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from skimage.color import label2rgb
from skimage.exposure import rescale_intensity

from cladeseg.taxonomy import Taxonomy


def overlay_slice(image: np.ndarray, nodes: np.ndarray, taxonomy: Taxonomy, *, alpha: float = 0.45) -> np.ndarray:
    """One axial slice in shades of grey with the structures' colours blended in.

    The slice of an RAS volume is turned upright: anterior at the top, the patient's left on the left.  The shades
    run from the 1st to the 99th percentile; background and root are not coloured.

    Args:
        image: (x, y) intensities.
        nodes: (x, y) node indices.
        taxonomy: gives the colours.
        alpha: weight of the colour, 0 to 1.

    Returns:
        uint8 (y, x, 3).

    Raises:
        ValueError: image and nodes differ in shape or are not two-dimensional.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> red = Node("tumour", values={"lung": 1}, colour="#ff0000")
        >>> tree = Taxonomy("lung", (Node("background", values={"lung": 0}), red))
        >>> picture = overlay_slice(np.zeros((3, 2)), np.array([[0, 0], [0, 1], [0, 0]]), tree, alpha=1.0)
        >>> picture.shape, picture[0, 1].tolist()  # anterior row first
        ((2, 3, 3), [255, 0, 0])
    """
    if image.ndim != 2 or image.shape != nodes.shape:
        raise ValueError(f"image {image.shape} and nodes {nodes.shape} must be (x, y) of the same shape")
    shown = np.where(_is_structure(nodes, taxonomy), nodes, taxonomy.background)
    present = [v for v in np.unique(shown).tolist() if v != taxonomy.background]  # scikit-image colours in this order
    colours = taxonomy.colours[present] / 255 if present else None
    picture = label2rgb(shown, _windowed(image), colours, alpha=alpha, bg_label=taxonomy.background, bg_color=None)
    return np.rint(255 * picture).astype(np.uint8).transpose(1, 0, 2)[::-1].copy()


def case_panel(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, taxonomy: Taxonomy, slices: int = 3
) -> np.ndarray:
    """A few axial slices side by side, the truth in the upper row and the prediction below it.

    The slices are spread evenly over those in which truth or prediction holds a structure, or over all if none does;
    a slice is repeated where there are fewer than asked for, so that the panel's size depends on the image's only.

    Args:
        image: (x, y, z) intensities.
        truth: (x, y, z) node indices.
        prediction: (x, y, z) node indices.
        taxonomy: gives the colours.
        slices: number of slices.

    Returns:
        uint8 (2 · y, slices · x, 3).
    """
    levels = _levels(_is_structure(truth, taxonomy) | _is_structure(prediction, taxonomy), slices)
    rows = [
        np.concatenate([overlay_slice(image[..., z], nodes[..., z], taxonomy) for z in levels], axis=1)
        for nodes in (truth, prediction)
    ]
    return np.concatenate(rows, axis=0)


class CasePicture:
    """Callable ``(image, truth, prediction) -> uint8 (H, W, 3)``: a few slices, truth above prediction.

    Args:
        taxonomy: gives the colours.
        slices: number of slices.
    """

    def __init__(self, taxonomy: Taxonomy, slices: int = 3) -> None:
        self.taxonomy = taxonomy
        self.slices = slices

    def __call__(self, image: np.ndarray, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Draw arrays of shape (x, y, z)."""
        return case_panel(image, truth, prediction, self.taxonomy, slices=self.slices)


def save_png(picture: np.ndarray, path: str | Path) -> None:
    """Write a uint8 (H, W, 3) array as PNG, making its folder."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(target, format="PNG")


def _windowed(image: np.ndarray) -> np.ndarray:
    """Intensities from the 1st to the 99th percentile as 0…1, float; a constant image is black."""
    low, high = np.percentile(image, [1, 99])
    if high <= low:
        return np.zeros(image.shape)
    return rescale_intensity(image.astype(np.float64), (low, high), (0.0, 1.0))


def _is_structure(nodes: np.ndarray, taxonomy: Taxonomy) -> np.ndarray:
    return (nodes != taxonomy.background) & (nodes != taxonomy.root)


def _levels(structure: np.ndarray, slices: int) -> list[int]:
    """Positions of evenly spread slices that hold a structure, from a bool (x, y, z)."""
    held = np.flatnonzero(structure.any(axis=(0, 1)))
    levels = held if held.size else np.arange(structure.shape[2])
    # The middles of equal parts: the outermost slices of a structure show little of it.
    positions = (np.arange(slices) + 0.5) * len(levels) / slices
    return levels[positions.astype(int)].tolist()
