"""Trees that many tests share."""

from __future__ import annotations

import pytest

from cladeseg.taxonomy import Node, Taxonomy


@pytest.fixture
def acdc_tree() -> Taxonomy:
    return Taxonomy(
        "acdc",
        (
            Node("background", values={"acdc": 0}),
            Node("heart"),
            Node("right_ventricle", "heart", {"acdc": 1}),
            Node("left_heart", "heart"),
            Node("myocardium", "left_heart", {"acdc": 2}),
            Node("left_ventricle", "left_heart", {"acdc": 3}),
        ),
    )


@pytest.fixture
def brats_tree() -> Taxonomy:
    return Taxonomy(
        "brats",
        (
            Node("background", values={"brats18": 0, "brats23": 0}),
            Node("whole_tumour"),
            Node("oedema", "whole_tumour", {"brats18": 2, "brats23": 2}),
            Node("tumour_core", "whole_tumour"),
            Node("necrosis", "tumour_core", {"brats18": 1, "brats23": 1}),
            Node("enhancing", "tumour_core", {"brats18": 4, "brats23": 3}),
        ),
    )


@pytest.fixture
def flat_tree() -> Taxonomy:
    return Taxonomy(
        "flat",
        (
            Node("background", values={"flat": 0}),
            Node("a", values={"flat": 1}),
            Node("b", values={"flat": 2}),
        ),
    )
