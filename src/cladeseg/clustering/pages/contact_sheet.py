"""All objects as small pictures, a row of them for each cluster, the medoid first."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cladeseg.clustering.groups import Grouping
from cladeseg.clustering.objects import ClusteredObject, KeyPoints, ObjectSet

_SIDE, _GAP, _HEAD = 72, 6, 22
_PER_ROW = 12
_INK, _PAPER = (20, 20, 20), (255, 255, 255)
#: Border of a medoid and of an object whose cluster is unsure; distinct with any colour vision (Okabe & Ito 2008).
MEDOID, UNSURE = (0, 114, 178), (230, 159, 0)
#: Colours of the first channels of key points.
_CHANNELS = ((86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0))


def thumbnail(one: ClusteredObject) -> np.ndarray:
    """A picture of an object, uint8 (64, 64, 3): its crop, or its key points on black."""
    if one.crop is not None:
        return _as_colours(one.crop)
    return _drawn_points(one.points.candidates) if one.points is not None else np.zeros((64, 64, 3), dtype=np.uint8)


def _as_colours(crop: np.ndarray) -> np.ndarray:
    channels = crop[..., :3] if crop.shape[2] >= 3 else np.repeat(crop[..., :1], 3, axis=2)
    if crop.shape[2] == 2:
        channels = np.concatenate([crop, np.zeros_like(crop[..., :1])], axis=2)
    low, high = float(channels.min()), float(channels.max())
    low, high = (0.0, 1.0) if low >= 0 and high <= 1 and high - low > 0.3 else (low, max(high, low + 1e-6))
    return np.rint(255 * np.clip((channels - low) / (high - low), 0, 1)).astype(np.uint8)


def _drawn_points(points: KeyPoints) -> np.ndarray:
    picture = np.zeros((64, 64, 3), dtype=np.uint8)
    angle, length = np.radians(points.angle), 30 * np.clip(points.radius, 0, 1)
    rows = np.rint(31.5 + length * np.sin(angle)).astype(int)
    columns = np.rint(31.5 + length * np.cos(angle)).astype(int)
    names = {channel: place for place, channel in enumerate(np.unique(points.channel))}
    for row, column, channel in zip(rows, columns, points.channel, strict=True):
        picture[max(row - 1, 0) : row + 1, max(column - 1, 0) : column + 1] = _CHANNELS[names[channel] % len(_CHANNELS)]
    return picture


def framed(one: ClusteredObject, border: tuple[int, int, int] | None) -> np.ndarray:
    """A thumbnail of 72 pixels with a border, or with none."""
    picture = Image.fromarray(thumbnail(one)).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    if border is not None:
        ImageDraw.Draw(picture).rectangle((0, 0, _SIDE - 1, _SIDE - 1), outline=border, width=4)
    return np.asarray(picture)


def order_of(grouping: Grouping, number: int) -> list[int]:
    """Objects of a cluster: the medoid, then by falling confidence."""
    members = np.flatnonzero(grouping.numbers == number)
    medoid = grouping.medoids[number]
    rest = [int(one) for one in members[np.argsort(-grouping.confidence[members], kind="stable")] if one != medoid]
    return [medoid, *rest]


def border_of(grouping: Grouping, index: int) -> tuple[int, int, int] | None:
    """Colour of an object's border."""
    if grouping.unsure[index]:
        return UNSURE
    return MEDOID if index in grouping.medoids.values() else None


def contact_sheet(objects: ObjectSet, grouping: Grouping, *, most: int = 4 * _PER_ROW) -> np.ndarray:
    """All clusters below each other; uint8 (H, W, 3).

    Args:
        objects: n of them.
        grouping: their clusters.
        most: objects of a cluster that are shown.
    """
    blocks = [_block(objects, grouping, number, most) for number in sorted(grouping.medoids)]
    width = _GAP + _PER_ROW * (_SIDE + _GAP)
    if not blocks:
        return np.full((_HEAD, width, 3), 255, dtype=np.uint8)
    return np.concatenate(blocks)


def _block(objects: ObjectSet, grouping: Grouping, number: int, most: int) -> np.ndarray:
    members = order_of(grouping, number)
    shown = members[:most]
    rows = -(-len(shown) // _PER_ROW)
    sheet = Image.new("RGB", (_GAP + _PER_ROW * (_SIDE + _GAP), _HEAD + rows * (_SIDE + _GAP) + _GAP), _PAPER)
    more = f", {len(shown)} shown" if len(shown) < len(members) else ""
    unsure = int(grouping.unsure[members].sum())
    text = f"cluster {number}: {len(members)} objects{more}" + (f", {unsure} unsure" if unsure else "")
    ImageDraw.Draw(sheet).text((_GAP, 4), text, fill=_INK, font=ImageFont.load_default(13))
    for place, index in enumerate(shown):
        picture = Image.fromarray(framed(objects.objects[index], border_of(grouping, index)))
        row, column = divmod(place, _PER_ROW)
        sheet.paste(picture, (_GAP + column * (_SIDE + _GAP), _HEAD + row * (_SIDE + _GAP)))
    return np.asarray(sheet)
