"""The label tree: order, membership, supervision, and the one place that knows which integer means which structure.

A voxel's label is a *node* of a tree.  A fine label is a leaf, a coarse label (superclass) is an inner node, and
"not annotated" is the root.  Everything else in cladeseg works on *node maps*, integer volumes of node indices, and
asks the :class:`Taxonomy` for whatever it needs to know about them.

Node indices are derived, never written by a user: the leaves come first in depth-first order with the background as
index 0, then the superclasses in pre-order, and the root last.  A fully annotated node map is therefore also a leaf
index map, and its one-hot encoding needs no translation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from cladeseg.taxonomy.flips import ALLOWED, check_axes, chosen_flips
from cladeseg.taxonomy.label_values import LabelValueError, as_integers, count_values, listed, translate
from cladeseg.taxonomy.node import BACKGROUND, FINE, ROOT, UNLABELLED, Node, TaxonomyError, check_nodes

_PALETTE = (
    "#e6194b",
    "#3cb44b",
    "#4363d8",
    "#f58231",
    "#911eb4",
    "#42d4f4",
    "#f032e6",
    "#bfef45",
    "#469990",
    "#9a6324",
)


@dataclass(frozen=True)
class Taxonomy:
    """An immutable, validated label tree.

    Args:
        name: name of the tree, e.g. ``"acdc"``.
        nodes: every structure except the root, in any order; a leaf named ``"background"`` directly under the root is
            required.
        allowed_flips: anatomical axes along which a mirrored image is as plausible as the image itself, because no
            leaf is known by its side: any of ``"left-right"``, ``"posterior-anterior"``, ``"inferior-superior"``.
            Images are mirrored along no other.

    Raises:
        TaxonomyError: duplicate names, unknown parents, cycles, missing background, single children without a value
            that differs from their parent's, two nodes with one value in a label convention, values outside 0…65535,
            an axis that is none.

    Example:
        >>> tree = Taxonomy(
        ...     "heart",
        ...     (
        ...         Node("background", values={"acdc": 0}),
        ...         Node("heart"),
        ...         Node("ventricle", "heart", {"acdc": 1}),
        ...         Node("myocardium", "heart", {"acdc": 2}),
        ...     ),
        ... )
        >>> tree.names
        ('background', 'ventricle', 'myocardium', 'heart', 'root')
        >>> [tree.names[v] for v in tree.path(tree.index("myocardium"))]
        ['root', 'heart', 'myocardium']
        >>> tree.to_nodes(np.array([0, 2, 1]), "acdc").tolist()
        [0, 2, 1]
        >>> [tree.names[v] for v in tree.collapse_table("heart")[:3]]
        ['background', 'heart', 'heart']
    """

    name: str
    nodes: tuple[Node, ...]
    allowed_flips: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        object.__setattr__(self, "allowed_flips", tuple(self.allowed_flips))
        check_nodes(self.nodes)
        check_axes(self.allowed_flips, f"taxonomy '{self.name}', allowed_flips")

    # ---- names and indices -------------------------------------------------------------------------------------------

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Node names in index order: leaves (background first), superclasses in pre-order, root."""
        order = list(_preorder(self.nodes))
        parents = {node.parent for node in self.nodes}
        leaves = [name for name in order if name not in parents]
        leaves.remove(BACKGROUND)
        inner = [name for name in order if name in parents]
        return (BACKGROUND, *leaves, *inner, ROOT)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    def index(self, name: str) -> int:
        """Index of the node called ``name``; raises :class:`TaxonomyError` listing the known names."""
        if name not in self._index:
            raise TaxonomyError(f"taxonomy '{self.name}' has no node '{name}'; it has {', '.join(self.names)}")
        return self._index[name]

    @property
    def num_nodes(self) -> int:
        """Number of nodes N, root included."""
        return len(self.names)

    @cached_property
    def num_leaves(self) -> int:
        """Number of leaves L, background included; leaf indices are 0…L-1."""
        parents = {node.parent for node in self.nodes}
        return sum(node.name not in parents for node in self.nodes)

    @property
    def root(self) -> int:
        """Index of the root, the label of voxels of which nothing is known."""
        return self.num_nodes - 1

    @property
    def background(self) -> int:
        """Index of the background leaf: always 0."""
        return 0

    @property
    def leaf_names(self) -> tuple[str, ...]:
        """Names of the leaves in channel order."""
        return self.names[: self.num_leaves]

    # ---- the tree ----------------------------------------------------------------------------------------------------

    @cached_property
    def parent(self) -> tuple[int, ...]:
        """Index of each node's parent; the root is its own."""
        by_name = {node.name: node.parent for node in self.nodes}
        return tuple(self._index[by_name.get(name, ROOT)] for name in self.names)

    @cached_property
    def depth(self) -> tuple[int, ...]:
        """Number of edges from the root to each node."""
        return tuple(len(self.path(v)) - 1 for v in range(self.num_nodes))

    @cached_property
    def inner(self) -> tuple[int, ...]:
        """Nodes that have children, root first, parents before children."""
        return (self.root, *self.superclasses)

    @cached_property
    def superclasses(self) -> tuple[int, ...]:
        """Inner nodes other than the root, parents before children."""
        return tuple(range(self.num_leaves, self.root))

    def is_leaf(self, v: int) -> bool:
        """Whether node ``v`` has no children."""
        return v < self.num_leaves

    def children(self, v: int) -> tuple[int, ...]:
        """Children of node ``v`` in index order; empty for a leaf."""
        return tuple(c for c in range(self.num_nodes) if self.parent[c] == v and c != self.root)

    def leaves(self, v: int) -> tuple[int, ...]:
        """Leaves under node ``v``; a leaf is under itself."""
        return tuple(leaf for leaf in range(self.num_leaves) if v in self.path(leaf))

    def path(self, v: int) -> tuple[int, ...]:
        """Nodes from the root to ``v``, both included."""
        up = [v]
        while up[-1] != self.root:
            up.append(self.parent[up[-1]])
        return tuple(reversed(up))

    @cached_property
    def membership(self) -> torch.Tensor:
        """Bool (N, L): whether leaf l lies under node v."""
        rows = [[v in self.path(leaf) for leaf in range(self.num_leaves)] for v in range(self.num_nodes)]
        return torch.tensor(rows, dtype=torch.bool)

    @cached_property
    def contains(self) -> torch.Tensor:
        """Bool (N, N): whether node v equals node u or lies above it."""
        rows = [[v in self.path(u) for u in range(self.num_nodes)] for v in range(self.num_nodes)]
        return torch.tensor(rows, dtype=torch.bool)

    # ---- identity ----------------------------------------------------------------------------------------------------

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Every node but the root in index order, as plain values: its name, parent, and integers by convention."""
        by_name = {node.name: node for node in self.nodes}
        nodes = [by_name[name] for name in self.names[:-1]]
        return [{"name": n.name, "parent": n.parent, "values": dict(sorted(n.values.items()))} for n in nodes]

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (hex) of all that weights and labels depend on: equal for trees with equal :attr:`entries`."""
        return hashlib.sha256(json.dumps(self.entries).encode()).hexdigest()

    # ---- supervision -------------------------------------------------------------------------------------------------

    @property
    def default_superclasses(self) -> str:
        """The coarsest useful supervision: the superclasses directly under the root, joined by ``+``."""
        return "+".join(self.names[v] for v in self.superclasses if self.parent[v] == self.root)

    def collapse_table(self, supervision: str) -> torch.Tensor:
        """Long (N,): what an annotator of this supervision would have written for each node.

        ``"fine"`` keeps every node, ``"unlabelled"`` gives the root everywhere.  A superclass name (or several, joined
        by ``+``) keeps that outline only: nodes inside become the superclass, nodes outside become the lowest node that
        holds everything outside, so that nothing is claimed that the outline does not say.

        Raises:
            TaxonomyError: the supervision is neither ``fine``, ``unlabelled`` nor made of node names.
        """
        if supervision == FINE:
            return torch.arange(self.num_nodes)
        if supervision == UNLABELLED:
            return torch.full((self.num_nodes,), self.root)
        outlined = [self.index(name) for name in supervision.split("+")]
        outside = [leaf for leaf in range(self.num_leaves) if not set(self.path(leaf)) & set(outlined)]
        beyond = self.lowest_common(outside) if outside else self.root
        leaves = [
            max((u for u in self.path(leaf) if u in outlined), key=self.depth.__getitem__, default=beyond)
            for leaf in range(self.num_leaves)
        ]
        # A label that is already coarser than the outline stays as vague as the leaves it might be.
        return torch.tensor(
            [self.lowest_common(leaves[leaf] for leaf in self.leaves(v)) for v in range(self.num_nodes)]
        )

    def lowest_common(self, nodes: Iterable[int]) -> int:
        """The deepest node that equals or holds every one of ``nodes``."""
        paths = [self.path(v) for v in nodes]
        shared = [level[0] for level in zip(*paths, strict=False) if len(set(level)) == 1]
        return shared[-1]

    # ---- label conventions -------------------------------------------------------------------------------------------

    @cached_property
    def label_conventions(self) -> tuple[str, ...]:
        """Names of all label conventions, in order of first mention."""
        return tuple(dict.fromkeys(label_convention for node in self.nodes for label_convention in node.values))

    def values(self, label_convention: str) -> dict[int, int]:
        """Integer → node index of one label convention; raises :class:`TaxonomyError` for an unknown one."""
        if label_convention not in self.label_conventions:
            known = ", ".join(self.label_conventions)
            raise TaxonomyError(f"taxonomy '{self.name}' has no label convention '{label_convention}'; it has {known}")
        return {
            node.values[label_convention]: self._index[node.name]
            for node in self.nodes
            if label_convention in node.values
        }

    def fitting_label_conventions(self, values: Iterable[int]) -> tuple[str, ...]:
        """Label conventions that define every one of ``values``."""
        found = set(values)
        return tuple(d for d in self.label_conventions if found <= set(self.values(d)))

    def to_nodes(self, label: np.ndarray, label_convention: str, source: str = "label") -> np.ndarray:
        """Translate a label volume into a node map.

        Args:
            label: any shape, integers of ``label_convention`` (floats within 1e-3 of an integer are rounded).
            label_convention: which file convention wrote the volume.
            source: what the error message calls the volume, e.g. its path.

        Returns:
            Node indices of the same shape, uint8 (uint16 for trees of more than 256 nodes).

        Raises:
            LabelValueError: a value that the label convention does not define; the message gives the values with their
                counts and the label convention that would fit.
        """
        integers = as_integers(label, source)
        nodes = translate(integers, self.values(label_convention), self.node_dtype)
        if nodes is None:
            raise LabelValueError(self._unknown_values(integers, label_convention, source))
        return nodes

    def _unknown_values(self, label: np.ndarray, label_convention: str, source: str) -> str:
        table, counts = self.values(label_convention), count_values(label)
        unknown = listed({value: count for value, count in counts.items() if value not in table})
        known = ", ".join(f"{value} = {self.names[v]}" for value, v in sorted(table.items()))
        fitting = self.fitting_label_conventions(counts)
        hint = f"; its values fit the label convention '{fitting[0]}'" if fitting else ""
        return f"{source}: value {unknown} is not defined by the label convention '{label_convention}' ({known}){hint}"

    def from_nodes(self, nodes: np.ndarray, label_convention: str) -> np.ndarray:
        """Translate a node map (any shape) into the integers of ``label_convention``; the inverse of :meth:`to_nodes`.

        Raises:
            LabelValueError: the map holds a node that the label convention has no integer for.
        """
        table = {v: value for value, v in self.values(label_convention).items()}
        values = translate(nodes, table, np.uint8 if max(table.values()) < 256 else np.uint16)
        if values is None:
            missing = [self.names[int(v)] for v in np.unique(nodes) if int(v) not in table]
            raise LabelValueError(f"label convention '{label_convention}' has no integer for {', '.join(missing)}")
        return values

    @property
    def node_dtype(self) -> type[np.unsignedinteger[Any]]:
        """The smallest unsigned type that holds every node index."""
        return np.uint8 if self.num_nodes <= 256 else np.uint16

    # ---- pictures and augmentation -----------------------------------------------------------------------------------

    @cached_property
    def colours(self) -> np.ndarray:
        """uint8 (N, 3) RGB of each node; black for background and root."""
        given = {node.name: node.colour for node in self.nodes}
        rgb = np.zeros((self.num_nodes, 3), dtype=np.uint8)
        for v, name in enumerate(self.names[:-1]):
            code = given[name] or ("#000000" if v == self.background else _PALETTE[(v - 1) % len(_PALETTE)])
            rgb[v] = [int(code[i : i + 2], 16) for i in (1, 3, 5)]
        return rgb

    def flips(self, asked: str | Iterable[str] = ALLOWED) -> tuple[str, ...]:
        """The anatomical axes to mirror along, out of those that the tree allows.

        Args:
            asked: names of axes, or ``"allowed"`` for all that the tree allows.

        Raises:
            TaxonomyError: the tree does not allow one of them.
        """
        return chosen_flips(asked, self.allowed_flips, f"taxonomy '{self.name}'")


def _preorder(nodes: Sequence[Node], parent: str = ROOT) -> Iterable[str]:
    for node in nodes:
        if node.parent == parent:
            yield node.name
            yield from _preorder(nodes, node.name)
