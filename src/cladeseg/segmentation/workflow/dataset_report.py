"""A label tree and the check of a data folder, for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from os.path import relpath
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from cladeseg.segmentation.data import DatasetCheck, Finding, Inspection
from cladeseg.taxonomy import ANATOMICAL_AXES, Taxonomy
from cladeseg.volumes import closest_axes

_STYLES = {"fatal": "bold red", "fixable": "yellow", "info": "dim"}


def taxonomy_tree(taxonomy: Taxonomy) -> Tree:
    """The tree with each node's colour and its integer in every label convention that has one."""
    top = Tree(Text(f"{taxonomy.name} (root: not annotated)"))
    branches = {taxonomy.root: top}
    for v in sorted(range(taxonomy.root), key=taxonomy.path):
        branches[v] = branches[taxonomy.parent[v]].add(_node_line(taxonomy, v))
    return top


def dataset_table(check: DatasetCheck, taxonomy: Taxonomy) -> Table:
    """What a data folder holds: patients per group, size and spacing, and which structures."""
    table = Table(title="what is there", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    groups = Counter({case["patient"]: case["group"] for case in check.cases}.values())
    rows = {
        "cases": str(len(check.cases)),
        "patients": f"{groups.total()}: " + ", ".join(f"{group} {n}" for group, n in sorted(groups.items())),
        "voxels": _range(_along_axes([np.array(i.shape, float) for i in _sound(check)], _sound(check)), ".0f"),
        "spacing in mm": _range(_along_axes([np.array(i.spacing) for i in _sound(check)], _sound(check)), ".3g"),
        "structures": _structures(check, taxonomy),
        "labels": f"{check.labels} read; {check.unchanged} of them are the same after file → nodes → file",
    }
    for name, text in (rows | _oddities(check)).items():
        table.add_row(Text(name), Text(text))
    return table


def _oddities(check: DatasetCheck) -> dict[str, str]:
    """Rows about the whole data set that only some data sets need."""
    bare = [inspection.bare_slices for inspection in check.inspections if inspection.bare_slices]
    rows = {
        "slices without label": bare and f"{sum(bare)}, at the ends of {len(bare)} stacks",
        "same scan": check.same_patients and ", ".join(check.same_patients),
    }
    return {name: str(text) for name, text in rows.items() if text}


def findings_table(findings: Sequence[Finding], dataset_dir: str | Path) -> Table | Text:
    """What is wrong or odd, one row for each finding; the title counts them by grade.

    Args:
        findings: of the files.
        dataset_dir: folder that their paths are shortened to.
    """
    if not findings:
        return Text("nothing is wrong with any file")
    counts: Counter[str] = Counter(finding.severity for finding in findings)
    table = Table(title=", ".join(f"{counts[grade]} {grade}" for grade in _STYLES))
    for column in ("grade", "file", "finding"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        table.add_row(
            Text(finding.severity, _STYLES[finding.severity]),
            Text(relpath(finding.path, dataset_dir)),
            Text(finding.message),
        )
    return table


def _node_line(taxonomy: Taxonomy, v: int) -> Text:
    red, green, blue = taxonomy.colours[v]
    written = ", ".join(
        f"{label_convention} {value}"
        for label_convention in taxonomy.label_conventions
        for value, u in taxonomy.values(label_convention).items()
        if u == v
    )
    return Text.assemble(
        ("● ", f"rgb({red},{green},{blue})"), taxonomy.names[v], (f"  {written}" if written else "", "dim")
    )


def _sound(check: DatasetCheck) -> list[Inspection]:
    return [i for i in check.inspections if len(i.shape) == 3 and not i.found("fatal")]


def _along_axes(triples: Iterable[np.ndarray], inspections: Iterable[Inspection]) -> np.ndarray:
    """Values along stored axes, brought to anatomical axes; (cases, 3)."""
    rows = []
    for triple, inspection in zip(triples, inspections, strict=True):
        row = np.empty(3)
        row[closest_axes(np.array(inspection.affine))[:, 0]] = triple
        rows.append(row)
    return np.array(rows).reshape(-1, 3)


def _range(values: np.ndarray, form: str) -> str:
    if not len(values):
        return "–"
    spans = zip(ANATOMICAL_AXES, values.min(axis=0), values.max(axis=0), strict=True)
    return ", ".join(f"{axis} {low:{form}} to {high:{form}}" for axis, low, high in spans)


def _structures(check: DatasetCheck, taxonomy: Taxonomy) -> str:
    held = Counter(name for inspection in check.inspections for name in inspection.label_voxels)
    names = [name for v, name in enumerate(taxonomy.names) if v != taxonomy.background and held[name]]
    return ", ".join(f"{name} in {held[name]}" for name in names) or "–"
