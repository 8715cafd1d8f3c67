"""One 4D file from the files of a case's modalities, for tools that take one file per image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from cladeseg.files import DataError, atomic_write
from cladeseg.segmentation.data.brats import BRATS_MODALITIES, parse_brats_name, scan_brats
from cladeseg.segmentation.data.images import find_images
from cladeseg.volumes import Volume, case_name, corner_distance, read_volume, volume_like

_SUFFIXES = (".nii.gz", ".nii")


def stack_folder(
    folder: str | Path, out: str | Path, *, channels: Sequence[str] = BRATS_MODALITIES, force: bool = False
) -> list[Path]:
    """Write every case of a folder as one 4D NIfTI with the named channels, by default those of BraTS.

    Args:
        folder: folder of one case, or of many as :func:`cladeseg.segmentation.data.brats.scan_brats` reads them; for
            other channels as :func:`cladeseg.segmentation.data.images.find_images` does.
        out: folder for ``ID.nii.gz``; for one case also the file to write, if it ends in ``.nii`` or ``.nii.gz``.
        channels: names of the modalities, in order.
        force: whether existing files are replaced; without it nothing is written if one exists.

    Returns:
        The files, sorted by case.

    Raises:
        DataError: as these two and :func:`stack_modalities`; a case lacks a channel or is stacked already; or one file
            is asked for and there are several cases.
    """
    folder, out = Path(folder), Path(out)
    cases = _brats_cases(folder) if tuple(channels) == BRATS_MODALITIES else _cases(folder, channels)
    if out.name.endswith(_SUFFIXES) and len(cases) > 1:
        raise DataError(f"{out}: names one file, but {folder} holds {len(cases)} cases; name a folder")
    outs = {case: out if out.name.endswith(_SUFFIXES) else out / f"{case}.nii.gz" for case in cases}
    for case, files in cases.items():
        _check_out(outs[case], files, force)
    return [
        stack_modalities(dict(zip(channels, files, strict=True)), outs[case], force=force)
        for case, files in cases.items()
    ]


def stack_modalities(
    files: Mapping[str, str | Path] | Sequence[str | Path], out: str | Path, *, force: bool = False
) -> Path:
    """Write 3D files as the channels of one 4D NIfTI (x, y, z, C).

    The voxels lie where those of the first file lie, to the last bit of its header.  Values keep their type if all
    files have the same and none is scaled by its header, else they become float32.

    Args:
        files: one file per channel, in the order of the channels; of a mapping, the values.
        out: the file to write, ``.nii`` or ``.nii.gz``.
        force: whether an existing file is replaced.

    Returns:
        ``out`` as a path.  The file appears whole or not at all.

    Raises:
        DataError: there is no file, or one is given twice; one cannot be read, is not 3D, or differs from the first in
            shape or by more than 1 mm in place; ``out`` exists, has another ending, is one of the files, or cannot be
            written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = [Path(folder, f"{name}.nii.gz") for name in ("flair", "t1")]
        ...     for file in files:
        ...         nib.save(nib.Nifti1Image(np.ones((4, 5, 6), dtype=np.float32), np.eye(4)), file)
        ...     nib.load(stack_modalities(files, Path(folder, "both.nii.gz"))).shape
        (4, 5, 6, 2)
    """
    paths, out = [Path(path) for path in (files.values() if isinstance(files, Mapping) else files)], Path(out)
    _check_out(out, paths, force)
    volumes = [_read(path) for path in paths]
    for volume in volumes:
        _check_same_grid(volume, volumes[0])
    stacked = np.stack([volume.voxels for volume in volumes], -1, dtype=_common_dtype(volumes), casting="unsafe")
    with atomic_write(out) as temporary:
        nib.save(volume_like(stacked, volumes[0].grid), temporary)
    return out


def _brats_cases(folder: Path) -> dict[str, list[Path]]:
    return _case_in(folder) or {c["case"]: [folder / path for path in c["image"]] for c in scan_brats(folder)}


def _cases(folder: Path, channels: Sequence[str]) -> dict[str, list[Path]]:
    cases: dict[str, list[Path]] = {}
    for case in find_images(folder, modalities=channels):
        if isinstance(case["image"], str):
            raise DataError(f"{case['image']}: holds {len(channels)} channels already")
        missing = [name for name, file in zip(channels, case["image"], strict=True) if file is None]
        if missing:
            raise DataError(f"{folder}: {case['case']} has no file for {', '.join(missing)}")
        cases[case["case"]] = [Path(file) for file in case["image"]]
    return cases


def _case_in(folder: Path) -> dict[str, list[Path]]:
    """The case whose files lie directly in ``folder``, if there is one: its ID → flair, t1, t1ce, t2."""
    volumes = sorted(file for file in folder.glob("*.nii*") if file.name.endswith(_SUFFIXES) and file.name[0] != ".")
    named = [(name, file) for file in volumes if (name := parse_brats_name(case_name(file)))]
    cases = sorted({name.case for name, _ in named})
    if len(cases) > 1:
        raise DataError(f"{folder}: holds files of {len(cases)} cases ({cases[0]}, {cases[1]} …); one folder for each")
    found = {name.kind: file for name, file in named}
    missing = [kind for kind in BRATS_MODALITIES if kind not in found]
    if cases and missing:
        raise DataError(f"{folder}: {cases[0]} has no file for {', '.join(missing)}")
    return {case: [found[kind] for kind in BRATS_MODALITIES] for case in cases}


def _check_out(out: Path, files: Sequence[Path], force: bool) -> None:
    if not out.name.endswith(_SUFFIXES):
        raise DataError(f"{out}: the name must end in {' or '.join(_SUFFIXES)}")
    if not files:
        raise DataError(f"{out}: there is no file to stack")
    resolved = [file.resolve() for file in files]
    twice = next((file for file, path in zip(files, resolved, strict=True) if resolved.count(path) > 1), None)
    if twice is not None:
        raise DataError(f"{twice}: is given for two channels")
    if out.resolve() in resolved:
        raise DataError(f"{out}: is one of the files to stack")
    if out.exists() and not force:
        raise DataError(f"{out}: exists already")


def _read(path: Path) -> Volume:
    volume = read_volume(path)
    if volume.voxels.ndim != 3:
        raise DataError(f"{path}: is {volume.voxels.ndim}D; a channel is a 3D volume")
    return volume


def _check_same_grid(volume: Volume, first: Volume) -> None:
    grid, other = volume.grid, first.grid
    if grid.shape != other.shape:
        raise DataError(f"{grid.path}: the shape is {grid.shape}, that of {other.path} {other.shape}")
    shift = corner_distance(grid.affine, other.affine, grid.shape)
    if not shift <= 1.0:  # written so that NaN is refused too
        raise DataError(f"{grid.path}: lies up to {shift:.1f} mm off {other.path}")


def _common_dtype(volumes: Sequence[Volume]) -> np.dtype[Any]:
    """The files' type, unless they differ or a header scales its values, which are then no longer of that type."""
    types = [volume.voxels.dtype for volume in volumes] + [volume.grid.dtype for volume in volumes]
    native = {kind.newbyteorder("=") for kind in types}
    return native.pop() if len(native) == 1 else np.dtype(np.float32)
