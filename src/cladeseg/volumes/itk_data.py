"""Whether the voxels of an NRRD or MetaImage file are all there, before ITK allocates what the header describes.

ITK returns zeros in place of damaged packed voxels of a MetaImage, takes some damaged ones of an NRRD for sound, and
only prints that something failed.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np

from cladeseg.files import DataError
from cladeseg.volumes.file_bytes import MAX_RATIO, PADDING
from cladeseg.volumes.formats import format_of
from cladeseg.volumes.grid import Grid

_HEADER_BYTES = 1 << 16
_CHUNK = 1 << 22
#: What ITK needs of a MetaImage; without one of them it prints several lines of its own.
_NEEDED = ("ndims", "dimsize", "elementtype", "elementdatafile")
#: The last line of each text header.
_ENDS = {"nrrd": re.compile(rb"\r?\n\r?\n"), "mha": re.compile(rb"ElementDataFile[^\n]*\n?")}


def check_itk_header(path: Path) -> None:
    """Refuse a MetaImage whose text header lacks what ITK cannot do without.

    Raises:
        DataError: with the field's name.
    """
    fields, _ = _text_header(path)
    missing = [name for name in _NEEDED if not fields.get(name)]
    if missing and format_of(path) == "mha":
        raise DataError(f"{path}: cannot be read (its header does not say {missing[0]})")


def verify_itk_data(grid: Grid) -> None:
    """Refuse a file that is incomplete or damaged, as far as its encoding shows it.

    Args:
        grid: the file's header.

    Raises:
        DataError: there are fewer voxels than the header describes, or more, or packed ones do not unpack.
    """
    fields, offset = _text_header(grid.path)
    size = int(np.prod(grid.shape, dtype=object)) * grid.dtype.itemsize
    data = _data_file(grid.path, fields)
    if data is None:  # a list of files, each with a part
        return
    offset = 0 if data != grid.path else offset
    if not data.is_file():
        raise DataError(f"{grid.path}: cannot be read (its voxels' file {data.name} is missing)")
    length = data.stat().st_size - offset
    if fields.get("compresseddata", "").lower() == "true" or fields.get("encoding", "").lower() in ("gzip", "gz"):
        _verify_packed(grid.path, data, offset, size)
    elif _is_raw(fields):
        _check_length(grid.path, size, length, whole="byte skip" not in fields and "headersize" not in fields)
    elif size > length * MAX_RATIO:
        raise _incomplete(grid.path, size, length)


def _text_header(path: Path) -> tuple[dict[str, str], int]:
    """The fields of the header by their names in small letters, and where it ends."""
    with path.open("rb") as file:
        content = file.read(_HEADER_BYTES)
    end = _ENDS["nrrd" if content.startswith(b"NRRD") else "mha"].search(content)
    offset = end.end() if end else len(content)
    lines = content[:offset].decode("latin-1").splitlines()
    pairs = (re.split(r"\s*[:=]\s*", line, maxsplit=1) for line in lines if not line.startswith("#"))
    return {pair[0].strip().lower(): pair[1].strip() for pair in pairs if len(pair) == 2}, offset


def _data_file(path: Path, fields: dict[str, str]) -> Path | None:
    """Where the voxels are: in the file itself, or in one beside it; ``None`` for several."""
    name = fields.get("elementdatafile", fields.get("data file", fields.get("datafile", "LOCAL")))
    if name.upper() == "LOCAL":
        return path
    return None if "%" in name or name.split()[0].upper() == "LIST" else path.parent / name


def _is_raw(fields: dict[str, str]) -> bool:
    return fields.get("encoding", "raw").lower() == "raw" and fields.get("binarydata", "true").lower() == "true"


def _check_length(path: Path, size: int, length: int, *, whole: bool) -> None:
    if size > length:
        raise _incomplete(path, size, length)
    if whole and length > size + PADDING:
        raise DataError(f"{path}: cannot be read (it holds more than the {size} bytes that its header describes)")


def _verify_packed(path: Path, data: Path, offset: int, size: int) -> None:
    if size > (data.stat().st_size - offset) * MAX_RATIO:
        raise _incomplete(path, size, data.stat().st_size - offset)
    stream, found = zlib.decompressobj(zlib.MAX_WBITS | 32), 0  # 32: a zlib or a gzip stream
    with data.open("rb") as file:
        file.seek(offset)
        rest = file.read(_CHUNK)
        while rest and not stream.eof:
            try:
                found += len(stream.decompress(rest, _CHUNK))
            except zlib.error as error:
                raise DataError(f"{path}: cannot be read (its packed voxels are damaged: {error})") from error
            rest = stream.unconsumed_tail or file.read(_CHUNK)
    if found != size or not stream.eof:
        raise _incomplete(path, size, found)


def _incomplete(path: Path, size: int, found: int) -> DataError:
    return DataError(f"{path}: cannot be read (its header describes {size} bytes of voxels, {found} are there)")
