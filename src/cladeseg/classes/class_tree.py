"""Classes of patients as a tree: the same :class:`Taxonomy` that voxels have, less its background.

A patient is never "background", which every :class:`Taxonomy` has as its first leaf.  So columns of classes are those
of the leaves behind it, and nobody outside this file counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from cladeseg.files import DataError
from cladeseg.taxonomy import Node, Taxonomy, TaxonomyError, load_taxonomy

#: Index of the first class among the leaves.
FIRST_CLASS = 1


def class_tree(path: str | Path, root: str | Path | None = None) -> Taxonomy:
    """Read a class tree; see :func:`~cladeseg.taxonomy.load_taxonomy`.

    Raises:
        TaxonomyError: it cannot be read or is no tree, or has fewer than two classes.
    """
    tree = load_taxonomy(path, root)
    if tree.num_leaves < FIRST_CLASS + 2:
        raise TaxonomyError(f"{path}: has one class; there is nothing to choose between")
    return tree


def flat_class_tree(classes: Sequence[str]) -> Taxonomy:
    """A tree without superclasses, for data whose labels are all there is.

    Raises:
        DataError: there are fewer than two classes.

    Example:
        >>> flat_class_tree(["basal", "luminal"]).leaf_names[1:]
        ('basal', 'luminal')
    """
    if len(classes) < 2:
        raise DataError(f"labels: hold {len(classes)} class; there is nothing to choose between")
    nodes = [Node(name, values={"index": i}) for i, name in enumerate(classes, start=1)]
    return Taxonomy("classes", (Node("background", values={"index": 0}), *nodes))


def class_names(tree: Taxonomy) -> tuple[str, ...]:
    """The classes in the order of their columns."""
    return tree.leaf_names[FIRST_CLASS:]


def node_names(tree: Taxonomy) -> tuple[str, ...]:
    """Every node that a patient can be in, classes first; not the root, in which everybody is."""
    return tree.names[FIRST_CLASS : tree.root]


def leaf_columns(tree: Taxonomy) -> torch.Tensor:
    """Bool (N, C): whether class c lies under node v, for all N nodes of the tree.

    Example:
        >>> leaf_columns(flat_class_tree(["basal", "luminal"])).tolist()  # background, both classes, root
        [[False, False], [True, False], [False, True], [True, True]]
    """
    return tree.membership[:, FIRST_CLASS:]
