"""Phantom infarcts: the challenge's layout, and the anatomy and contrasts that a method relies on."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.data import scan
from cladeseg.segmentation.data.acquisition import choose_axis_order
from cladeseg.segmentation.data.folders import scan_folders
from cladeseg.segmentation.phantoms.myops import write_myops_phantoms

LEFT, RIGHT, NORMAL, EDEMA, SCAR = 500, 600, 200, 1220, 2221
SEQUENCES = ("C0", "LGE", "T2")
TINY = {"shape": (32, 32, 5), "spacing": (7.0, 7.0, 12.0)}
SEED = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("phantoms") / "myops"
    write_myops_phantoms(home, cases=9, seed=SEED, **TINY)
    return home


def cases(folder: Path) -> list[dict[str, np.ndarray]]:
    """Sequences and label of each case as they are stored."""
    homes = sorted(path for path in folder.iterdir() if path.is_dir())
    return [
        {word: np.asarray(nib.load(home / f"{home.name}_{word}.nii.gz").dataobj) for word in (*SEQUENCES, "gd")}
        for home in homes
    ]


def brightness(case: dict[str, np.ndarray], sequence: str, value: int) -> float:
    return float(np.median(case[sequence][case["gd"] == value]))


# ---- layout ----------------------------------------------------------------------------------------------------------


def test_the_layout_is_that_of_the_challenge_and_is_recognised(folder: Path) -> None:
    found = scan(folder, "auto")
    assert [case["case"] for case in found] == [f"Case{9001 + i}" for i in range(9)]
    assert {tuple(case["channels"]) for case in scan_folders(folder)} == {SEQUENCES}
    assert found[0]["label"] == "Case9001/Case9001_gd.nii.gz"


def test_all_files_of_a_case_lie_on_one_grid(folder: Path) -> None:
    for home in (path for path in folder.iterdir() if path.is_dir()):
        label, *images = (nib.load(home / f"{home.name}_{word}.nii.gz") for word in ("gd", *SEQUENCES))
        assert label.get_data_dtype() == np.int16
        for image in images:
            assert image.shape == label.shape
            np.testing.assert_array_equal(image.affine, label.affine)


def test_stacks_are_thin_and_the_fewer_slices_the_further_apart(folder: Path) -> None:
    labels = [nib.load(file) for file in folder.glob("*/*_gd.nii.gz")]
    slices = [label.shape[2] for label in labels]
    assert min(slices) >= 2
    assert max(slices) <= 5
    assert len(set(slices)) > 1
    covered = [label.shape[2] * label.header.get_zooms()[2] for label in labels]
    assert max(covered) < 1.3 * min(covered)


def test_slices_are_closest_to_two_planes_but_the_stored_order_is_one(folder: Path) -> None:
    """As in the challenge's files: a fixed anatomical order would turn half of the slices on their side."""
    affines = {str(file): nib.load(file).affine for file in sorted(folder.glob("*/*_gd.nii.gz"))}
    assert {"".join(nib.aff2axcodes(affine)) for affine in affines.values()} == {"LSP", "PSR"}
    assert choose_axis_order(affines)[0] == "stored"


def test_plain_files_lie_as_ras(tmp_path: Path) -> None:
    files = write_myops_phantoms(tmp_path / "ras", cases=1, affines="ras", **TINY)
    assert {nib.aff2axcodes(nib.load(file).affine) for file in files} == {("R", "A", "S")}


# ---- anatomy ---------------------------------------------------------------------------------------------------------


def test_the_right_ventricle_lies_on_one_side_in_every_file(folder: Path) -> None:
    for case in cases(folder):
        columns = [np.argwhere(case["gd"] == value)[:, 0].mean() for value in (RIGHT, LEFT)]
        assert columns[0] < columns[1] - 1


def test_every_leaf_is_there_but_one_case_in_eight_has_no_scar(folder: Path) -> None:
    found = [set(np.unique(case["gd"]).tolist()) for case in cases(folder)]
    everything = {0, LEFT, RIGHT, NORMAL, EDEMA, SCAR}
    assert found == [everything] * 7 + [everything - {SCAR}, everything]


def test_every_slice_cuts_the_left_ventricle_and_no_blood_leaks_out(folder: Path) -> None:
    for case in cases(folder):
        assert (case["gd"] == LEFT).any((0, 1)).all()
        wall = np.isin(case["gd"], (NORMAL, EDEMA, SCAR))
        blood = case["gd"] == LEFT
        for axis in (0, 1):
            beside = np.roll(blood, 1, axis) | np.roll(blood, -1, axis)
            assert (blood | wall)[beside].all()


def test_scar_touches_the_cavity_and_edema_surrounds_it(folder: Path) -> None:
    for case in cases(folder)[:7]:
        scar, edema = case["gd"] == SCAR, case["gd"] == EDEMA
        blood = case["gd"] == LEFT
        beside = np.roll(blood, 1, 0) | np.roll(blood, -1, 0) | np.roll(blood, 1, 1) | np.roll(blood, -1, 1)
        assert (scar & beside).any()
        assert (scar | edema).sum() > scar.sum() > 0


def test_only_lge_shows_scar_and_only_t2_edema(folder: Path) -> None:
    for case in cases(folder)[:7]:
        assert brightness(case, "LGE", SCAR) > 1.8 * brightness(case, "LGE", NORMAL)
        assert brightness(case, "T2", EDEMA) > 1.3 * brightness(case, "T2", NORMAL)
        assert brightness(case, "LGE", EDEMA) < 0.75 * brightness(case, "LGE", SCAR)
        assert brightness(case, "C0", LEFT) > 1.3 * brightness(case, "C0", SCAR)
        assert brightness(case, "T2", LEFT) < brightness(case, "T2", EDEMA)


# ---- promises --------------------------------------------------------------------------------------------------------


def test_the_same_request_gives_the_same_bytes_and_another_seed_does_not(folder: Path, tmp_path: Path) -> None:
    first = write_myops_phantoms(tmp_path / "a", cases=1, seed=SEED, **TINY)
    other = write_myops_phantoms(tmp_path / "b", cases=1, seed=SEED + 1, **TINY)
    for file, different in zip(first, other, strict=True):
        # Also: a case does not depend on how many are made.
        assert file.read_bytes() == (folder / file.relative_to(tmp_path / "a")).read_bytes()
        assert file.read_bytes() != different.read_bytes()


def test_another_request_in_the_same_folder_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="another request"):
        write_myops_phantoms(folder, cases=10, seed=SEED, **TINY)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"cases": 0}, "cases"),
        ({"shape": (8, 8, 3)}, "shape"),
        ({"shape": (32, 32, 1)}, "shape"),
        ({"spacing": (1, 1, 0)}, "spacing"),
        ({"affines": "lps"}, "affines"),
    ],
)
def test_an_impossible_request_names_the_argument(wrong: dict, name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=name):
        write_myops_phantoms(tmp_path / "a", **wrong)
    assert not (tmp_path / "a").exists()
