"""Objects of label volumes: numbers or parts, the same on every grid, and one error for each fault."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cladeseg.clustering.objects import ObjectSet, read_objects
from cladeseg.clustering.objects.shape_and_texture import shape_and_texture
from cladeseg.files import DataError

SHAPE = (24, 20, 16)


def ball(centre: tuple[float, float, float], radius: float, spacing: tuple[float, ...] = (1, 1, 1)) -> np.ndarray:
    """Voxels within a radius in mm; the volume covers the same box whatever the spacing."""
    shape = [round(n / s) for n, s in zip(SHAPE, spacing, strict=True)]
    places = (np.indices(shape) + 0.5) * np.reshape(spacing, (3, 1, 1, 1))
    return np.linalg.norm(places - np.reshape(centre, (3, 1, 1, 1)), axis=0) < radius


def write(
    folder: Path, name: str, numbers: np.ndarray, *, spacing: tuple[float, ...] = (1, 1, 1), pixels: object = None
) -> None:
    affine = np.diag([*spacing, 1.0])
    image = np.where(numbers > 0, 60.0, 20.0) if pixels is None else np.asarray(pixels)
    image.flat[0] = 0.0
    nib.save(nib.Nifti1Image(image.astype(np.float32), affine), folder / f"{name}.nii.gz")
    nib.save(nib.Nifti1Image(numbers.astype(np.int16), affine), folder / f"{name}_objects.nii.gz")


def two_balls() -> np.ndarray:
    return np.where(ball((6, 10, 8), 4), 1, 0) + np.where(ball((18, 10, 8), 5), 3, 0)


def read(folder: Path, **options: str) -> ObjectSet:
    return read_objects(folder, **options)  # type: ignore[arg-type]


def test_each_number_is_an_object_of_its_case(tmp_path: Path) -> None:
    write(tmp_path, "scan", two_balls())
    found = read(tmp_path)
    assert found.ids == ["scan#1", "scan#3"]
    assert found.sources == {"scan#1": "scan", "scan#3": "scan"}
    first = found.objects[0]
    assert first.points is None
    assert first.crop is not None and first.crop.shape == (64, 64, 1)
    assert np.exp(first.shape[-1]) == pytest.approx(4 / 3 * np.pi * 4**3, rel=0.1)


def test_parts_of_one_number_are_objects_if_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "scan", (two_balls() > 0).astype(int))
    assert read(tmp_path).ids == ["scan#1"]
    assert read(tmp_path, outlined="parts").ids == ["scan#1", "scan#2"]


def test_spacing_changes_little_in_what_is_said_of_an_object(tmp_path: Path) -> None:
    fine, coarse = (0.5, 0.5, 0.5), (0.5, 0.5, 2.0)
    for name, spacing in (("fine", fine), ("coarse", coarse)):
        write(tmp_path, name, ball((12, 10, 8), 6, spacing).astype(int), spacing=spacing)
    one, other = read(tmp_path).objects
    assert one.shape[1:4] == pytest.approx(other.shape[1:4], abs=0.12)  # solidity, extent, long over short axis
    assert one.shape[-1] == pytest.approx(other.shape[-1], abs=0.1)


def test_the_scanner_s_units_do_not_count(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).normal(100, 20, SHAPE)
    write(tmp_path, "one", two_balls(), pixels=pixels)
    write(tmp_path, "other", two_balls(), pixels=7 * pixels)
    found = {one.id: one.shape for one in read(tmp_path).objects}
    assert found["one#1"] == pytest.approx(found["other#1"], abs=0.02)


def test_channels_of_a_volume_are_kept(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).random((*SHAPE, 2))
    write(tmp_path, "scan", two_balls(), pixels=pixels)
    assert read(tmp_path).objects[0].crop.shape == (64, 64, 2)  # type: ignore[union-attr]


def test_a_flat_object_has_numbers_too() -> None:
    mask = np.zeros((5, 5, 5), dtype=bool)
    for at in range(5):
        mask[at, at, :] = True
    assert np.isfinite(shape_and_texture(np.ones((5, 5, 5, 1)), mask)).all()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("without", r"scan\.nii\.gz: has no outlines; put scan_objects\.nii\.gz beside it"),
        ("moved", r"scan_objects\.nii\.gz: lies 3\.00 mm from its image"),
        ("smaller", r"scan_objects\.nii\.gz: has the shape \(20, 20, 16\), its image \(24, 20, 16\)"),
        ("none", r"scan_objects\.nii\.gz: outlines no object"),
        ("tiny", r"scan_objects\.nii\.gz: outlines no object of 8 voxels or more"),
        ("fractions", r"scan_objects\.nii\.gz: should hold a whole number above 0"),
        ("nan", r"scan\.nii\.gz: has values that are not finite"),
        ("constant", r"scan\.nii\.gz: is empty, all voxels are equal"),
        ("both", "holds pictures and volumes; keep them in separate folders"),
    ],
)
def test_a_fault_ends_in_one_error_that_names_the_file(tmp_path: Path, fault: str, message: str) -> None:
    write(tmp_path, "scan", two_balls())
    outlines, image = tmp_path / "scan_objects.nii.gz", tmp_path / "scan.nii.gz"
    moved = np.eye(4)
    moved[0, 3] = 3.0
    tiny = np.zeros(SHAPE)
    tiny[2, 2, 2] = 1
    broken = np.full(SHAPE, 5.0)
    broken[3, 3, 3] = np.nan
    planted = {
        "moved": (outlines, two_balls(), moved),
        "smaller": (outlines, two_balls()[:20], np.eye(4)),
        "none": (outlines, np.zeros(SHAPE), np.eye(4)),
        "tiny": (outlines, tiny, np.eye(4)),
        "fractions": (outlines, two_balls() * 0.5, np.eye(4)),
        "nan": (image, broken, np.eye(4)),
        "constant": (image, np.ones(SHAPE), np.eye(4)),
    }
    if fault in planted:
        file, voxels, affine = planted[fault]
        nib.save(nib.Nifti1Image(voxels.astype(np.float32), affine), file)
    elif fault == "without":
        outlines.unlink()
    else:
        (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=message):
        read(tmp_path)
