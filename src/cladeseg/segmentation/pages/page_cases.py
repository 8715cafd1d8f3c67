"""Blocks of a page that show cases: pictures, and the volume viewer."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np

from cladeseg.report import ERRORS, Block, anchor, case_slices, compressed, data_uri, structure_colours
from cladeseg.segmentation.pages.page_record import colour_of
from cladeseg.segmentation.pages.stored_case import StoredCase
from cladeseg.taxonomy import Taxonomy

#: Bytes of all volumes of a page's viewer, before base64.
_VIEWER_BYTES = 6_000_000


@dataclass(frozen=True)
class ShownCase:
    """One case on a page.

    Attributes:
        name: of the case, as given.
        why: it is shown.
        facts: a sentence about it.
        stored: its image and masks.
    """

    name: str
    why: str
    facts: str
    stored: StoredCase


def case_anchor(name: str) -> str:
    """What links to a case's pictures lead to."""
    return f"case-{anchor(name)}"


def cases_block(
    title: str, cases: Sequence[ShownCase], taxonomy: Taxonomy, *, notes: Sequence[str], slices: int = 3
) -> Block:
    """Pictures of cases, with legend."""
    truths = any(case.stored.truth is not None for case in cases)
    content = {
        "notes": list(notes),
        "legend": [(taxonomy.names[v], colour_of(taxonomy, v)) for v in _shown_nodes(cases, taxonomy)],
        "errors": list(ERRORS.items()) if truths else [],
        "cases": [_pictures(case, taxonomy, slices) for case in cases],
    }
    return Block("cases", title, content)


def viewer_block(cases: Sequence[ShownCase], taxonomy: Taxonomy) -> Block:
    """The volumes of the first cases, as many as fit, to move through."""
    packed: list[dict[str, Any]] = []
    left = _VIEWER_BYTES
    for case in cases:
        volumes = {name: _nifti(voxels, case.stored.affine) for name, voxels in _volumes(case.stored).items()}
        left -= sum(map(len, volumes.values()))
        if left < 0 and packed:
            break
        packed.append({"name": case.name, "volumes": {k: base64.b64encode(v).decode() for k, v in volumes.items()}})
    names = {name for case in packed for name in case["volumes"]}
    content = {
        "cases": packed,
        "nodes": _switches(taxonomy),
        "layers": [name for name in ("prediction", "truth") if name in names],
        "uncertainty": "uncertainty" in names,
        "lut": _lut(taxonomy),
    }
    return Block("viewer", "Volume viewer", content)


def _pictures(case: ShownCase, taxonomy: Taxonomy, slices: int) -> dict[str, Any]:
    stored = case.stored
    rows = case_slices(
        stored.image,
        stored.prediction,
        taxonomy,
        spacing=stored.spacing,
        truth=stored.truth,
        slices=slices,
        uncertainty=stored.uncertainty,
    )
    shown = [[{"uri": data_uri(p.webp, "image/webp"), "name": p.name, "alt": p.alt} for p in row] for row in rows]
    return {"anchor": case_anchor(case.name), "name": case.name, "why": case.why, "facts": case.facts, "rows": shown}


def _shown_nodes(cases: Sequence[ShownCase], taxonomy: Taxonomy) -> list[int]:
    """Nodes that some mask holds, in the order of the tree."""
    masks = [mask for case in cases for mask in (case.stored.prediction, case.stored.truth) if mask is not None]
    held = {int(v) for mask in masks for v in np.unique(mask)} - {taxonomy.background, taxonomy.root}
    return sorted(held, key=taxonomy.path)


def _volumes(case: StoredCase) -> Mapping[str, np.ndarray]:
    layers = {"image": case.image, "truth": case.truth, "prediction": case.prediction, "uncertainty": case.uncertainty}
    return {name: voxels for name, voxels in layers.items() if voxels is not None}


def _nifti(voxels: np.ndarray, affine: np.ndarray) -> bytes:
    return compressed(nib.Nifti1Image(voxels, affine).to_bytes())


def _switches(taxonomy: Taxonomy) -> list[dict[str, Any]]:
    order = sorted(range(1, taxonomy.root), key=taxonomy.path)
    return [
        {
            "name": taxonomy.names[v],
            "index": v,
            "leaves": list(taxonomy.leaves(v)),
            "colour": colour_of(taxonomy, v),
            "depth": taxonomy.depth[v] - 1,
        }
        for v in order
    ]


def _lut(taxonomy: Taxonomy) -> dict[str, Any]:
    """The colours of node indices, as NiiVue takes them; background and root are not seen."""
    hidden = {taxonomy.background, taxonomy.root}
    red, green, blue = structure_colours(taxonomy).T.tolist()
    opaque = [0 if v in hidden else 255 for v in range(taxonomy.num_nodes)]
    return {
        "R": red,
        "G": green,
        "B": blue,
        "A": opaque,
        "I": list(range(taxonomy.num_nodes)),
        "labels": list(taxonomy.names),
    }
