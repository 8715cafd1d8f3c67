"""One structure as a user writes it, and what makes a set of structures no tree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from reprlib import repr as short

ROOT = "root"
BACKGROUND = "background"
#: Supervision names that are not nodes: every leaf is known; nothing is known.
FINE, UNLABELLED = "fine", "unlabelled"

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class TaxonomyError(ValueError):
    """The tree itself is impossible; the message names the node."""


@dataclass(frozen=True)
class Node:
    """One structure as a user writes it.

    Attributes:
        name: unique name of the structure, e.g. ``"left_ventricle"``.
        parent: name of the structure that contains it; ``"root"`` at the top.
        values: the integer that each label convention writes for exactly this node, e.g.
            ``{"brats18": 4, "brats23": 3}``.
        colour: ``#rrggbb`` for pictures; chosen from a palette if empty.
    """

    name: str
    parent: str = ROOT
    values: Mapping[str, int] = field(default_factory=dict)
    colour: str = ""


def check_nodes(nodes: Sequence[Node]) -> None:
    """Refuse structures that do not make a tree.

    Raises:
        TaxonomyError: duplicate names, unknown parents, cycles, missing background, single children without a value
            that differs from their parent's, two nodes with one value in a label convention, values outside 0…65535.
    """
    _check_names(nodes)
    _check_parents(nodes)
    _check_background(nodes)
    _check_values(nodes)
    _check_single_children(nodes)


def _check_names(nodes: Sequence[Node]) -> None:
    seen: set[str] = set()
    for node in nodes:
        if not node.name or node.name in {ROOT, FINE, UNLABELLED} or "+" in node.name:
            raise TaxonomyError(
                f"node '{node.name}': a name is non-empty, has no '+', and is not '{ROOT}', '{FINE}' or '{UNLABELLED}'"
            )
        if node.name in seen:
            raise TaxonomyError(f"node '{node.name}' is listed twice")
        if node.colour and not _COLOUR.fullmatch(node.colour):
            raise TaxonomyError(f"node '{node.name}': colour '{node.colour}' is not of the form #rrggbb")
        seen.add(node.name)


def _check_parents(nodes: Sequence[Node]) -> None:
    parents = {node.name: node.parent for node in nodes}
    for node in nodes:
        if node.parent != ROOT and node.parent not in parents:
            raise TaxonomyError(f"node '{node.name}': its parent '{node.parent}' is not a node")
        seen, name = {node.name}, node.parent
        while name != ROOT:
            if name in seen:
                raise TaxonomyError(f"node '{node.name}' lies on a cycle through '{name}'")
            seen.add(name)
            name = parents.get(name, ROOT)


def _check_background(nodes: Sequence[Node]) -> None:
    background = next((node for node in nodes if node.name == BACKGROUND), None)
    if background is None or background.parent != ROOT:
        raise TaxonomyError(f"a leaf named '{BACKGROUND}' directly under the root is required")
    if any(node.parent == BACKGROUND for node in nodes):
        raise TaxonomyError(f"node '{BACKGROUND}' must be a leaf")
    if len(nodes) < 2:
        raise TaxonomyError(f"a tree with '{BACKGROUND}' alone has nothing to segment")


def _check_values(nodes: Sequence[Node]) -> None:
    owners: dict[tuple[str, int], str] = {}
    for node in nodes:
        for label_convention, value in node.values.items():
            if not isinstance(label_convention, str) or not label_convention:
                raise TaxonomyError(
                    f"node '{node.name}': label convention {short(label_convention)} is not a name; quote it in YAML"
                )
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
                raise TaxonomyError(
                    f"node '{node.name}': value {short(value)} of label convention '{label_convention}' "
                    "is not an integer in 0…65535"
                )
            if (label_convention, value) in owners:
                other = owners[label_convention, value]
                raise TaxonomyError(
                    f"nodes '{other}' and '{node.name}' collide: both are {value} in "
                    f"label convention '{label_convention}'"
                )
            owners[label_convention, value] = node.name


def _check_single_children(nodes: Sequence[Node]) -> None:
    parents = {node.parent for node in nodes}
    for node in nodes:
        if node.name not in parents and not node.values:
            raise TaxonomyError(f"leaf '{node.name}' has no value in any label convention: no file could ever hold it")
        siblings = [other for other in nodes if other.parent == node.parent]
        parent = next((other for other in nodes if other.name == node.parent), None)
        if len(siblings) == 1 and parent is not None and not parent.values:
            raise TaxonomyError(
                f"node '{parent.name}' has no value and the single child '{node.name}': one region, two names"
            )
