"""The label tree: order, membership, supervision, label conventions, and every refusal."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from cladeseg.taxonomy import LabelValueError, Node, Taxonomy, TaxonomyError, load_taxonomy, parse_taxonomy

BUNDLES = Path(__file__).parents[1] / "bundles"


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


# ---- reading a file --------------------------------------------------------------------------------------------------

CONTENT = {
    "name": "acdc",
    "forbidden_flips": ["left-right"],
    "nodes": [
        {"name": "background", "values": {"acdc": 0}},
        {"name": "heart", "colour": "#ffd166"},
        {"name": "ventricle", "parent": "heart", "values": {"acdc": 1}},
        {"name": "muscle", "parent": "heart", "values": {"acdc": 2}},
    ],
}
YAML = """
name: acdc
forbidden_flips: [left-right]
nodes:
  - {name: background, values: {acdc: 0}}
  - {name: heart, colour: "#ffd166"}
  - {name: ventricle, parent: heart, values: {acdc: 1}}
  - {name: muscle, parent: heart, values: {acdc: 2}}
"""


def test_json_and_yaml_files_give_the_same_tree(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(CONTENT))
    (tmp_path / "t.yaml").write_text(YAML)
    (tmp_path / "t.yml").write_text(YAML)
    tree = load_taxonomy(tmp_path / "t.json")
    assert tree == load_taxonomy(tmp_path / "t.yaml") == load_taxonomy("t.yml", root=tmp_path)
    assert tree.names == ("background", "ventricle", "muscle", "heart", "root")
    assert tree.forbidden_flips == ("left-right",)


def test_the_shipped_acdc_tree_is_the_documented_one(acdc_tree: Taxonomy) -> None:
    shipped = load_taxonomy("configs/taxonomy.json", root=BUNDLES / "acdc_subclass_segmentation")
    assert (shipped.names, shipped.parent) == (acdc_tree.names, acdc_tree.parent)
    assert shipped.values("acdc") == acdc_tree.values("acdc")


@pytest.mark.parametrize(
    ("name", "text"),
    [("missing.json", None), ("broken.json", "{"), ("broken.yaml", "a: [1"), ("empty.yaml", ""), ("list.json", "[]")],
)
def test_an_unreadable_file_is_refused_by_its_path(tmp_path: Path, name: str, text: str | None) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(TaxonomyError, match=name):
        load_taxonomy(tmp_path / name)


@pytest.mark.parametrize("path", ["../t.json", "configs/../../t.json", "{outside}", "link.json"])
def test_a_bundles_tree_outside_its_folder_is_refused_by_its_path(tmp_path: Path, path: str) -> None:
    (tmp_path / "t.json").write_text(json.dumps(CONTENT))
    (tmp_path / "bundle" / "configs").mkdir(parents=True)
    (tmp_path / "bundle" / "link.json").symlink_to(tmp_path / "t.json")
    path = path.format(outside=tmp_path / "t.json")
    with pytest.raises(TaxonomyError, match=rf"^{re.escape(path)}: a bundle names only files inside its own folder"):
        load_taxonomy(path, tmp_path / "bundle")


def test_a_linked_bundle_finds_its_tree(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "t.json").write_text(json.dumps(CONTENT))
    (tmp_path / "link").symlink_to(tmp_path / "bundle", target_is_directory=True)
    assert load_taxonomy("t.json", tmp_path / "link").name == CONTENT["name"]


def test_an_impossible_tree_in_a_file_is_refused_by_path_and_node(tmp_path: Path) -> None:
    content = copy.deepcopy(CONTENT)
    content["nodes"][3]["parent"] = "hart"
    (tmp_path / "t.json").write_text(json.dumps(content))
    with pytest.raises(TaxonomyError, match=r"t\.json: node 'muscle': its parent 'hart'"):
        load_taxonomy(tmp_path / "t.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nodez": []}, "unknown key 'nodez'"),
        ({"name": None}, "needs a 'name'"),
        ({"nodes": {"background": 0}}, "a list 'nodes'"),
        ({"nodes": ["background"]}, "every node needs a 'name'; got 'background'"),
        ({"nodes": [{"parent": "heart"}]}, "every node needs a 'name'"),
        ({"nodes": [{"name": "heart", "color": "#ffd166"}]}, "node 'heart': unknown key 'color'"),
        ({"nodes": [{"name": "heart", 3: 4}]}, "node 'heart': unknown key '3'"),
        ({"nodes": [{"name": "heart", "values": [1]}]}, "node 'heart': 'values' maps label convention names"),
        ({"forbidden_flips": "left-right"}, "'forbidden_flips' is a list of axes, not 'left-right'"),
        ({"forbidden_flips": None}, "'forbidden_flips' is a list"),
        ({"forbidden_flips": ["left"]}, "forbidden flip 'left'"),
    ],
)
def test_a_misspelt_or_missing_entry_is_refused(change: dict, message: str) -> None:
    with pytest.raises(TaxonomyError, match=message):
        parse_taxonomy(CONTENT | change)


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


# ---- label conventions -----------------------------------------------------------------------------------------------


def volume(values: list[int], dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array(values, dtype), size=(7, 5, 3))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int64", "uint64", "float32", "float64"])
@pytest.mark.parametrize(("label_convention", "values"), [("brats18", [0, 1, 2, 4]), ("brats23", [0, 1, 2, 3])])
def test_label_conventions_round_trip(
    brats_tree: Taxonomy, label_convention: str, values: list[int], dtype: str
) -> None:
    label = volume(values, dtype)
    nodes = brats_tree.to_nodes(label, label_convention)
    back = brats_tree.from_nodes(nodes, label_convention)
    assert (nodes.dtype, nodes.shape, back.dtype) == (np.uint8, label.shape, np.uint8)
    np.testing.assert_array_equal(back, label)


@pytest.mark.parametrize("seed", range(3))
def test_acdc_round_trips_and_its_nodes_are_leaf_indices(acdc_tree: Taxonomy, seed: int) -> None:
    label = volume([0, 1, 2, 3], seed=seed)
    nodes = acdc_tree.to_nodes(label, "acdc")
    np.testing.assert_array_equal(nodes, label)  # this tree lists its leaves in the order of ACDC's integers
    np.testing.assert_array_equal(acdc_tree.from_nodes(nodes, "acdc"), label)


def test_one_segmentation_in_two_label_conventions_gives_one_node_map(brats_tree: Taxonomy) -> None:
    brats18 = volume([0, 1, 2, 4])
    brats23 = np.where(brats18 == 4, 3, brats18)
    nodes = brats_tree.to_nodes(brats18, "brats18")
    np.testing.assert_array_equal(nodes, brats_tree.to_nodes(brats23, "brats23"))
    np.testing.assert_array_equal(brats_tree.from_nodes(nodes, "brats23"), brats23)


def test_non_contiguous_and_empty_volumes_translate(brats_tree: Taxonomy) -> None:
    label = np.asfortranarray(volume([0, 1, 2, 4]))[::-1, :, ::2]
    nodes = brats_tree.to_nodes(label, "brats18")
    np.testing.assert_array_equal(brats_tree.from_nodes(nodes, "brats18"), label)
    assert brats_tree.to_nodes(np.zeros((0, 3), np.uint8), "brats18").shape == (0, 3)


def test_a_coarse_value_becomes_its_superclass() -> None:
    tree = Taxonomy(
        "t",
        (
            Node("background", values={"d": 0}),
            Node("tumour", values={"d": 9}),
            Node("solid", "tumour", {"d": 1}),
            Node("cyst", "tumour", {"d": 2}),
        ),
    )
    nodes = tree.to_nodes(np.array([0, 9, 2]), "d")
    assert [tree.names[v] for v in nodes] == ["background", "tumour", "cyst"]
    np.testing.assert_array_equal(tree.from_nodes(nodes, "d"), [0, 9, 2])


def test_large_values_and_large_trees_get_sixteen_bits() -> None:
    leaves = tuple(Node(f"n{i}", values={"d": 65535 - i}) for i in range(256))
    tree = Taxonomy("large", (Node("background", values={"d": 0}), *leaves))
    label = volume([0, 65535, 65280, 65400], "uint16")
    nodes = tree.to_nodes(label, "d")
    assert nodes.dtype == np.uint16
    assert tree.from_nodes(nodes, "d").dtype == np.uint16
    np.testing.assert_array_equal(tree.from_nodes(nodes, "d"), label)


@pytest.mark.parametrize("dtype", ["int16", "int64", "float32"])
def test_an_unknown_value_is_named_with_count_source_and_fitting_label_convention(
    brats_tree: Taxonomy, dtype: str
) -> None:
    label = np.zeros((4, 4, 4), dtype)
    label[0, 0, :3] = 4
    with pytest.raises(LabelValueError) as error:
        brats_tree.to_nodes(label, "brats23", "case_7/seg.nii.gz")
    message = str(error.value)
    assert message.startswith("case_7/seg.nii.gz: value 4 (3 voxels) is not defined by the label convention 'brats23'")
    assert "3 = enhancing" in message
    assert message.endswith("its values fit the label convention 'brats18'")


@pytest.mark.parametrize("value", [-1, 3, 5, 255, 70000, -300])
def test_gaps_negative_and_large_values_are_unknown(brats_tree: Taxonomy, value: int) -> None:
    label = np.array([0, 4, value, value])
    with pytest.raises(LabelValueError, match=rf"value {value} \(2 voxels\)"):
        brats_tree.to_nodes(label, "brats18")


def test_no_label_convention_is_suggested_where_none_fits(brats_tree: Taxonomy) -> None:
    with pytest.raises(LabelValueError) as error:
        brats_tree.to_nodes(np.array([0, 3, 4]), "brats18")
    assert "fit" not in str(error.value)


def test_an_image_given_as_a_label_gives_a_short_message(acdc_tree: Taxonomy) -> None:
    with pytest.raises(LabelValueError, match="and 988 more") as error:
        acdc_tree.to_nodes(np.arange(1000), "acdc")
    assert len(str(error.value)) < 500


def test_near_integers_are_rounded(acdc_tree: Taxonomy) -> None:
    label = np.array([0.0, 0.9995, 2.0004, 3.0])
    np.testing.assert_array_equal(acdc_tree.to_nodes(label, "acdc"), [0, 1, 2, 3])


def test_fractions_are_refused_with_count_and_example(acdc_tree: Taxonomy) -> None:
    with pytest.raises(LabelValueError, match=r"seg\.nii: 2 voxels hold no integer, e\.g\. 0\.5"):
        acdc_tree.to_nodes(np.array([0.0, 0.5, 1.998, 3.0]), "acdc", "seg.nii")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(acdc_tree: Taxonomy, bad: float) -> None:
    with pytest.raises(LabelValueError, match=r"seg\.nii: 1 voxels are not finite"):
        acdc_tree.to_nodes(np.array([0.0, bad], np.float32), "acdc", "seg.nii")


@pytest.mark.parametrize("name", ["heart", "left_heart", "root"])
def test_a_node_without_an_integer_cannot_be_written(acdc_tree: Taxonomy, name: str) -> None:
    nodes = np.array([0, 1, acdc_tree.index(name)], np.uint8)
    with pytest.raises(LabelValueError, match=f"label_convention 'acdc' has no integer for {name}"):
        acdc_tree.from_nodes(nodes, "acdc")


def test_label_conventions_are_listed_and_unknown_ones_refused(brats_tree: Taxonomy) -> None:
    assert brats_tree.label_conventions == ("brats18", "brats23")
    assert brats_tree.fitting_label_conventions([0, 1]) == ("brats18", "brats23")
    assert brats_tree.fitting_label_conventions([3]) == ("brats23",)
    with pytest.raises(TaxonomyError, match="has no label convention 'msd'; it has brats18, brats23"):
        brats_tree.values("msd")


# ---- refusals --------------------------------------------------------------------------------------------------------

BACKGROUND = Node("background", values={"d": 0})


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((Node("a", "b", {"d": 1}), Node("b", "c"), Node("c", "a")), "node 'a' lies on a cycle through 'a'"),
        ((Node("a", "a", {"d": 1}),), "node 'a' lies on a cycle"),
        ((Node("a", values={"d": 1}), Node("a", values={"d": 2})), "node 'a' is listed twice"),
        ((Node("a", values={"d": 1}), Node("b", values={"d": 1})), "nodes 'a' and 'b' collide: both are 1 in .*'d'"),
        ((Node("a", "tumor", {"d": 1}),), "node 'a': its parent 'tumor' is not a node"),
        ((Node("a"), Node("b", "a", {"d": 1})), "node 'a' has no value and the single child 'b'"),
        ((Node("a"), Node("b", "a"), Node("c", "b", {"d": 1}), Node("e", "b", {"d": 2})), "'a' has no value .*'b'"),
        ((Node("a"),), "leaf 'a' has no value in any label convention"),
        ((Node("a", "background", {"d": 1}),), "node 'background' must be a leaf"),
        ((), "'background' alone has nothing to segment"),
        ((Node("a", values={"d": 1}, colour="red"),), "node 'a': colour 'red'"),
        ((Node("a", values={"d": 1}, colour="#ff00"),), "node 'a': colour '#ff00'"),
        ((Node("a", values={"d": -1}),), "node 'a': value -1 of label convention 'd'"),
        ((Node("a", values={"d": 65536}),), "node 'a': value 65536"),
        ((Node("a", values={"d": 1.0}),), r"node 'a': value 1\.0"),
        ((Node("a", values={"d": "1"}),), "node 'a': value '1'"),
        ((Node("a", values={"d": True}),), "node 'a': value True"),
        ((Node("a", values={18: 1}),), "node 'a': label convention 18 is not a name"),
        ((Node("root", values={"d": 1}),), "node 'root'"),
        ((Node("fine", values={"d": 1}),), "node 'fine'"),
        ((Node("unlabelled", values={"d": 1}),), "node 'unlabelled'"),
        ((Node("a+b", values={"d": 1}),), r"node 'a\+b'"),
        ((Node("", values={"d": 1}),), "node ''"),
    ],
)
def test_an_impossible_tree_is_refused_by_the_name_of_its_node(nodes: tuple[Node, ...], message: str) -> None:
    with pytest.raises(TaxonomyError, match=message):
        Taxonomy("t", (BACKGROUND, *nodes))


def test_a_tree_without_background_is_refused() -> None:
    with pytest.raises(TaxonomyError, match="'background' directly under the root is required"):
        Taxonomy("t", (Node("a", values={"d": 1}), Node("b", values={"d": 2})))
    with pytest.raises(TaxonomyError, match="'background' directly under the root is required"):
        Taxonomy("t", (Node("a"), Node("background", "a", {"d": 0}), Node("b", "a", {"d": 1})))


def test_the_same_integer_in_two_label_conventions_is_no_collision() -> None:
    tree = Taxonomy("t", (BACKGROUND, Node("a", values={"d": 1, "e": 2}), Node("b", values={"d": 2, "e": 1})))
    assert (tree.values("d")[1], tree.values("e")[1]) == (1, 2)


def test_a_single_child_is_fine_where_a_value_tells_it_from_its_parent() -> None:
    tree = Taxonomy("t", (BACKGROUND, Node("organ", values={"d": 1}), Node("lesion", "organ", {"d": 2})))
    assert tree.names == ("background", "lesion", "organ", "root")


# ---- the object ------------------------------------------------------------------------------------------------------


def test_the_tree_is_frozen(acdc_tree: Taxonomy) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        acdc_tree.name = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        acdc_tree.nodes[0].name = "other"


def test_lists_given_by_a_config_become_tuples(acdc_tree: Taxonomy) -> None:
    tree = Taxonomy("acdc", list(acdc_tree.nodes), ["left-right"])
    assert isinstance(tree.nodes, tuple)
    assert tree.forbidden_flips == ("left-right",)


def test_the_tree_pickles_before_and_after_its_tensors_are_made(brats_tree: Taxonomy) -> None:
    fresh = pickle.loads(pickle.dumps(brats_tree))
    _ = brats_tree.membership, brats_tree.contains, brats_tree.colours
    used = pickle.loads(pickle.dumps(brats_tree))
    assert fresh == used == brats_tree
    assert torch.equal(used.membership, fresh.membership)


def test_forbidden_flips_are_refused_by_axis(acdc_tree: Taxonomy) -> None:
    tree = Taxonomy("sided", acdc_tree.nodes, ("left-right", "inferior-superior"))
    tree.check_flips([])
    tree.check_flips([1])
    with pytest.raises(TaxonomyError, match=r"'sided' forbids left-right flips \(axis 0\)"):
        tree.check_flips([1, 0])
    with pytest.raises(TaxonomyError, match="inferior-superior"):
        tree.check_flips((2,))
    acdc_tree.check_flips([0, 1, 2])


def test_colours_are_the_given_ones_or_distinct_ones_of_a_palette() -> None:
    tree = Taxonomy(
        "t",
        (
            BACKGROUND,
            Node("a", values={"d": 1}, colour="#0A10ff"),
            *(Node(f"n{i}", values={"d": 9 + i}) for i in range(5)),
        ),
    )
    colours = tree.colours
    assert (colours.shape, colours.dtype) == ((8, 3), np.uint8)
    assert colours[tree.index("a")].tolist() == [10, 16, 255]
    assert not colours[[tree.background, tree.root]].any()
    assert len({tuple(rgb) for rgb in colours[1:-1].tolist()}) == 6
