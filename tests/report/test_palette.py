"""Colours of structures: told apart with any colour vision, and the tree's own where those can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cladeseg.report.palette import DISTINCT, as_seen, colour_code, smallest_difference, structure_colours
from cladeseg.taxonomy import Node, Taxonomy, load_taxonomy

BUNDLES = sorted(Path(__file__).parents[2].glob("bundles/*/configs/taxonomy.json"))


def tree_of(*colours: str) -> Taxonomy:
    leaves = [Node(f"leaf{i}", "whole", {"a": i}, colour) for i, colour in enumerate(colours, 1)]
    return Taxonomy("tree", (Node("background", values={"a": 0}), Node("whole", colour="#ffffff"), *leaves))


def test_simulated_deuteranopia_takes_red_and_green_for_alike():
    """A planted pair: far apart to most people, close to some."""
    pair = np.array([[230, 25, 75], [60, 130, 60]], np.uint8)
    usual, deuteranopia = (as_seen(pair, vision) for vision in ("usual", "deuteranopia"))
    hue = slice(1, 2)  # of CIELAB, from green to red
    assert abs(np.diff(usual[:, hue], axis=0)).item() > 80
    assert abs(np.diff(deuteranopia[:, hue], axis=0)).item() < 20


@pytest.mark.parametrize("file", BUNDLES, ids=lambda file: file.parents[1].name)
def test_all_structures_of_shipped_trees_are_told_apart(file):
    tree = load_taxonomy(file)
    colours = structure_colours(tree)[1 : tree.root]
    assert smallest_difference(colours) >= DISTINCT
    assert (as_seen(colours, "usual")[:, 0] > 40).all(), "and seen on a dark image"


def test_the_trees_own_colours_stay_where_they_can_be_told_apart():
    tree = tree_of("#0072b2", "#d55e00")
    assert (structure_colours(tree) == tree.colours).all()


def test_colours_that_some_confuse_give_way_to_okabe_and_itos_by_leaf_order():
    colours = structure_colours(tree_of("#e6194b", "#3cb44b", "#f58231"))
    assert [colour_code(rgb) for rgb in colours[1:4]] == ["#e69f00", "#56b4e9", "#009e73"]
    assert not colours[0].any()
    assert not colours[-1].any()


def test_many_leaves_get_as_many_colours():
    tree = tree_of(*["#ff0000"] * 20)
    found = structure_colours(tree)[1 : tree.root]
    assert len({tuple(rgb) for rgb in found.tolist()}) == 21
    assert (structure_colours(tree)[1 : tree.root] == found).all()


def test_a_tree_of_one_structure_keeps_its_colour():
    tree = Taxonomy("one", (Node("background", values={"a": 0}), Node("all", values={"a": 1}, colour="#123456")))
    assert colour_code(structure_colours(tree)[1]) == "#123456"
