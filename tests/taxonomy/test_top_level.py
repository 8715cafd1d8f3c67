"""The tree cut off below its first level."""

from __future__ import annotations

from cladeseg.taxonomy import Node, Taxonomy, top_level, top_level_table


def names_by_node(tree: Taxonomy) -> dict[str, str]:
    small = top_level(tree)
    return {name: small.names[v] for name, v in zip(tree.names, top_level_table(tree).tolist(), strict=True)}


def test_every_node_goes_to_what_holds_it_below_the_root(acdc_tree: Taxonomy) -> None:
    assert names_by_node(acdc_tree) == {
        "background": "background",
        **dict.fromkeys(("right_ventricle", "myocardium", "left_ventricle", "left_heart", "heart"), "heart"),
        "root": "root",
    }


def test_several_structures_stay_apart_and_a_leaf_on_top_stays() -> None:
    two = [
        Node("kidney"),
        Node("cortex", "kidney", {"a": 1}),
        Node("cyst", "kidney", {"a": 2}),
        Node("liver", values={"a": 3}),
    ]
    tree = Taxonomy("abdomen", (Node("background", values={"a": 0}), *two), allowed_flips=("left-right",))
    assert top_level(tree).names == ("background", "kidney", "liver", "root")
    assert names_by_node(tree)["cyst"] == "kidney"
    assert names_by_node(tree)["liver"] == "liver"
    assert top_level(tree).allowed_flips == tree.allowed_flips


def test_the_background_stays_the_first_leaf(acdc_tree: Taxonomy) -> None:
    assert top_level(acdc_tree).background == top_level_table(acdc_tree)[acdc_tree.background] == 0
