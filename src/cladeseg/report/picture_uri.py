"""A picture inside a page's own file."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cladeseg.report.page import data_uri


def png_uri(pixels: np.ndarray) -> str:
    """An address that holds the picture itself, as a PNG.

    Args:
        pixels: uint8 (H, W, 3).
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return data_uri(buffer.getvalue(), "image/png")
