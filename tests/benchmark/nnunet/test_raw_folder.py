from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from cladeseg.benchmark.nnunet.raw_folder import write_images, write_training_cases
from cladeseg.files import DataError
from cladeseg.segmentation.data.nnunet import scan_nnunet
from cladeseg.taxonomy import Node, Taxonomy

#: Its first axis runs to the left, its second one up.
AFFINE = np.array([[-2.0, 0, 0, 30], [0, 0, 1.5, -7], [0, 1.0, 0, 4], [0, 0, 0, 1]])
SHAPE = (4, 5, 3)


@pytest.fixture
def tree() -> Taxonomy:
    """Integers in another order than the leaves', and one for the superclass."""
    return Taxonomy(
        "t",
        (
            Node("background", values={"files": 0}),
            Node("organ", values={"files": 9}),
            Node("first", "organ", {"files": 7}),
            Node("second", "organ", {"files": 3}),
        ),
    )


def save(path: Path, voxels: np.ndarray) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels, AFFINE), path)
    return str(path)


def case(folder: Path, name: str, values: list[int], images: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    label = np.resize(np.array(values, np.uint8), SHAPE)
    files = [save(folder / f"{name}_{i}.nii", rng.normal(size=SHAPE).astype(np.float32)) for i in range(images)]
    return {
        "case": name,
        "image": files if images > 1 else files[0],
        "label": save(folder / f"{name}_label.nii", label),
    }


def test_labels_are_consecutive_leaves_on_the_images_grid(tmp_path: Path, tree: Taxonomy) -> None:
    one = case(tmp_path, "a", [0, 3, 7])
    write_training_cases([one], tmp_path / "raw", tree, "files")
    written = nib.load(tmp_path / "raw" / "labelsTr" / "a.nii.gz")
    expected = {0: 0, 7: 1, 3: 2}
    truth = np.asarray(nib.load(one["label"]).dataobj)
    assert np.array_equal(np.asarray(written.dataobj), np.vectorize(expected.get)(truth))
    assert np.array_equal(written.affine, AFFINE)
    image = nib.load(tmp_path / "raw" / "imagesTr" / "a_0000.nii.gz")
    assert np.array_equal(image.get_fdata(), nib.load(one["image"]).get_fdata())
    assert np.array_equal(image.affine, AFFINE)
    content = json.loads((tmp_path / "raw" / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "first": 1, "second": 2}
    assert (content["numTraining"], content["channel_names"], content["file_ending"]) == (1, {"0": "image"}, ".nii.gz")


def test_a_voxel_of_which_only_the_superclass_is_known_is_ignored(tmp_path: Path, tree: Taxonomy) -> None:
    write_training_cases([case(tmp_path, "a", [0, 9, 7])], tmp_path / "raw", tree, "files")
    labels = json.loads((tmp_path / "raw" / "dataset.json").read_text())["labels"]
    assert labels == {"background": 0, "first": 1, "second": 2, "ignore": 3}
    written = np.asarray(nib.load(tmp_path / "raw" / "labelsTr" / "a.nii.gz").dataobj)
    assert set(np.unique(written)) == {0, 1, 3}


def test_each_channel_is_a_file_and_our_own_layout_reads_them(tmp_path: Path, tree: Taxonomy) -> None:
    cases = [case(tmp_path, name, [0, 3, 7], images=2) for name in ("a", "b")]
    write_training_cases(cases, tmp_path / "raw", tree, "files", channels=["T1", "T2"])
    found = scan_nnunet(tmp_path / "raw")
    assert [(each["case"], each["channels"], len(each["image"])) for each in found] == [
        ("a", ["T1", "T2"], 2),
        ("b", ["T1", "T2"], 2),
    ]


def test_the_volumes_of_a_4d_file_are_channels_and_a_missing_one_is_zero(tmp_path: Path) -> None:
    both = np.random.default_rng(0).normal(size=(*SHAPE, 2)).astype(np.float32)
    single = save(tmp_path / "b.nii", both[..., 1])
    cases = [
        {"case": "a", "image": save(tmp_path / "a.nii", both)},
        {"case": "b", "image": [None, single]},
    ]
    write_images(cases, tmp_path / "images", channels=["T1", "T2"])
    found = {file.name: nib.load(file).get_fdata() for file in (tmp_path / "images").iterdir()}
    for name, voxels in (("a", both[..., 0]), ("b", 0 * both[..., 0])):
        assert np.array_equal(found[f"{name}_0000.nii.gz"], voxels)
        assert np.array_equal(found[f"{name}_0001.nii.gz"], both[..., 1])


def test_what_an_earlier_attempt_left_is_removed(tmp_path: Path, tree: Taxonomy) -> None:
    for name in ("a", "b"):
        write_training_cases([case(tmp_path, name, [0, 3])], tmp_path / "raw", tree, "files")
    assert [each["case"] for each in scan_nnunet(tmp_path / "raw")] == ["b"]


def test_without_a_fine_case_there_is_nothing_to_train_on(tmp_path: Path, tree: Taxonomy) -> None:
    with pytest.raises(DataError, match="nnU-Net needs a finely labelled training case"):
        write_training_cases([], tmp_path / "raw", tree, "files")
