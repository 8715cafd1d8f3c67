"""A damaged file is refused whatever was damaged, and none makes a reader hang or fill the memory."""

from __future__ import annotations

import gzip
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from volume_formats import write_itk, write_mgh, write_nifti

from cladeseg.files import DataError
from cladeseg.volumes import read_grid, read_volume

VOXELS = np.random.default_rng(0).integers(0, 900, (24, 20, 16)).astype(np.int16)
PACKED: dict[str, Callable[..., Path]] = {"scan.nii.gz": write_nifti, "scan.mgz": write_mgh}


def with_flipped_bit(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def gzip_notices(content: bytes) -> bool:
    try:
        gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return True
    return False


def outcome(path: Path) -> str:
    """The refusal, in one line that begins with the path; nothing if the file is accepted."""
    begin = time.perf_counter()
    try:
        read_volume(path)
    except DataError as error:
        assert str(error).startswith(f"{path}: ")
        assert len(str(error).splitlines()) == 1
        return str(error)
    finally:
        assert time.perf_counter() - begin < 5
    return ""


@pytest.mark.parametrize("name", PACKED)
def test_every_flipped_bit_that_gzip_notices_is_refused(tmp_path: Path, name: str) -> None:
    content = PACKED[name](VOXELS, tmp_path / name).read_bytes()
    damaged, bits = tmp_path / f"damaged-{name}", random.Random(0)
    noticed = 0
    for _ in range(300):
        damaged.write_bytes(with_flipped_bit(content, bits.randrange(8 * len(content))))
        if gzip_notices(damaged.read_bytes()):
            noticed += 1
            assert outcome(damaged)
    assert noticed > 250


@pytest.mark.parametrize("name", ["scan.nrrd", "scan.mha"])
def test_a_flipped_bit_of_packed_voxels_is_refused(tmp_path: Path, name: str) -> None:
    content = write_itk(VOXELS, tmp_path / name).read_bytes()
    damaged, bits = tmp_path / f"damaged-{name}", random.Random(0)
    for _ in range(100):
        damaged.write_bytes(with_flipped_bit(content, 8 * len(content) - 1 - bits.randrange(8 * 4000)))
        assert outcome(damaged)


@pytest.mark.parametrize(
    ("name", "write", "header"),
    [
        ("scan.nii", write_nifti, 348),
        ("scan.nii.gz", write_nifti, 348),
        ("scan.mgz", write_mgh, 90),
        ("scan.nrrd", write_itk, 300),
        ("scan.mha", write_itk, 300),
    ],
)
def test_a_mutated_header_is_read_or_refused_in_one_line(
    tmp_path: Path, name: str, write: Callable[..., Path], header: int
) -> None:
    path, bits = write(VOXELS[:9, :8, :7], tmp_path / name), random.Random(1)
    packed = name.endswith("z")
    content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    refused = 0
    for _ in range(300):
        changed = bytearray(content)
        for _ in range(bits.choice((1, 1, 2, 5, 20))):
            changed[bits.randrange(header)] = bits.randrange(256)
        path.write_bytes(gzip.compress(bytes(changed), 1) if packed else changed)
        refused += bool(outcome(path))
    assert refused > 50


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.mgz", "scan.nrrd", "scan.mha"])
def test_a_file_that_ends_early_is_refused(tmp_path: Path, name: str) -> None:
    path = (PACKED.get(name) or (write_nifti if name == "scan.nii" else write_itk))(VOXELS, tmp_path / name)
    path.write_bytes(path.read_bytes()[:-9])
    assert "cannot be read" in outcome(path)


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.mgz"])
def test_what_follows_a_gzip_stream_is_refused_but_for_its_zeros(tmp_path: Path, name: str) -> None:
    path = PACKED[name](VOXELS, tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content + bytes(100))
    assert not outcome(path)
    path.write_bytes(content + b"rest of another file")
    assert "something follows its gzip stream" in outcome(path)


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    path = write_nifti(VOXELS, tmp_path / "scan.nii")
    content = path.read_bytes()
    packed = tmp_path / "scan.nii.gz"
    packed.write_bytes(gzip.compress(content[:5000]) + gzip.compress(content[5000:]))
    np.testing.assert_array_equal(read_volume(packed).voxels, VOXELS)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_more_voxels_than_the_header_describes_are_refused(tmp_path: Path, name: str) -> None:
    path = write_nifti(VOXELS, tmp_path / "scan.nii")
    content = bytearray(path.read_bytes())
    content[46:48] = (8).to_bytes(2, "little")  # the third dimension, of 16
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert "holds more than the" in outcome(tmp_path / name)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.mgz", "scan.nrrd", "scan.mha"])
def test_a_header_that_claims_gigabytes_is_refused_before_they_are_allocated(tmp_path: Path, name: str) -> None:
    write = {"scan.mgz": write_mgh, "scan.nrrd": write_itk, "scan.mha": write_itk}.get(name, write_nifti)
    path = write(VOXELS[:9, :8, :7], tmp_path / name)
    packed = name.endswith("z")
    content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    if "nii" in name:
        content = content[:42] + np.array([30000, 30000, 1000], "<i2").tobytes() + content[48:]
    elif "mgz" in name:
        content = content[:4] + np.array([30000, 30000, 1000], ">i4").tobytes() + content[16:]
    else:
        content = content.replace(b"9 8 7", b"30000 30000 1000", 1)
    path.write_bytes(gzip.compress(content) if packed else content)
    assert read_grid(path).shape == (30000, 30000, 1000)
    tracemalloc.start()
    refusal = outcome(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refusal
    assert peak < 50e6


# ---- headers that no scanner writes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mm", [1e-5, 1000.0])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.nrrd", "scan.mha", "scan.mgz"])
def test_a_spacing_that_cannot_be_meant_is_refused_with_its_value(
    tmp_path: Path, mm: float, axis: int, name: str
) -> None:
    write = {"scan.mgz": write_mgh, "scan.nii.gz": write_nifti}.get(name, write_itk)
    affine = np.eye(4)
    affine[axis, axis] = mm
    path = write(VOXELS[:4, :4, :4], tmp_path / name, affine)
    with pytest.raises(DataError, match=rf"^{path}: its spacing .*{mm:.4g}.* mm is not plausible"):
        read_grid(path)


def test_thick_slices_and_fine_voxels_are_plausible(tmp_path: Path) -> None:
    for mm in (0.005, 23.0, 50.0):
        read_grid(write_nifti(VOXELS[:4, :4, :4], tmp_path / "a.nii.gz", np.diag([mm, 1, 1, 1])))


@pytest.mark.parametrize("value", [0, -5])
def test_an_axis_without_voxels_is_refused(tmp_path: Path, value: int) -> None:
    path = write_nifti(VOXELS, tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[44:46] = value.to_bytes(2, "little", signed=True)
    path.write_bytes(content)
    assert "has no voxels" in outcome(path)


def test_an_affine_that_is_no_number_and_an_unknown_type_are_refused(tmp_path: Path) -> None:
    path = write_nifti(VOXELS, tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[292:296] = np.array(np.nan, "<f4").tobytes()  # the translation of srow_x
    path.write_bytes(content)
    assert "its affine is not finite" in outcome(path)
    path = write_nifti(VOXELS, tmp_path / "b.nii")
    content = bytearray(path.read_bytes())
    content[70:72] = (999).to_bytes(2, "little")
    path.write_bytes(content)
    assert "cannot be read" in outcome(path)
