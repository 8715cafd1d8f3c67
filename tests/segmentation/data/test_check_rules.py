"""Oddities of data sets: each rule fires on what it is for, and is silent about what is usual."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cladeseg.segmentation.data import inspect_case, inspect_images
from cladeseg.segmentation.data.image_volume import examine_volume
from cladeseg.segmentation.data.rules.partial_channel import partial_channels
from cladeseg.segmentation.data.rules.saturation import saturation
from cladeseg.segmentation.data.rules.unlabelled_slices import unlabelled_ends
from cladeseg.segmentation.workflow.dataset_check import check_for_training
from cladeseg.taxonomy import Taxonomy

REPOSITORY = Path(__file__).parents[3]
REAL = REPOSITORY.parent / "shared" / "data"
real_data = pytest.mark.real_data


def brain(filled: int = 12) -> np.ndarray:
    voxels = np.zeros((16, 16, 16), np.int16)
    voxels[2 : 2 + filled, 2:14, 2:14] = np.random.default_rng(filled).integers(1, 900, (filled, 12, 12))
    return voxels


def save(voxels: np.ndarray, file: Path, spacing: tuple[float, float, float] = (1, 1, 1)) -> Path:
    nib.save(nib.Nifti1Image(voxels, np.diag([*spacing, 1])), file)
    return file


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.int32])
def test_integers_at_the_end_of_their_type_are_saturated(tmp_path: Path, kind: type) -> None:
    voxels = brain().astype(kind)
    voxels[5, 5, 5] = np.iinfo(kind).max
    (oddity,) = examine_volume(save(voxels, tmp_path / "a.nii.gz"), [0], of=1).oddities
    assert str(np.iinfo(kind).max) in oddity


@pytest.mark.parametrize(
    "voxels",
    [
        brain(),
        np.full((2, 2, 2), 255, np.uint8),
        np.full((2, 2, 2), 32767.0, np.float32),
        np.zeros((0, 2, 2), np.int16),
    ],
    ids=["far from the end", "8 bits", "real numbers", "nothing"],
)
def test_others_are_not(voxels: np.ndarray) -> None:
    assert saturation(voxels) == ""


def test_a_channel_of_part_of_the_brain_is_named_by_its_file(tmp_path: Path) -> None:
    files = [
        save(brain(filled), tmp_path / f"{name}.nii.gz") for name, filled in (("t1", 12), ("t2", 12), ("flair", 7))
    ]
    (seen,) = inspect_images([{"case": "a", "image": list(map(str, files))}])
    assert [(Path(f.path).name, f.severity) for f in seen.findings] == [("flair.nii.gz", "info")]
    assert "only 58 %" in seen.findings[0].message


@pytest.mark.parametrize("covered", [[5], [100, 95], [100, 0], [], [1, 1, 1]])
def test_channels_that_cover_the_same_and_absent_ones_are_usual(covered: list[int]) -> None:
    assert list(partial_channels(covered)) == []


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_lie_along_the_largest_spacing(axis: int) -> None:
    stack = np.zeros((7, 7, 7), bool)
    stack[(slice(None),) * axis + (slice(3, 5),)] = True
    spacing = [1.5, 1.4, 1.5]
    spacing[axis] = 6.0
    assert unlabelled_ends(stack, spacing) == (3, 2)
    assert unlabelled_ends(stack, (1.0, 1.0, 1.0)) == (0, 0)
    assert unlabelled_ends(np.zeros_like(stack), spacing) == (0, 0)


def test_unlabelled_ends_are_counted_for_each_case(tmp_path: Path, acdc_tree: Taxonomy) -> None:
    label = np.zeros((16, 16, 16), np.uint8)
    label[4:9, 4:9, 1:14] = 3
    save(brain(), tmp_path / "a.nii.gz", (1, 1, 8))
    save(label, tmp_path / "a_gt.nii.gz", (1, 1, 8))
    case = {"case": "a", "image": "a.nii.gz", "label": "a_gt.nii.gz"}
    seen = inspect_case(case, tmp_path, acdc_tree, "acdc")
    assert seen.bare_slices == 3
    assert [f.message[:48] for f in seen.findings] == ["3 of 16 slices, at the ends of the stack (1 and 2"[:48]]


# ---- real data sets --------------------------------------------------------------------------------------------------


def real_findings(name: str, layout: str) -> Iterator[str]:
    folder = REAL / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    tree = REPOSITORY / "bundles" / f"{name}_subclass_segmentation" / "configs" / "taxonomy.json"
    found = check_for_training(folder, tree, layout=layout, label_convention="auto", progress=False)
    assert not found.fatal
    yield from (f"{Path(f.path).name}: {f.message}" for f in found.findings)
    yield f"same: {found.same_patients}; bare: {sum(i.bare_slices for i in found.inspections)}"


@real_data
def test_what_is_odd_about_acdc_is_named() -> None:
    """All 54 slices without a labelled voxel of these 160 stacks lie at an end."""
    *_, summary = real_findings("acdc", "acdc")
    assert summary == "same: ['patient074 = patient076']; bare: 54"


@real_data
def test_what_is_odd_about_brats_is_named() -> None:
    found = list(real_findings("brats", "brats"))
    assert any(line.startswith("Brats18_2013_20_1_flair.nii.gz: covers only 66 %") for line in found)
    assert {line.split("_1_")[0] for line in found if "saturation" in line} == {
        "Brats18_TCIA10_637",
        "Brats18_TCIA10_639",
    }
