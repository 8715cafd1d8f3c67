"""A picture of what pre-training sees: two views, their overlap, what was hidden, and what was restored."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cladeseg.pretraining.tasks import Seen, restored_views
from cladeseg.pretraining.tasks.network import PretrainingNet
from cladeseg.pretraining.views import Views

#: Small patches are enlarged to about this many pixels a side.
_SIDE = 160
_OVERLAP = (255, 209, 102)
_PLACE = (230, 25, 75)
_MARGIN = 3


def view_picture(views: Views, network: PretrainingNet, case: int = 0) -> np.ndarray:
    """Rows for each modality and view: image with the overlap's frame, what the network sees, what it restores.

    Args:
        views: of a batch.
        network: in whatever mode; a network without decoder leaves the last column out.
        case: which of the batch.

    Returns:
        uint8 (H, W, 3).
    """
    with torch.no_grad():
        features = network(views.inputs.flatten(0, 1)).unflatten(0, views.inputs.shape[:2])
        seen = Seen(views, features, network, network)
        restored = None if network.decoder is None else restored_views(seen)
    rows = [
        np.concatenate(_tiles(views, restored, view, case, channel), axis=1)
        for channel in range(views.inputs.shape[2])
        for view in range(2)
    ]
    return np.concatenate(rows, axis=0)


def _tiles(views: Views, restored: Tensor | None, view: int, case: int, channel: int) -> list[np.ndarray]:
    """Image, input and restored image of one view and channel."""
    target = views.targets[view, case, channel]
    low, high = float(target.min()), float(target.max())
    frame = _overlap(views, view, case)
    level = int((frame[0, 2] + frame[1, 2]) // 2)
    parts = [target, views.inputs[view, case, channel]]
    if restored is not None:  # what is seen stays, what is hidden is the network's
        parts.append(torch.where(views.hidden[view, case, channel], restored[view, case, channel], target))
    pictures = [_grey(part[..., level], low, high) for part in parts]
    places = views.in_view[view, case]
    _mark(pictures[0], frame, places[places[:, 2] == level])
    return [_enlarged(picture) for picture in pictures]


def _overlap(views: Views, view: int, case: int) -> Tensor:
    """First voxel and first voxel beyond, (2, D), of what both views hold, in one view's voxels."""
    starts = (views.places[None] - views.in_view)[:, case, 0]  # first voxel of each view in the region
    size = torch.tensor(views.inputs.shape[3:])
    return torch.stack([starts.amax(dim=0), starts.amin(dim=0) + size]) - starts[view]


def _grey(plane: Tensor, low: float, high: float) -> np.ndarray:
    scaled = ((plane.float() - low) / max(high - low, 1e-6)).clamp(0, 1).cpu().numpy()
    return np.repeat(np.rint(255 * scaled).astype(np.uint8)[..., None], 3, axis=2)


def _mark(picture: np.ndarray, frame: Tensor, places: Tensor) -> None:
    (x0, y0), (x1, y1) = frame[0, :2].tolist(), (frame[1, :2] - 1).tolist()
    picture[x0 : x1 + 1, [y0, y1]] = _OVERLAP
    picture[[x0, x1], y0 : y1 + 1] = _OVERLAP
    for x, y, _ in places.tolist():
        picture[x, y] = _PLACE


def _enlarged(picture: np.ndarray) -> np.ndarray:
    """Turned as radiologists hold it, anterior at the top, with a margin."""
    upright = picture.transpose(1, 0, 2)[::-1]
    factor = max(1, round(_SIDE / max(upright.shape[:2])))
    large = upright.repeat(factor, axis=0).repeat(factor, axis=1)
    return np.pad(large, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)))
