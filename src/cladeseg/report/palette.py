"""Colours of structures that people with any colour vision can tell apart; every page and picture asks here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import product

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from cladeseg.taxonomy import Taxonomy

#: CIEDE2000 difference above which two colours are told apart in small areas; neighbours of Okabe & Ito have 11.
DISTINCT = 10.0
#: Okabe & Ito (2008) without black, which a dark image hides.
_OKABE_ITO = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
#: Matrices on linear RGB: usual vision, and protanopia, deuteranopia, tritanopia of Machado et al. (IEEE TVCG 2009).
VISIONS = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
#: Lightness below which a colour is lost on a dark image.
_DARK = 45.0


def structure_colours(taxonomy: Taxonomy) -> np.ndarray:
    """uint8 (N, 3) RGB of each node, black for background and root.

    The tree's own colours where all of them can be told apart; else those of Okabe and Ito for the leaves in their
    order, and for the rest whatever differs most from these.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = (Node("wall", values={"a": 1}, colour="#3cb44b"), Node("scar", values={"a": 2}, colour="#e6194b"))
        >>> tree = Taxonomy("heart", (Node("background", values={"a": 0}), *leaves))
        >>> structure_colours(tree)[1:3].tolist()  # red and green look alike to some
        [[230, 159, 0], [86, 180, 233]]
    """
    own = taxonomy.colours[1 : taxonomy.root]
    colours = np.zeros((taxonomy.num_nodes, 3), np.uint8)
    if len(own) < 2 or smallest_difference(own) >= DISTINCT:
        colours[1 : taxonomy.root] = own
    else:
        colours[1 : taxonomy.root] = _distinct_colours(taxonomy.num_leaves - 1, len(own))
    return colours


def colour_code(rgb: Iterable[int]) -> str:
    """``#rrggbb``.

    Example:
        >>> colour_code((230, 159, 0))
        '#e69f00'
    """
    return "#" + "".join(f"{int(part):02x}" for part in rgb)


def smallest_difference(colours: np.ndarray) -> float:
    """The smallest CIEDE2000 difference of any two of the uint8 (n, 3) colours, to whom it is smallest."""
    differences = _differences(colours, colours)
    np.fill_diagonal(differences, np.inf)
    return float(differences.min())


def as_seen(colours: np.ndarray, vision: str) -> np.ndarray:
    """CIELAB (n, 3) of uint8 (n, 3) colours as somebody with one of :data:`VISIONS` sees them."""
    part = colours / 255.0
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(VISIONS[vision], float).T, 0, 1)
    return rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))


def _differences(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n, m): the smallest difference over all visions."""
    found = [deltaE_ciede2000(as_seen(one, v)[:, None], as_seen(other, v)[None]) for v in VISIONS]
    return np.min(found, axis=0)


@lru_cache(maxsize=16)
def _distinct_colours(leaves: int, number: int) -> np.ndarray:
    """uint8 (number, 3); each colour after the first ones is the one that differs most from those before it."""
    begin = [tuple(bytes.fromhex(code[1:])) for code in _OKABE_ITO]
    chosen = np.array(begin[:leaves], np.uint8)
    grid = np.array([*begin, *product((0, 64, 128, 192, 255), repeat=3)], np.uint8)
    grid = grid[as_seen(grid, "usual")[:, 0] >= _DARK]
    nearest = _differences(grid, chosen).min(axis=1)
    while len(chosen) < number:
        best = grid[int(nearest.argmax())]
        chosen = np.concatenate([chosen, best[None]])
        nearest = np.minimum(nearest, _differences(grid, best[None])[:, 0])
    return chosen
