"""Files of a training's state: written whole, with a sha256 of their content that is compared before they are used."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cladeseg.files import DataError, atomic_write

_SHA256 = "sha256"
_WAY_OUT = "restore it, or delete it and train anew without --resume"


def save_checkpoint(content: Mapping[str, Any], path: Path) -> None:
    """Write a state that :func:`load_checkpoint` reads; an existing one survives any failure.

    Raises:
        DataError: the file cannot be written.
    """
    save_atomically({**content, _SHA256: content_sha256(content)}, path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a state that :func:`save_checkpoint` wrote.

    Raises:
        DataError: the file cannot be read, or its content is not what was written.
    """
    try:
        content = load_state(path)
    except DataError as error:
        raise DataError(f"{error}; {_WAY_OUT}") from error
    expected = content.pop(_SHA256, None) if isinstance(content, dict) else None
    if expected is None:
        raise DataError(f"{path}: is no checkpoint of a training; {_WAY_OUT}")
    if content_sha256(content) != expected:
        raise DataError(f"{path}: is damaged: its content is not what was written; {_WAY_OUT}")
    return content


def content_sha256(content: Any) -> str:
    """Hex digest of nested dictionaries, lists, tuples, tensors and plain values, whatever file they lie in.

    Example:
        >>> content_sha256({"a": torch.zeros(2)}) == content_sha256({"a": torch.tensor([0.0, -0.0])})
        False
    """
    digest = hashlib.sha256()
    _add(digest, content)
    return digest.hexdigest()


def _add(digest: Any, value: Any) -> None:
    if isinstance(value, Tensor):
        digest.update(f"tensor {value.dtype} {tuple(value.shape)}:".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    elif isinstance(value, Mapping):
        digest.update(f"dict {len(value)}:".encode())
        for key, part in value.items():
            _add(digest, key)
            _add(digest, part)
    elif isinstance(value, list | tuple):
        digest.update(f"{type(value).__name__} {len(value)}:".encode())
        for part in value:
            _add(digest, part)
    else:
        digest.update(f"{type(value).__name__} {value!r};".encode())


def save_atomically(content: Any, path: Path) -> None:
    """``torch.save`` as a whole file: an existing one survives any failure."""
    with atomic_write(path) as temporary:
        torch.save(content, temporary)


def load_state(path: Path) -> dict[str, Any]:
    """Read a file of tensors and plain values with ``weights_only``; :class:`DataError` names it if that fails."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{path}: cannot be read as a checkpoint ({reason})") from error
