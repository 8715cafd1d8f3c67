"""Labels become node maps on the image's grid, never finer than the supervision, and never from a foreign grid."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import LoadImaged

from cladeseg.files import DataError
from cladeseg.segmentation.transforms import LoadNodesd
from cladeseg.taxonomy import LabelValueError, Taxonomy
from cladeseg.terminal import quieten_libraries
from cladeseg.volumes import corner_distance

SHAPE = (4, 5, 3)
AFFINE = np.array([[0, 2.0, 0, 10], [-2.0, 0, 0, 20], [0, 0, 9.0, 30], [0, 0, 0, 1]])
#: Every ACDC value, many times.
LABEL = (np.arange(60).reshape(SHAPE) % 4).astype(np.uint8)


def write(path: Path, voxels: np.ndarray, affine: np.ndarray = AFFINE) -> str:
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return str(path)


@pytest.fixture
def case(tmp_path: Path) -> dict[str, Any]:
    """An item with a loaded image and the path of its label."""
    image = write(tmp_path / "scan.nii.gz", np.arange(60, dtype=np.float32).reshape(SHAPE))
    loaded = LoadImaged("image", reader="NibabelReader", ensure_channel_first=True)({"image": image})
    return {**loaded, "label": write(tmp_path / "scan_gt.nii.gz", LABEL), "case": "scan"}


def nodes_of(case: dict[str, Any], tree: Taxonomy, **changes: Any) -> np.ndarray:
    return np.asarray(LoadNodesd(tree, "acdc")({**case, **changes})["nodes"])[0]


def named(tree: Taxonomy, *names: str) -> np.ndarray:
    """The node map in which value i of the label has become the i-th name."""
    return np.array([tree.index(name) for name in names])[LABEL]


def test_a_fine_label_becomes_leaves(case: dict[str, Any], acdc_tree: Taxonomy):
    expected = named(acdc_tree, "background", "right_ventricle", "myocardium", "left_ventricle")
    np.testing.assert_array_equal(nodes_of(case, acdc_tree, supervision="fine"), expected)


@pytest.mark.parametrize(
    ("supervision", "expected"),
    [
        ("heart", ("background", "heart", "heart", "heart")),
        # An outline of the left heart does not tell the right ventricle from the background.
        ("left_heart", ("root", "root", "left_heart", "left_heart")),
        ("right_ventricle+left_heart", ("background", "right_ventricle", "left_heart", "left_heart")),
    ],
)
def test_coarse_supervision_collapses_the_leaves(
    case: dict[str, Any], acdc_tree: Taxonomy, supervision: str, expected: tuple[str, ...]
):
    np.testing.assert_array_equal(nodes_of(case, acdc_tree, supervision=supervision), named(acdc_tree, *expected))


@pytest.mark.parametrize("content", [None, b"", b"\x1f\x8b not a gzip file"])
def test_an_unlabelled_case_never_opens_its_label(case: dict[str, Any], acdc_tree: Taxonomy, content: bytes | None):
    path = Path(case["label"])
    path.unlink() if content is None else path.write_bytes(content)
    nodes = nodes_of(case, acdc_tree, supervision="unlabelled")
    np.testing.assert_array_equal(nodes, np.full(SHAPE, acdc_tree.root))
    with pytest.raises(DataError):  # the same file is noticed as soon as it is opened
        nodes_of(case, acdc_tree, supervision="heart")


def test_without_a_supervision_the_label_itself_decides(case: dict[str, Any], acdc_tree: Taxonomy):
    load = LoadNodesd(acdc_tree, "acdc")
    assert load(case)["supervision"] == "fine"
    np.testing.assert_array_equal(nodes_of(case, acdc_tree), LABEL)
    del case["label"]
    out = load(case)
    assert out["supervision"] == "unlabelled"
    assert bool((out["nodes"] == acdc_tree.root).all())


@pytest.mark.parametrize("supervision", ["fine", "heart", "unlabelled"])
def test_the_node_map_lies_on_the_image_and_replaces_the_path(
    case: dict[str, Any], acdc_tree: Taxonomy, supervision: str
):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quieten_libraries()  # where pydicom is installed, MONAI warns of a decoder whenever a loader is built
        out = LoadNodesd(acdc_tree, "acdc")({**case, "supervision": supervision})
    assert set(out) == {"image", "nodes", "case", "supervision"}
    assert out["nodes"].dtype == torch.uint8
    assert out["nodes"].shape == (1, *SHAPE)
    assert torch.equal(out["nodes"].affine, case["image"].affine)
    assert "label" in case  # the item itself is left alone


def test_other_keys_can_be_named(case: dict[str, Any], acdc_tree: Taxonomy):
    case["t1"], case["outline"] = case.pop("image"), case.pop("label")
    load = LoadNodesd(acdc_tree, "acdc", keys="outline", image_key="t1", output_key="tree")
    np.testing.assert_array_equal(np.asarray(load(case)["tree"])[0], LABEL)


def test_another_label_convention_gives_the_same_nodes(case: dict[str, Any], brats_tree: Taxonomy):
    nodes = {}
    for label_convention, enhancing in (("brats18", 4), ("brats23", 3)):
        write(Path(case["label"]), np.where(LABEL == 3, enhancing, LABEL).astype(np.uint8))
        nodes[label_convention] = np.asarray(LoadNodesd(brats_tree, label_convention)(case)["nodes"])[0]
    np.testing.assert_array_equal(nodes["brats18"], nodes["brats23"])
    np.testing.assert_array_equal(nodes["brats18"] == brats_tree.index("enhancing"), LABEL == 3)


def test_a_declared_but_missing_label_is_named_by_its_image(case: dict[str, Any], acdc_tree: Taxonomy):
    del case["label"]
    with pytest.raises(DataError, match=r"scan\.nii\.gz: declared 'heart' but has no label file"):
        nodes_of(case, acdc_tree, supervision="heart")


def refusal(case: dict[str, Any], tree: Taxonomy) -> str:
    with pytest.raises((DataError, LabelValueError)) as error:
        nodes_of(case, tree, supervision="fine")
    assert str(error.value).startswith(f"{case['label']}: ")
    return str(error.value)


def test_a_truncated_label_is_refused(case: dict[str, Any], acdc_tree: Taxonomy):
    path = Path(case["label"])
    path.write_bytes(path.read_bytes()[:-20])
    assert "cannot be read" in refusal(case, acdc_tree)


@pytest.mark.parametrize("shape", [(5, 4, 3), (4, 5, 2), (4, 5, 3, 2)])
def test_another_shape_is_refused(case: dict[str, Any], acdc_tree: Taxonomy, shape: tuple[int, ...]):
    write(Path(case["label"]), np.zeros(shape, np.uint8))
    message = refusal(case, acdc_tree)
    assert "shape" in message
    assert "scan.nii.gz" in message


def shifted(mm: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[0, 3] += mm
    return affine


@pytest.mark.parametrize(
    ("affine", "distance"),
    [
        (shifted(1.5), "1.5 mm"),
        (shifted(-200), "200.0 mm"),
        # The first voxel is where it should be, the farthest corner is not: 2 voxels of 1 mm.
        (AFFINE + np.diag([0, 0, 1.0, 0]), "2.0 mm"),
        # Mirrored: x runs from 10 to 18 mm, so that its far end lies 2 * 18 mm off.
        (np.diag([-1, 1, 1, 1]) @ AFFINE, "36.0 mm"),
    ],
)
def test_a_label_that_lies_elsewhere_is_refused(
    case: dict[str, Any], acdc_tree: Taxonomy, affine: np.ndarray, distance: str
):
    write(Path(case["label"]), LABEL, affine)
    assert f"lies up to {distance} off its image" in refusal(case, acdc_tree)


def test_a_label_that_lies_nowhere_is_refused(case: dict[str, Any], acdc_tree: Taxonomy):
    header = nib.load(case["label"]).header
    header["srow_x"][3], header["sform_code"], header["qform_code"] = np.nan, 1, 0
    nib.save(nib.Nifti1Image(LABEL, None, header), case["label"])
    assert "lies up to nan mm off" in refusal(case, acdc_tree)


def test_rounding_of_an_affine_is_forgiven_and_the_image_counts(case: dict[str, Any], acdc_tree: Taxonomy):
    write(Path(case["label"]), LABEL, shifted(0.01))
    out = LoadNodesd(acdc_tree, "acdc")(case)
    assert torch.equal(out["nodes"].affine, case["image"].affine)
    np.testing.assert_array_equal(np.asarray(out["nodes"])[0], LABEL)


def test_an_undefined_value_is_named_with_its_file(case: dict[str, Any], acdc_tree: Taxonomy):
    label = LABEL.copy()
    label[0, 0, :2] = 9
    write(Path(case["label"]), label)
    assert "9 (2 voxels)" in refusal(case, acdc_tree)


def test_floats_that_mean_integers_are_accepted(case: dict[str, Any], acdc_tree: Taxonomy):
    write(Path(case["label"]), LABEL.astype(np.float64) + 1e-5)
    np.testing.assert_array_equal(nodes_of(case, acdc_tree), LABEL)


def test_corner_distance_is_the_farthest_corner():
    moved = torch.eye(4, dtype=torch.float64)
    moved[:3, 3] = torch.tensor([3.0, 4.0, 0])
    assert corner_distance(torch.eye(4), moved, (5, 6, 7)) == pytest.approx(5)
    stretched = torch.diag(torch.tensor([1, 1, 1.5, 1]))
    assert corner_distance(torch.eye(4), stretched, (5, 6, 7)) == pytest.approx(0.5 * 6)


def test_it_pickles(case: dict[str, Any], acdc_tree: Taxonomy):
    load = pickle.loads(pickle.dumps(LoadNodesd(acdc_tree, "acdc")))
    np.testing.assert_array_equal(np.asarray(load(case)["nodes"])[0], LABEL)
