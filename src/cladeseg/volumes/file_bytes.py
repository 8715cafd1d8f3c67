"""The bytes of a file, unpacked if it is a gzip file, and verified to its very end.

A reader that stops at the last voxel never meets the checksum behind it: nibabel accepts most flipped bits.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cladeseg.files import DataError

_GZIP_MAGIC = b"\x1f\x8b"
#: What zlib calls a gzip stream.
_GZIP = 31
#: Deflate cannot pack more bytes than this into one.
MAX_RATIO = 1032
_CHUNK = 1 << 22
#: Bytes after the last voxel that a writer may have added to fill a block.
PADDING = 4096


def first_bytes(path: Path, size: int) -> bytes:
    """Up to ``size`` bytes from the beginning, without looking at the rest."""
    with path.open("rb") as file:
        content = file.read(max(size, PADDING))
        if not content.startswith(_GZIP_MAGIC):
            return content[:size]
        stream, unpacked = zlib.decompressobj(_GZIP), b""
        while content and len(unpacked) < size and not stream.eof:
            unpacked += stream.decompress(content, size - len(unpacked))
            content = stream.unconsumed_tail or file.read(PADDING)
        return unpacked


def read_bytes(path: Path, size: int, *, more: bool = False) -> np.ndarray:
    """The first ``size`` bytes (size,) uint8; the rest is read and verified too.

    Args:
        path: the file; its first bytes say whether it is a gzip file.
        size: as its header describes.
        more: whether something that is no voxel may follow.

    Raises:
        DataError: the file holds fewer bytes, or more than a writer's padding; its gzip stream is damaged or ends
            early, or something else follows it.  Nothing of that size is allocated before.
    """
    _check_size(path, size)
    content, filled = np.empty(size, np.uint8), 0
    for piece in _pieces(path):
        part = np.frombuffer(piece, np.uint8)[: size - filled]
        content[filled : filled + len(part)] = part
        filled += len(piece)
        if filled > size + PADDING and not more:
            raise DataError(f"{path}: cannot be read (it holds more than the {size} bytes that its header describes)")
    if filled < size:
        raise DataError(f"{path}: cannot be read (its header describes {size} bytes, {filled} are there)")
    return content


def _check_size(path: Path, size: int) -> None:
    """Refuse a size that the file cannot hold, as far as that can be known without unpacking it."""
    length = path.stat().st_size
    packed = _is_gzip(path)
    if size > length * (MAX_RATIO if packed else 1):
        raise DataError(f"{path}: cannot be read (its header describes {size} bytes, the file has {length})")
    if packed and _stated_size(path) != size % 2**32 and size > _unpacked_size(path):
        raise DataError(f"{path}: cannot be read (its header describes {size} bytes, it holds {_unpacked_size(path)})")


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _GZIP_MAGIC


def _stated_size(path: Path) -> int:
    """What the last four bytes of a gzip file say, modulo 2^32, of its last member."""
    with path.open("rb") as file:
        file.seek(-4, 2)
        return int.from_bytes(file.read(4), "little")


def _unpacked_size(path: Path) -> int:
    return sum(len(piece) for piece in _pieces(path))


def _pieces(path: Path) -> Iterator[bytes]:
    """The content in pieces of a few megabytes."""
    if _is_gzip(path):
        yield from _unpacked(path)
        return
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


def _unpacked(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        rest = file.read(_CHUNK)
        while rest.strip(b"\0"):
            if not rest.startswith(_GZIP_MAGIC):
                raise DataError(f"{path}: cannot be read (something follows its gzip stream)")
            stream = zlib.decompressobj(_GZIP)
            while not stream.eof:
                if not rest:
                    raise DataError(f"{path}: cannot be read (its gzip stream ends early)")
                try:
                    yield stream.decompress(rest, _CHUNK)
                except zlib.error as error:
                    raise DataError(f"{path}: cannot be read (its gzip stream is damaged: {error})") from error
                if not stream.eof:
                    rest = stream.unconsumed_tail or file.read(_CHUNK)
            rest = stream.unused_data + file.read(_CHUNK)
