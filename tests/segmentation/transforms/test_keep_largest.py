"""The largest component of a superclass stays; everything else of it becomes the likeliest leaf outside."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from cladeseg.segmentation.transforms import KeepLargestRegiond
from cladeseg.taxonomy import Node, Taxonomy, TaxonomyError

SHAPE = (8, 6, 4)


def scores_of(label: torch.Tensor, tree: Taxonomy, second: torch.Tensor | None = None) -> torch.Tensor:
    """p = .6 for ``label``, .3 for ``second`` (background if ``None``), the rest shared."""
    scores = torch.full((tree.num_leaves, *label.shape), 0.1 / tree.num_leaves)
    other = torch.zeros_like(label) if second is None else second
    return scores.scatter_add_(0, other[None], torch.tensor(0.3).expand(1, *SHAPE)).scatter_add_(
        0, label[None], torch.tensor(0.6).expand(1, *SHAPE)
    )


def cleaned(scores: torch.Tensor, tree: Taxonomy, *regions: str) -> torch.Tensor:
    return KeepLargestRegiond(tree, regions)({"pred": scores.clone()})["pred"].argmax(dim=0)


def hearts(tree: Taxonomy) -> torch.Tensor:
    """A heart of two parts that touch, and a speck of one of them far away."""
    label = torch.zeros(SHAPE, dtype=torch.long)
    label[0:2, 0:3, 0:3] = tree.index("right_ventricle")
    label[2:4, 0:3, 0:3] = tree.index("left_ventricle")
    label[6:8, 4:6, 3] = tree.index("left_ventricle")
    return label


def test_a_heart_far_from_the_heart_becomes_background(acdc_tree: Taxonomy) -> None:
    label = hearts(acdc_tree)
    expected = label.clone()
    expected[6:8, 4:6, 3] = 0
    assert torch.equal(cleaned(scores_of(label, acdc_tree), acdc_tree, "heart"), expected)


def test_the_parts_of_a_region_count_together(acdc_tree: Taxonomy) -> None:
    """Both ventricles are whole although each is a component of its own leaf."""
    label = hearts(acdc_tree)[:, :, :]
    kept = cleaned(scores_of(label, acdc_tree), acdc_tree, "heart")
    assert torch.equal(kept[:4], label[:4])


def test_the_likeliest_leaf_outside_takes_over_not_always_the_background() -> None:
    values = {"lung": 1, "left": 2, "right": 3}
    tree = Taxonomy(
        "chest",
        (
            Node("background", values={"c": 0}),
            Node("lung", values={"c": values["lung"]}),
            Node("heart"),
            *(Node(name, "heart", {"c": values[name]}) for name in ("left", "right")),
        ),
    )
    label = torch.zeros(SHAPE, dtype=torch.long)
    label[0:4] = tree.index("left")
    label[7] = tree.index("right")
    second = torch.full_like(label, tree.index("left"))  # in the same region, so it is no way out
    scores = scores_of(label, tree, second)
    scores[tree.index("lung")] += 0.05
    kept = cleaned(scores, tree, "heart")
    assert (kept[0:4] == tree.index("left")).all()
    assert (kept[7] == tree.index("lung")).all()


def test_a_label_is_never_changed_where_another_leaf_was_likeliest(acdc_tree: Taxonomy) -> None:
    torch.manual_seed(0)
    scores = torch.rand(acdc_tree.num_leaves, *SHAPE)
    before, after = scores.argmax(dim=0), cleaned(scores, acdc_tree, "left_heart")
    inside = torch.isin(before, torch.tensor(acdc_tree.leaves(acdc_tree.index("left_heart"))))
    assert torch.equal(before[~inside], after[~inside])
    assert not torch.isin(after[before != after], torch.tensor([2, 3])).any()


def test_nothing_outside_at_all_is_background(acdc_tree: Taxonomy) -> None:
    scores = torch.zeros(acdc_tree.num_leaves, *SHAPE)
    scores[acdc_tree.background, :, :, 1:3] = 1
    scores[2, :, :, 0] = 1
    scores[3, :2, :2, 3] = 1
    kept = cleaned(scores, acdc_tree, "heart")
    assert (kept[:, :, 0] == 2).all()
    assert (kept[:, :, 1:] == 0).all()


def test_a_region_that_is_not_there_changes_nothing(acdc_tree: Taxonomy) -> None:
    scores = scores_of(torch.zeros(SHAPE, dtype=torch.long), acdc_tree)
    assert (cleaned(scores, acdc_tree, "heart", "left_heart") == 0).all()


def test_geometry_stays(acdc_tree: Taxonomy) -> None:
    affine = torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0], dtype=torch.float64))
    pred = MetaTensor(scores_of(hearts(acdc_tree), acdc_tree), affine=affine)
    kept = KeepLargestRegiond(acdc_tree, ["heart"])({"pred": pred})["pred"]
    assert torch.equal(kept.affine, affine)
    assert (kept.as_tensor().argmax(dim=0)[6:8] == 0).all()


@pytest.mark.parametrize("name", ["haert", "left_ventricle", "root", "background"])
def test_what_is_no_superclass_is_refused_by_name(acdc_tree: Taxonomy, name: str) -> None:
    with pytest.raises(
        TaxonomyError, match=f"'{name}' is no superclass of taxonomy 'acdc'; they are heart, left_heart"
    ):
        KeepLargestRegiond(acdc_tree, [name])
