"""Pictures of a page, each with its caption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cladeseg.report.page import Block
from cladeseg.report.picture_uri import png_uri

#: Small pictures are enlarged to about this many pixels a side.
_SIDE = 480


class Picture(NamedTuple):
    """A picture with what is said of it.

    Attributes:
        pixels: uint8 (H, W, 3).
        name: stands below it.
        alt: for readers who see no picture.
    """

    pixels: np.ndarray
    name: str
    alt: str


def picture_block(title: str, pictures: Sequence[Picture], notes: Sequence[str] = ()) -> Block:
    """A section of pictures, one below the other.

    Args:
        title: its heading.
        pictures: in order.
        notes: sentences above them.
    """
    shown = [{"uri": _uri(one.pixels), "name": one.name, "alt": one.alt} for one in pictures]
    return Block("pictures", title, {"notes": list(notes), "pictures": shown})


def _uri(pixels: np.ndarray) -> str:
    factor = max(1, round(_SIDE / max(pixels.shape[:2])))
    return png_uri(pixels.repeat(factor, axis=0).repeat(factor, axis=1))
