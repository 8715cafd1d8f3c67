"""Weights, checkpoints and runs know the tree that they were made with."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cladeseg.bundle.trained_tree import check_tree, recorded_tree, tree_changes, tree_record
from cladeseg.files import DataError
from cladeseg.taxonomy import Node, Taxonomy


def stored(tree: Taxonomy) -> Any:
    """What comes back from a file."""
    return json.loads(json.dumps(tree_record(tree)))


def changed(tree: Taxonomy, name: str, **fields: Any) -> Taxonomy:
    return replace(tree, nodes=tuple(replace(node, **fields) if node.name == name else node for node in tree.nodes))


def test_a_tree_is_its_own(brats_tree: Taxonomy) -> None:
    check_tree(stored(brats_tree), brats_tree, "model.json")


def test_a_value_that_changed_is_named_with_both_integers(brats_tree: Taxonomy) -> None:
    other = changed(brats_tree, "enhancing", values={"brats18": 3, "brats23": 3})
    with pytest.raises(DataError, match=r"^model\.json: was made with another tree than 'brats'") as raised:
        check_tree(stored(brats_tree), other, "model.json")
    assert "'enhancing' was 4 in brats18 and is now 3" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_exchanged_leaves_are_named(brats_tree: Taxonomy) -> None:
    """The same names and the same integers, but each name with the other's: masks would be wrong everywhere."""
    values = {"oedema": {"brats18": 1, "brats23": 1}, "necrosis": {"brats18": 2, "brats23": 2}}
    nodes = tuple(replace(node, values=values.get(node.name, node.values)) for node in brats_tree.nodes)
    other = replace(brats_tree, nodes=nodes)
    changes = tree_changes(stored(brats_tree), other)
    assert "'oedema' was 2 in brats18 and is now 1" in changes
    assert "'necrosis' was 1 in brats18 and is now 2" in changes


def test_new_nodes_are_named(flat_tree: Taxonomy) -> None:
    more = replace(flat_tree, nodes=(*flat_tree.nodes, Node("c", values={"flat": 3})))
    assert tree_changes(stored(flat_tree), more) == ["'c' is a new node"]


def test_missing_and_moved_nodes_are_named(acdc_tree: Taxonomy) -> None:
    more = Node("septum", "heart", {"acdc": 5})
    wide = replace(acdc_tree, nodes=(*acdc_tree.nodes, more))
    moved = changed(wide, "right_ventricle", parent="left_heart")
    assert "'right_ventricle' was in 'heart' and is now in 'left_heart'" in tree_changes(stored(wide), moved)
    whole = replace(acdc_tree, nodes=(*acdc_tree.nodes, Node("liver", values={"acdc": 4})))
    assert tree_changes(stored(whole), acdc_tree) == ["'liver' is no node any more"]


def test_another_order_of_the_channels_is_named(flat_tree: Taxonomy) -> None:
    background, a, b = flat_tree.nodes
    other = replace(flat_tree, nodes=(background, b, a))
    assert tree_changes(stored(flat_tree), other) == [
        "the nodes' order was background, a, b and is now background, b, a"
    ]


def test_what_no_weights_depend_on_changes_nothing(flat_tree: Taxonomy) -> None:
    background, a, b = flat_tree.nodes
    recoloured = replace(flat_tree, name="other", nodes=(b, replace(a, colour="#112233"), background))
    assert recoloured.names != flat_tree.names, "the order in the file decides the order of the channels"
    recoloured = replace(flat_tree, name="other", nodes=(background, replace(a, colour="#112233"), b))
    assert recoloured.fingerprint == flat_tree.fingerprint
    more = [replace(node, values={**node.values, "clinic": 80 * i}) for i, node in enumerate(flat_tree.nodes)]
    assert tree_changes(stored(flat_tree), replace(flat_tree, nodes=tuple(more))) == []


def test_a_value_more_in_a_known_convention_is_a_change(acdc_tree: Taxonomy) -> None:
    other = changed(acdc_tree, "heart", values={"acdc": 9})
    assert tree_changes(stored(acdc_tree), other) == ["'heart' was nothing in acdc and is now 9"]


@pytest.mark.parametrize("record", [None, {}, [], {"nodes": 3}, {"nodes": [{"name": "a"}]}, {"nodes": []}, "text"])
def test_a_damaged_record_is_a_change_too(flat_tree: Taxonomy, record: Any) -> None:
    assert tree_changes(record, flat_tree) == ["its record of the tree is missing or damaged"]


def test_a_long_list_of_changes_is_cut(brats_tree: Taxonomy, acdc_tree: Taxonomy) -> None:
    with pytest.raises(DataError, match=r"and \d+ more changes"):
        check_tree(stored(brats_tree), acdc_tree, "model.json")


def test_a_recorded_tree_is_the_tree_again(acdc_tree: Taxonomy) -> None:
    again = recorded_tree(acdc_tree.name, tree_record(acdc_tree))
    assert again.fingerprint == acdc_tree.fingerprint
    assert again.names == acdc_tree.names
