"""The most probable leaf becomes the integer that the chosen label convention writes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from cladeseg.files import DataError
from cladeseg.segmentation.transforms import LeavesToLabeld, ProbabilitiesFromLogsd
from cladeseg.taxonomy import LabelValueError, Node, Taxonomy

SHAPE = (5, 4, 3)


def scores(leaves: torch.Tensor, num_leaves: int) -> torch.Tensor:
    """log p(leaf) (L, x, y, z), largest at the given leaf."""
    one_hot = torch.nn.functional.one_hot(leaves.long(), num_leaves).movedim(-1, 0)
    return torch.log_softmax(3.0 * one_hot, dim=0)


@pytest.fixture
def leaves() -> torch.Tensor:
    return torch.randint(4, SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("label_convention", ["brats18", "brats23"])
def test_a_label_is_what_the_label_convention_writes(brats_tree: Taxonomy, leaves: torch.Tensor, label_convention: str):
    label = LeavesToLabeld(brats_tree, label_convention)({"pred": scores(leaves, 4)})["pred"]
    assert label.shape == (1, *SHAPE)
    assert label.dtype == torch.uint8
    np.testing.assert_array_equal(brats_tree.to_nodes(label[0].numpy(), label_convention), leaves)
    enhancing = {"brats18": 4, "brats23": 3}[label_convention]
    assert bool((label[0][leaves == brats_tree.index("enhancing")] == enhancing).all())


def test_without_a_label_convention_leaf_indices_stay(acdc_tree: Taxonomy, leaves: torch.Tensor):
    label = LeavesToLabeld(acdc_tree)({"pred": scores(leaves, 4)})["pred"]
    np.testing.assert_array_equal(label[0], leaves)


def test_a_tie_goes_to_the_first_leaf(acdc_tree: Taxonomy):
    label = LeavesToLabeld(acdc_tree)({"pred": torch.zeros(4, *SHAPE)})["pred"]
    assert not label.any()


def test_large_integers_fit(leaves: torch.Tensor):
    wide = Taxonomy("wide", (Node("background", values={"d": 0}), Node("a", values={"d": 40000})))
    label = LeavesToLabeld(wide, "d")({"pred": scores(leaves % 2, 2)})["pred"]
    np.testing.assert_array_equal(label[0], (leaves % 2) * 40000)


def test_a_leaf_that_the_label_convention_cannot_write_is_refused():
    nodes = (
        Node("background", values={"x": 0, "y": 0}),
        Node("a", values={"x": 1, "y": 1}),
        Node("b", values={"x": 2}),
    )
    with pytest.raises(LabelValueError, match="'y' has no integer for b"):
        LeavesToLabeld(Taxonomy("t", nodes), "y")


def test_geometry_stays(acdc_tree: Taxonomy, leaves: torch.Tensor):
    affine = torch.diag(torch.tensor([2.0, 3, 9, 1], dtype=torch.float64))
    pred = MetaTensor(scores(leaves, 4), affine=affine, meta={"filename_or_obj": "p.nii"})
    label = LeavesToLabeld(acdc_tree, "acdc")({"pred": pred, "case": "p"})["pred"]
    assert isinstance(label, MetaTensor)
    assert torch.equal(label.affine, affine)
    assert label.meta["filename_or_obj"] == "p.nii"


def test_probabilities_sum_to_one_and_change_no_label(acdc_tree: Taxonomy, leaves: torch.Tensor):
    item = {"pred": scores(leaves, 4), "other": "kept"}
    out = ProbabilitiesFromLogsd("pred")(item)
    torch.testing.assert_close(out["pred"].sum(0), torch.ones(SHAPE))
    torch.testing.assert_close(out["pred"].log(), item["pred"])
    to_label = LeavesToLabeld(acdc_tree, "acdc")
    assert torch.equal(to_label(out)["pred"], to_label(item)["pred"])
    assert out["other"] == "kept"


def test_several_keys(acdc_tree: Taxonomy, leaves: torch.Tensor):
    item = {"a": scores(leaves, 4), "b": scores(3 - leaves, 4)}
    out = LeavesToLabeld(acdc_tree, keys=["a", "b"])(ProbabilitiesFromLogsd(["a", "b"])(item))
    np.testing.assert_array_equal(out["a"][0] + out["b"][0], np.full(SHAPE, 3))


def test_they_pickle(acdc_tree: Taxonomy, leaves: torch.Tensor):
    to_label = pickle.loads(pickle.dumps(LeavesToLabeld(acdc_tree, "acdc")))
    np.testing.assert_array_equal(to_label({"pred": scores(leaves, 4)})["pred"][0], leaves)
    pickle.loads(pickle.dumps(ProbabilitiesFromLogsd()))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("step", ["probabilities", "label"])
def test_an_output_that_is_not_finite_is_refused_with_the_images_file(
    acdc_tree: Taxonomy, leaves: torch.Tensor, value: float, step: str
):
    wrong = scores(leaves, 4)
    wrong[2, 1, 1, 1] = value
    image = MetaTensor(torch.zeros(1, *SHAPE), meta={"filename_or_obj": "scan.nii.gz"})
    transform = ProbabilitiesFromLogsd() if step == "probabilities" else LeavesToLabeld(acdc_tree)
    with pytest.raises(DataError, match=r"^scan\.nii\.gz: the network's output is not finite \(1 of 240 entries\)"):
        transform({"image": image, "pred": wrong})


def test_a_leaf_without_any_probability_is_finite(leaves: torch.Tensor):
    certain = torch.where(scores(leaves, 4) > -1, 0.0, -torch.inf)
    assert set(ProbabilitiesFromLogsd()({"pred": certain})["pred"].unique().tolist()) == {0.0, 1.0}
