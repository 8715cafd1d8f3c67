"""Loaded cases on disk: decoded, oriented, resampled and cropped once, then mapped into memory by every training."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cladeseg.files import DataError, atomic_write, remove_leftovers
from cladeseg.segmentation.data.volume_files import volume_files

logger = logging.getLogger(__name__)

_GIGABYTE = 1e9
_SUFFIX = ".safetensors"
#: Keys of a file's metadata: plain values, and the names of tensors that were arrays.
_PLAIN, _ARRAYS = "case", "arrays"
#: Of the files; another one makes all anew.
_FORMAT = 1
_BLOCK = 2**20


class VolumeStore:
    """A folder with one file for each loaded case.

    A file is called by the content of the case's own files and by what they were loaded with.  So a changed file or
    setting is a new case, and never served stale.  Images are kept in half precision, which rounds an intensity of a
    standard deviation by 0.0005 at most; node maps are a byte a voxel.  Files are mapped, not read: a patch touches the
    pages that it lies on.

    Args:
        folder: of the files; several trainings may share it.
        made_with: everything besides a case's own files that decides what is loaded, as plain values.
        max_gigabytes: limit (1 GB = 1e9 bytes); where it is reached, the files that were used longest ago go.

    Raises:
        DataError: the folder cannot be made.
    """

    def __init__(self, folder: str | Path, made_with: Mapping[str, Any], *, max_gigabytes: float = 100.0) -> None:
        self.folder = Path(folder)
        self.max_bytes = max_gigabytes * _GIGABYTE
        self._made_with = json.dumps([_FORMAT, made_with], sort_keys=True)
        self._in_use: set[Path] = set()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{self.folder}: cannot be made ({error}); choose another data.store") from error
        remove_leftovers(self.folder)

    def path(self, case: Mapping[str, Any]) -> Path:
        """The file of a case, whether it is there or not.

        Args:
            case: datalist item with paths that can be opened.

        Raises:
            DataError: a file of the case cannot be read.
        """
        plain = {name: value for name, value in case.items() if name not in {"image", "label"}}
        everything = [self._made_with, json.dumps(plain, sort_keys=True, default=str), content_of(case)]
        return self.folder / f"{hashlib.sha256(json.dumps(everything).encode()).hexdigest()}{_SUFFIX}"

    def holds(self, path: Path) -> bool:
        """Whether a case's file is there and whole; from now on it counts as used."""
        self._in_use.add(path)
        try:
            with safe_open(path, "pt"):
                os.utime(path)
        except (OSError, SafetensorError):
            return False
        return True

    def put(self, path: Path, case: Mapping[str, Any]) -> None:
        """Write a loaded case.

        Raises:
            DataError: it does not fit into the store beside the cases of this training, or cannot be written.
        """
        tensors = {name: _compact(value) for name, value in case.items() if isinstance(value, Tensor | np.ndarray)}
        plain = {name: value for name, value in case.items() if name not in tensors}
        self._make_room(sum(tensor.nbytes for tensor in tensors.values()))
        arrays = [name for name, value in case.items() if isinstance(value, np.ndarray)]
        with atomic_write(path) as temporary:
            save_file(tensors, temporary, {_PLAIN: json.dumps(plain, default=str), _ARRAYS: json.dumps(arrays)})
            temporary.chmod(0o644)  # a store may be shared

    def get(self, path: Path) -> dict[str, Any]:
        """A case as it was put there; its tensors are mapped, and writing to them changes no file.

        Raises:
            DataError: the file is not there any more, or damaged.
        """
        try:
            with safe_open(path, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 it is no dictionary
                plain, arrays = (json.loads(file.metadata()[key]) for key in (_PLAIN, _ARRAYS))
            return {**plain, **tensors, **{name: tensors[name].numpy() for name in arrays}}
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: cannot be read ({error}); start the training again with --resume True") from error

    def _make_room(self, needed: int) -> None:
        gone = clean_store(self.folder, max(0.0, self.max_bytes - needed), keep=self._in_use)
        if gone:
            logger.info("%s: %d loaded cases that were used longest ago are gone", self.folder, gone)
        used = sum(size for size, _ in _sizes(self.folder).values())
        if used + needed > self.max_bytes:
            raise DataError(
                f"{self.folder}: the cases of this training take more than data.store_gigabytes "
                f"({self.max_bytes / _GIGABYTE:g} GB); raise it, or leave data.store out"
            )


def content_of(case: Mapping[str, Any]) -> str:
    """sha256 (hex) of the files of a case, whatever they are called.

    Raises:
        DataError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for file in _files(case):
        digest.update(_content(file))
    return digest.hexdigest()


def clean_store(folder: str | Path, max_bytes: float, *, keep: Collection[Path] = ()) -> int:
    """Remove the files of a store that were used longest ago until the rest is within a size.

    Args:
        folder: of the store.
        max_bytes: 0 removes all.
        keep: files that stay.

    Returns:
        How many were removed.

    Raises:
        DataError: the folder is not there.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: is no folder of loaded cases")
    sizes = _sizes(folder)
    used, gone = sum(size for size, _ in sizes.values()), 0
    for path, (size, _) in sorted(sizes.items(), key=lambda item: item[1][1]):
        if used <= max_bytes:
            break
        if path not in keep:
            path.unlink(missing_ok=True)
            used, gone = used - size, gone + 1
    return gone


def _sizes(folder: Path) -> dict[Path, tuple[int, float]]:
    """Bytes and time of the last use of each file; only names that the store gives count."""
    found = {}
    for path in folder.glob(f"*{_SUFFIX}"):
        if len(path.stem) == hashlib.sha256().digest_size * 2:
            status = path.stat()
            found[path] = (status.st_size, status.st_mtime)
    return found


def _files(case: Mapping[str, Any]) -> Iterable[Path]:
    """All files of a case in a fixed order; those of a DICOM series by their names."""
    label = [Path(case["label"])] if case.get("label") else []
    for path in [*volume_files(case["image"]), *label]:
        yield from (sorted(path.iterdir()) if path.is_dir() else [path])


def _content(file: Path) -> bytes:
    """sha256 of a file."""
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from error
    return digest.digest()


def _compact(value: Tensor | np.ndarray) -> Tensor:
    """A tensor of its own memory; floating point in half precision."""
    tensor = torch.as_tensor(value).as_subclass(Tensor)
    tensor = tensor.half() if tensor.is_floating_point() else tensor
    return tensor.clone(memory_format=torch.contiguous_format)
