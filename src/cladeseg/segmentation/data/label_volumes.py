"""Volumes of a labelled case, as far as its supervision shows them: what predictions are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cladeseg.segmentation.data.finding import Inspection
from cladeseg.segmentation.metrics import annotated_nodes
from cladeseg.taxonomy import FINE, Taxonomy

#: Key of a datalist's training cases.
KEY = "volumes_ml"
_DIGITS = 5


def label_volumes(inspection: Inspection, supervision: str, taxonomy: Taxonomy) -> dict[str, float]:
    """Volume in ml of each structure whose outline the supervision shows; nothing where no label was opened.

    Args:
        inspection: of the case with its label.
        supervision: ``fine`` or a superclass: what lies below it is not looked at.
        taxonomy: the label tree.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> affine = tuple(map(tuple, np.diag([10.0, 10.0, 5.0, 1.0])))
        >>> case = Inspection("a", affine=affine, label_voxels={"background": 9, "ventricle": 2, "myocardium": 4})
        >>> label_volumes(case, "fine", tree)
        {'ventricle': 1.0, 'myocardium': 2.0, 'heart': 3.0}
        >>> label_volumes(case, "heart", tree)
        {'heart': 3.0}
    """
    if not inspection.label_voxels:
        return {}
    voxels = np.zeros(taxonomy.num_nodes)
    for name, count in inspection.label_voxels.items():
        voxels[taxonomy.index(name)] = count
    present = np.flatnonzero(voxels)
    shown = annotated_nodes(taxonomy.collapse_table(supervision).numpy()[present], taxonomy)
    # An outline is known itself, although nobody knows what lies beside it.
    shown += [] if supervision == FINE else [taxonomy.index(name) for name in supervision.split("+")]
    known = [v for v in annotated_nodes(present, taxonomy) if v in shown]
    ml = abs(float(np.linalg.det(np.array(inspection.affine)[:3, :3]))) / 1000
    inside = taxonomy.contains.numpy()
    return {taxonomy.names[v]: round(float(voxels[inside[v]].sum()) * ml, _DIGITS) for v in known}


def volumes_by_structure(cases: Iterable[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Structure → sorted volumes in ml of the cases of a datalist that know it.

    Example:
        >>> volumes_by_structure([{"volumes_ml": {"heart": 2.0}}, {"volumes_ml": {"heart": 1.0}}, {}])
        {'heart': [1.0, 2.0]}
    """
    found: dict[str, list[float]] = {}
    for case in cases:
        for name, ml in case.get(KEY, {}).items():
            found.setdefault(name, []).append(ml)
    return {name: sorted(volumes) for name, volumes in found.items()}
