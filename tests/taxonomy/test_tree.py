"""The label tree: order, membership, supervision, colours, and flips that it allows."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
import torch

from cladeseg.taxonomy import Node, Taxonomy, TaxonomyError


def chain(depth: int) -> Taxonomy:
    """Superclasses s0 ⊃ s1 ⊃ …, each with one leaf of its own beside the next."""
    nodes = [Node("background", values={"d": 0})]
    for i in range(depth):
        parent = f"s{i - 1}" if i else "root"
        nodes += [Node(f"s{i}", parent), Node(f"leaf{i}", f"s{i}", {"d": i + 1})]
    nodes.append(Node("last", f"s{depth - 1}", {"d": depth + 1}))
    return Taxonomy("chain", tuple(nodes))


def collapse(tree: Taxonomy, supervision: str) -> dict[str, str]:
    table = tree.collapse_table(supervision)
    return {name: tree.names[table[v]] for v, name in enumerate(tree.names)}


# ---- derived order and shape -----------------------------------------------------------------------------------------


def test_leaves_come_first_then_superclasses_in_preorder_then_the_root(brats_tree: Taxonomy) -> None:
    leaves = ("background", "oedema", "necrosis", "enhancing")
    assert brats_tree.names == (*leaves, "whole_tumour", "tumour_core", "root")
    assert brats_tree.leaf_names == leaves
    assert (brats_tree.num_leaves, brats_tree.num_nodes, brats_tree.background, brats_tree.root) == (4, 7, 0, 6)
    assert [brats_tree.is_leaf(v) for v in range(7)] == [True] * 4 + [False] * 3
    assert brats_tree.inner == (6, 4, 5)
    assert brats_tree.superclasses == (4, 5)


def test_the_background_is_index_zero_wherever_it_is_listed(acdc_tree: Taxonomy) -> None:
    last = Taxonomy("acdc", (*acdc_tree.nodes[1:], acdc_tree.nodes[0]))
    assert last.names == acdc_tree.names


def test_children_may_be_listed_before_their_parents(brats_tree: Taxonomy) -> None:
    backwards = Taxonomy("brats", tuple(reversed(brats_tree.nodes)))
    assert set(backwards.names) == set(brats_tree.names)
    for name in brats_tree.names:
        ours, theirs = backwards.index(name), brats_tree.index(name)
        assert backwards.names[backwards.parent[ours]] == brats_tree.names[brats_tree.parent[theirs]]


def test_index_and_names_are_inverse(brats_tree: Taxonomy) -> None:
    assert [brats_tree.index(name) for name in brats_tree.names] == list(range(7))


def test_an_unknown_name_is_refused_with_the_known_ones(acdc_tree: Taxonomy) -> None:
    with pytest.raises(
        TaxonomyError, match=r"taxonomy 'acdc' has no node 'atrium'; it has background, right_ventricle"
    ):
        acdc_tree.index("atrium")


def test_parent_children_depth_and_path_agree(acdc_tree: Taxonomy) -> None:
    index, root = acdc_tree.index, acdc_tree.root
    heart, left = index("heart"), index("left_heart")
    assert acdc_tree.path(index("myocardium")) == (root, heart, left, index("myocardium"))
    assert acdc_tree.path(root) == (root,)
    assert acdc_tree.depth == (1, 2, 3, 3, 1, 2, 0)
    assert acdc_tree.children(root) == (0, heart)
    assert acdc_tree.children(heart) == (index("right_ventricle"), left)
    assert acdc_tree.children(0) == ()
    assert acdc_tree.parent[root] == root
    assert acdc_tree.leaves(heart) == (1, 2, 3)
    assert acdc_tree.leaves(2) == (2,)


@pytest.mark.parametrize("depth", [1, 2, 7, 40])
def test_a_tree_may_have_any_depth(depth: int) -> None:
    tree = chain(depth)
    assert tree.num_leaves == depth + 2
    assert max(tree.depth) == depth + 1
    assert tree.path(tree.index("last"))[1:-1] == tuple(tree.index(f"s{i}") for i in range(depth))


def test_a_flat_tree_has_no_superclass(flat_tree: Taxonomy) -> None:
    assert flat_tree.superclasses == ()
    assert flat_tree.inner == (flat_tree.root,)
    assert flat_tree.default_superclasses == ""


def test_membership_says_which_leaf_lies_under_which_node(brats_tree: Taxonomy) -> None:
    expected = torch.tensor(
        [
            [1, 0, 0, 0],  # background
            [0, 1, 0, 0],  # oedema
            [0, 0, 1, 0],  # necrosis
            [0, 0, 0, 1],  # enhancing
            [0, 1, 1, 1],  # whole tumour
            [0, 0, 1, 1],  # tumour core
            [1, 1, 1, 1],  # root
        ],
        dtype=torch.bool,
    )
    assert torch.equal(brats_tree.membership, expected)


@pytest.mark.parametrize("depth", [1, 5])
def test_contains_is_the_transitive_order_that_membership_restricts(depth: int) -> None:
    tree = chain(depth)
    contains = tree.contains
    assert torch.equal(contains[:, : tree.num_leaves], tree.membership)
    assert contains.diagonal().all()
    assert contains[tree.root].all()
    assert not (contains & contains.T).fill_diagonal_(False).any()
    assert torch.equal((contains.long() @ contains.long()) > 0, contains)


def test_lowest_common_is_the_deepest_shared_node(acdc_tree: Taxonomy) -> None:
    def common(*names: str) -> str:
        return acdc_tree.names[acdc_tree.lowest_common(acdc_tree.index(name) for name in names)]

    assert common("myocardium", "left_ventricle") == "left_heart"
    assert common("myocardium", "right_ventricle") == "heart"
    assert common("myocardium", "left_heart") == "left_heart"
    assert common("myocardium", "background") == "root"
    assert common("myocardium") == "myocardium"
    assert common("root", "heart") == "root"


# ---- supervision -----------------------------------------------------------------------------------------------------


def test_leaf_supervision_changes_nothing(acdc_tree: Taxonomy) -> None:
    assert acdc_tree.collapse_table("fine").tolist() == list(range(7))


def test_no_supervision_says_nothing(acdc_tree: Taxonomy) -> None:
    assert acdc_tree.collapse_table("unlabelled").tolist() == [acdc_tree.root] * 7


def test_the_heart_outline_knows_heart_and_background(acdc_tree: Taxonomy) -> None:
    expected = dict.fromkeys(acdc_tree.names, "heart") | {"background": "background", "root": "root"}
    assert collapse(acdc_tree, "heart") == expected


def test_an_inner_outline_claims_nothing_about_what_is_outside(acdc_tree: Taxonomy) -> None:
    # A voxel outside "left heart" may be background or right ventricle: only the root holds both.
    inside = {"myocardium": "left_heart", "left_ventricle": "left_heart", "left_heart": "left_heart"}
    assert collapse(acdc_tree, "left_heart") == dict.fromkeys(acdc_tree.names, "root") | inside


def test_outside_of_an_outline_is_the_lowest_node_that_holds_it() -> None:
    values = iter(range(10))
    tree = Taxonomy(
        "t",
        (
            Node("background", values={"d": next(values)}),
            Node("a"),
            Node("a1", "a", {"d": next(values)}),
            Node("a2", "a", {"d": next(values)}),
            Node("b", values={"d": next(values)}),
        ),
    )
    assert collapse(tree, "background+b") == {
        "background": "background",
        "a1": "a",
        "a2": "a",
        "a": "a",
        "b": "b",
        "root": "root",
    }


def test_several_outlines_keep_the_deepest_one_at_each_voxel(brats_tree: Taxonomy) -> None:
    assert collapse(brats_tree, "whole_tumour+tumour_core") == {
        "background": "background",
        "oedema": "whole_tumour",
        "necrosis": "tumour_core",
        "enhancing": "tumour_core",
        "whole_tumour": "whole_tumour",
        "tumour_core": "tumour_core",
        "root": "root",
    }
    swapped = brats_tree.collapse_table("tumour_core+whole_tumour")
    assert torch.equal(swapped, brats_tree.collapse_table("whole_tumour+tumour_core"))


def test_a_label_vaguer_than_the_outline_stays_vague(brats_tree: Taxonomy) -> None:
    # Whole tumour is core or not: an outline of the core alone cannot place it.
    assert collapse(brats_tree, "tumour_core")["whole_tumour"] == "root"


@pytest.mark.parametrize("supervision", ["fine", "unlabelled", "s0", "s2", "s0+s2", "s1+leaf0", "last"])
def test_a_collapsed_label_always_holds_the_true_one(supervision: str) -> None:
    tree = chain(4)
    table = tree.collapse_table(supervision)
    assert table.dtype == torch.long
    assert tree.contains[table, torch.arange(tree.num_nodes)].all()
    assert torch.equal(table[table], table)  # and coarsening twice is coarsening once


def test_the_default_outline_is_what_lies_under_the_root(acdc_tree: Taxonomy, brats_tree: Taxonomy) -> None:
    assert acdc_tree.default_superclasses == "heart"
    assert brats_tree.default_superclasses == "whole_tumour"
    two = Taxonomy("two", (*acdc_tree.nodes, Node("lung"), Node("x", "lung", {"d": 1}), Node("y", "lung", {"d": 2})))
    assert two.default_superclasses == "heart+lung"


@pytest.mark.parametrize("supervision", ["hart", "heart+", "heart,left_heart", ""])
def test_an_unknown_supervision_is_refused(acdc_tree: Taxonomy, supervision: str) -> None:
    with pytest.raises(TaxonomyError, match="has no node"):
        acdc_tree.collapse_table(supervision)


# ---- the object ------------------------------------------------------------------------------------------------------


def test_the_tree_is_frozen(acdc_tree: Taxonomy) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        acdc_tree.name = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        acdc_tree.nodes[0].name = "other"


def test_lists_given_by_a_config_become_tuples(acdc_tree: Taxonomy) -> None:
    tree = Taxonomy("acdc", list(acdc_tree.nodes), ["left-right"])
    assert isinstance(tree.nodes, tuple)
    assert tree.allowed_flips == ("left-right",)


def test_the_tree_pickles_before_and_after_its_tensors_are_made(brats_tree: Taxonomy) -> None:
    fresh = pickle.loads(pickle.dumps(brats_tree))
    _ = brats_tree.membership, brats_tree.contains, brats_tree.colours
    used = pickle.loads(pickle.dumps(brats_tree))
    assert fresh == used == brats_tree
    assert torch.equal(used.membership, fresh.membership)


def test_no_flip_is_allowed_unless_the_tree_lists_it(acdc_tree: Taxonomy) -> None:
    assert acdc_tree.flips() == acdc_tree.flips("allowed") == ()
    with pytest.raises(TaxonomyError, match=r"'acdc': left-right flips are not allowed \(allowed_flips: none\)"):
        acdc_tree.flips(["left-right"])


def test_flips_are_chosen_by_name_among_the_allowed_ones(acdc_tree: Taxonomy) -> None:
    tree = Taxonomy("sided", acdc_tree.nodes, ("inferior-superior", "left-right"))
    assert tree.flips() == tree.flips(["inferior-superior", "left-right"]) == ("left-right", "inferior-superior")
    assert tree.flips(["inferior-superior"]) == ("inferior-superior",)
    assert tree.flips([]) == ()
    with pytest.raises(TaxonomyError, match=r"'sided': posterior-anterior flips are not allowed"):
        tree.flips(["left-right", "posterior-anterior"])
    with pytest.raises(TaxonomyError, match=r"'sided': 'right-left' is no anatomical axis"):
        tree.flips(["right-left"])
    with pytest.raises(TaxonomyError, match=r"'sided': 'all' is no anatomical axis"):
        tree.flips("all")


def test_an_allowed_flip_is_an_anatomical_axis(acdc_tree: Taxonomy) -> None:
    with pytest.raises(TaxonomyError, match=r"'sided', allowed_flips: 'x' is no anatomical axis; write left-right"):
        Taxonomy("sided", acdc_tree.nodes, ("x",))


def test_colours_are_the_given_ones_or_distinct_ones_of_a_palette() -> None:
    tree = Taxonomy(
        "t",
        (
            Node("background", values={"d": 0}),
            Node("a", values={"d": 1}, colour="#0A10ff"),
            *(Node(f"n{i}", values={"d": 9 + i}) for i in range(5)),
        ),
    )
    colours = tree.colours
    assert (colours.shape, colours.dtype) == ((8, 3), np.uint8)
    assert colours[tree.index("a")].tolist() == [10, 16, 255]
    assert not colours[[tree.background, tree.root]].any()
    assert len({tuple(rgb) for rgb in colours[1:-1].tolist()}) == 6
