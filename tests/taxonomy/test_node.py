"""Structures that make no tree are refused by their name."""

from __future__ import annotations

import pytest

from cladeseg.taxonomy import Node, Taxonomy, TaxonomyError

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


def test_a_single_child_is_allowed_where_its_value_differs_from_its_parents() -> None:
    tree = Taxonomy("t", (BACKGROUND, Node("organ", values={"d": 1}), Node("lesion", "organ", {"d": 2})))
    assert tree.names == ("background", "lesion", "organ", "root")
