"""Phantom brain tumours: the layouts of two challenges, and the anatomy and contrasts that a method relies on."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from cladeseg.files import DataError
from cladeseg.segmentation.phantoms.brats import write_brats_phantoms

NECROSIS, OEDEMA, ENHANCING = 1, 2, 4
MODALITIES = ("flair", "t1", "t1ce", "t2")
TINY = {"shape": (24, 24, 20), "spacing": (8.0, 8.0, 8.0)}
SEED = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("phantoms") / "brats"
    write_brats_phantoms(home, subjects=10, seed=SEED, **TINY)
    return home


def subjects(folder: Path) -> list[dict[str, np.ndarray]]:
    """Modalities and label of each subject in RAS order."""
    volumes = []
    for home in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = {name: home / f"{home.name}_{name}.nii.gz" for name in (*MODALITIES, "seg")}
        volumes.append({k: np.asarray(nib.as_closest_canonical(nib.load(f)).dataobj) for k, f in files.items()})
    return volumes


def normal(subject: dict[str, np.ndarray], modality: str) -> float:
    """Median of the brain outside the tumour."""
    return float(np.median(subject[modality][(subject["seg"] == 0) & (subject["t1"] > 0)]))


def contrast(subject: dict[str, np.ndarray], modality: str, value: int) -> float:
    """Median of a structure relative to normal brain."""
    return float(np.median(subject[modality][subject["seg"] == value])) / normal(subject, modality)


def neighbours(mask: np.ndarray) -> np.ndarray:
    return ndimage.binary_dilation(mask) & ~mask


# ---- layout ----------------------------------------------------------------------------------------------------------


def test_the_layout_is_that_of_brats_2018(folder: Path):
    home = folder / "Brats18_PHANTOM_002_1"
    assert {f.name for f in home.iterdir()} == {f"{home.name}_{name}.nii.gz" for name in (*MODALITIES, "seg")}
    label = nib.load(home / f"{home.name}_seg.nii.gz")
    assert label.get_data_dtype() == np.uint8
    for name in MODALITIES:
        image = nib.load(home / f"{home.name}_{name}.nii.gz")
        assert image.get_data_dtype() == np.int16
        assert image.shape == label.shape
        np.testing.assert_array_equal(image.affine, label.affine)
        np.testing.assert_allclose(image.get_sform(coded=True)[0], image.get_qform(coded=True)[0], atol=1e-4)


def test_both_namings_show_the_same_subjects(folder: Path, tmp_path: Path):
    files = write_brats_phantoms(tmp_path / "b", subjects=2, seed=SEED, naming="brats23", **TINY)
    stem = tmp_path / "b" / "BraTS-GLI-00002-000" / "BraTS-GLI-00002-000"
    assert files[5:] == [Path(f"{stem}-{name}.nii.gz") for name in ("t2f", "t1n", "t1c", "t2w", "seg")]
    old = folder / "Brats18_PHANTOM_002_1" / "Brats18_PHANTOM_002_1"
    for name, former in zip(("t2f", "t1n", "t1c", "t2w"), MODALITIES, strict=True):
        assert Path(f"{stem}-{name}.nii.gz").read_bytes() == Path(f"{old}_{former}.nii.gz").read_bytes()
    new, former = (np.asarray(nib.load(file).dataobj) for file in (files[-1], f"{old}_seg.nii.gz"))
    assert set(np.unique(new)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(np.where(new == 3, 4, new), former)


def test_affines_vary_but_the_world_does_not(folder: Path, tmp_path: Path):
    files = sorted(folder.glob("*/*_seg.nii.gz"))
    affines = [nib.load(file).affine for file in files]
    assert {"".join(nib.aff2axcodes(affine)) for affine in affines} == {"RAS", "LPS", "ARI"}
    assert any(np.count_nonzero(np.abs(affine[:3, :3]) > 0.1) > 3 for affine in affines), "no oblique one"
    plain = write_brats_phantoms(tmp_path / "ras", subjects=4, seed=SEED, affines="ras", **TINY)[4::5]
    for stored, ras in zip(files, plain, strict=False):
        canonical = nib.as_closest_canonical(nib.load(stored))
        np.testing.assert_array_equal(np.asarray(canonical.dataobj), np.asarray(nib.load(ras).dataobj))
    # Transposed and flipped, not turned: each voxel keeps its place in the world.
    for index in (1, 3):
        canonical = nib.as_closest_canonical(nib.load(files[index]))
        np.testing.assert_allclose(canonical.affine, nib.load(plain[index]).affine, atol=1e-4)


# ---- anatomy ---------------------------------------------------------------------------------------------------------


def test_the_brain_is_one_piece_and_everything_else_is_exactly_zero(folder: Path):
    for subject in subjects(folder):
        brain = subject["t1"] > 0
        assert 0.2 < brain.mean() < 0.7
        parts, _ = ndimage.label(brain)
        assert np.bincount(parts.ravel())[1:].max() > 0.99 * brain.sum()
        for name in MODALITIES:
            np.testing.assert_array_equal(subject[name] > 0, brain)
        assert not (subject["seg"][~brain]).any()


def test_necrosis_lies_in_an_enhancing_rim_and_the_core_in_oedema(folder: Path):
    for subject in subjects(folder):
        label, brain = subject["seg"], subject["t1"] > 0
        core = np.isin(label, (NECROSIS, ENHANCING))
        assert core.any()
        # The core touches nothing but oedema, or the surface of the brain.
        around = neighbours(core) & ndimage.binary_erosion(brain, iterations=2)
        assert around.any()
        assert (label[around] == OEDEMA).mean() > 0.95
        if (label == ENHANCING).any():
            assert set(np.unique(label[neighbours(label == NECROSIS)])) <= {ENHANCING}


def test_tumours_differ_as_their_kind_says(folder: Path):
    kinds = [{int(v) for v in np.unique(subject["seg"])} for subject in subjects(folder)]
    assert kinds[::5] == [{0, 1, 2, 4}] * 2
    assert kinds[2::5] == [{0, 1, 2}] * 2, "low grade: nothing enhances"
    assert kinds[4::5] == [{0, 2, 4}] * 2, "solid: nothing is dead"
    lesions = [ndimage.label(np.isin(s["seg"], (1, 4)), np.ones((3, 3, 3)))[1] for s in subjects(folder)]
    assert lesions == [1, 2, 1, 1, 1] * 2


def test_each_modality_shows_what_it_should(folder: Path):
    for subject in subjects(folder):
        assert contrast(subject, "flair", OEDEMA) > 1.35
        assert contrast(subject, "t2", OEDEMA) > 1.15
        assert abs(contrast(subject, "t1", OEDEMA) - 1) < 0.2
        if (subject["seg"] == ENHANCING).any():
            assert contrast(subject, "t1ce", ENHANCING) > 1.3
            assert contrast(subject, "t1", ENHANCING) < 1.2
            assert contrast(subject, "t1ce", OEDEMA) < 1.25
        if (subject["seg"] == NECROSIS).any():
            assert contrast(subject, "t1", NECROSIS) < min(0.97, contrast(subject, "t1", OEDEMA))
            # In a grid this coarse the bright rim spills into a small centre.
            rim = contrast(subject, "t1ce", ENHANCING) if (subject["seg"] == ENHANCING).any() else 1.2
            assert contrast(subject, "t1ce", NECROSIS) < 0.8 * rim


def test_intensities_differ_widely_between_subjects(folder: Path):
    levels = [normal(subject, "flair") for subject in subjects(folder)]
    assert min(levels) > 20
    assert max(levels) > 20 * min(levels)


# ---- promises --------------------------------------------------------------------------------------------------------


def test_the_same_request_gives_the_same_bytes_and_another_seed_does_not(folder: Path, tmp_path: Path):
    first = write_brats_phantoms(tmp_path / "a", subjects=1, seed=SEED, **TINY)
    other = write_brats_phantoms(tmp_path / "b", subjects=1, seed=SEED + 1, **TINY)
    for file, different in zip(first, other, strict=True):
        # Also: a subject does not depend on how many are made.
        assert file.read_bytes() == (folder / file.relative_to(tmp_path / "a")).read_bytes()
        assert file.read_bytes() != different.read_bytes()


def test_another_naming_in_the_same_folder_is_refused(folder: Path):
    with pytest.raises(DataError, match="another request"):
        write_brats_phantoms(folder, subjects=10, seed=SEED, naming="brats23", **TINY)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"subjects": 0}, "subjects"),
        ({"naming": "brats19"}, "naming.*brats18, brats23, not 'brats19'"),
        ({"shape": (8, 8, 8)}, "shape"),
        ({"spacing": (1, 1, 0)}, "spacing"),
        ({"affines": "lps"}, "affines"),
    ],
)
def test_an_impossible_request_names_the_argument(wrong: dict, name: str, tmp_path: Path):
    with pytest.raises(ValueError, match=name):
        write_brats_phantoms(tmp_path / "a", **wrong)
    assert not (tmp_path / "a").exists()
