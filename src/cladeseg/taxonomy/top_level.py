"""The tree cut off below its first level: which structures there are, not what they are made of."""

from __future__ import annotations

from dataclasses import replace

import torch

from cladeseg.taxonomy.tree import Taxonomy


def top_level(taxonomy: Taxonomy) -> Taxonomy:
    """The background and the structures directly under the root, all of them leaves.

    Args:
        taxonomy: the whole tree.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> top_level(tree).names
        ('background', 'heart', 'root')
    """
    top = {taxonomy.names[v] for v in taxonomy.children(taxonomy.root)}
    nodes = [node for node in taxonomy.nodes if node.name in top]
    # A leaf needs an integer; no file holds these.
    return replace(taxonomy, nodes=tuple(replace(node, values={"top_level": i}) for i, node in enumerate(nodes)))


def top_level_table(taxonomy: Taxonomy) -> torch.Tensor:
    """Long (N,): for each node of a tree the node of its :func:`top_level` that holds it; the root stays the root.

    Args:
        taxonomy: the whole tree, with N nodes.
    """
    small = top_level(taxonomy)
    return torch.tensor([small.index(taxonomy.names[taxonomy.path(v)[:2][-1]]) for v in range(taxonomy.num_nodes)])
