"""Images without labels, on the same sides of the split as with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.data import build_datalist, split_images
from cladeseg.segmentation.phantoms import write_brats_phantoms, write_msd_phantoms
from cladeseg.taxonomy import Node, Taxonomy

TREE = Taxonomy(
    "hippocampus",
    (
        Node("background", values={"msd": 0}),
        Node("hippocampus"),
        Node("anterior", "hippocampus", {"msd": 1}),
        Node("posterior", "hippocampus", {"msd": 2}),
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("msd")
    write_msd_phantoms(root, cases=8)
    return root


@pytest.mark.parametrize("seed", [0, 1])
def test_the_split_is_that_of_a_datalist(folder: Path, seed: int) -> None:
    options = {"seed": seed, "validation_fraction": 0.15, "test_fraction": 0.3}
    images = split_images(folder, layout="msd", **options)
    datalist = build_datalist(folder, TREE, label_convention="msd", fine_patients=1, progress=False, **options)
    for part, cases in images.items():
        assert [case["case"] for case in cases] == [case["case"] for case in datalist[part]]
        assert [case["sha1"] for case in cases] == [case["sha1"] for case in datalist[part]]


def test_no_label_is_named_opened_or_needed(tmp_path: Path) -> None:
    write_msd_phantoms(tmp_path, cases=6)
    before = split_images(tmp_path)
    for file in (tmp_path / "labelsTr").iterdir():
        file.write_bytes(b"not a label")
    assert split_images(tmp_path) == before
    assert not any("label" in case for cases in before.values() for case in cases)
    assert {case["supervision"] for cases in before.values() for case in cases} == {"unlabelled"}


def test_cases_may_lack_modalities_where_that_is_allowed(tmp_path: Path) -> None:
    write_brats_phantoms(tmp_path, subjects=3, shape=(24, 24, 20), spacing=(8, 8, 8))
    gone = sorted(tmp_path.rglob("*_t1ce.nii.gz"))[0]
    gone.unlink()
    channels = ("flair", "t1", "t1ce", "t2")
    with pytest.raises(DataError):
        split_images(tmp_path, channels=channels, test_fraction=0.0, validation_fraction=0.0)
    found = split_images(tmp_path, channels=channels, incomplete=True, test_fraction=0.0, validation_fraction=0.0)
    lacking = [case for case in found["training"] if None in case["image"]]
    assert len(found["training"]) == 3
    assert [case["image"][2] for case in lacking] == [None]
