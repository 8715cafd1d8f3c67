"""Trees for the tests of contrastive losses."""

from __future__ import annotations

from cladeseg.taxonomy import Node, Taxonomy


def heart_tree() -> Taxonomy:
    """Depth 3: heart holds rv and left; left holds myo and lv."""
    return Taxonomy(
        "heart",
        (
            Node("background", values={"x": 0}),
            Node("heart"),
            Node("rv", "heart", {"x": 1}),
            Node("left", "heart"),
            Node("myo", "left", {"x": 2}),
            Node("lv", "left", {"x": 3}),
        ),
    )


def flat_tree() -> Taxonomy:
    """Three leaves on the root."""
    return Taxonomy("flat", tuple(Node(name, values={"x": i}) for i, name in enumerate(("background", "a", "b"))))
