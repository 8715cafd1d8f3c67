"""The page with which an expert begins: which cases, why these, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes
from PIL import Image

from cladeseg.files import atomic_write, write_json
from cladeseg.report import case_slices, contact_sheet, shades
from cladeseg.segmentation.selection.propose import Proposal
from cladeseg.segmentation.selection.superclass_view import SuperclassLoader, SuperclassView
from cladeseg.taxonomy import Taxonomy

FORMAT = 1


def write_selection(
    proposals: Sequence[Proposal], out: str | Path, load: SuperclassLoader, settings: Mapping[str, Any]
) -> None:
    """Write ``selection.json``, ``selection.md`` and ``pictures/CASE.png`` into ``out``.

    Args:
        proposals: in order of importance.
        out: folder; created if missing, files of these names are replaced.
        load: gives the superclass view of a case, for its picture.
        settings: what the choice was made with; kept in the JSON and shown on the page.

    Raises:
        DataError: a file cannot be read or written.
    """
    out = Path(out)
    for proposal in proposals:
        picture = outline_picture(load({"image": proposal.image, "label": proposal.label}), load.taxonomy)
        with atomic_write(out / _picture(proposal)) as temporary:
            Image.fromarray(picture).save(temporary, format="PNG")
    # The patients in the form that a training takes them.
    patients = [proposal.patient for proposal in proposals]
    rows = [{**_without_paths(proposal), "picture": _picture(proposal)} for proposal in proposals]
    write_json({"format": FORMAT, **settings, "patients": patients, "proposals": rows}, out / "selection.json")
    with atomic_write(out / "selection.md") as temporary:
        temporary.write_text(selection_markdown(proposals, settings), encoding="utf-8", newline="\n")


def selection_markdown(proposals: Sequence[Proposal], settings: Mapping[str, Any]) -> str:
    """The page as Markdown, with pictures by relative path.

    Args:
        proposals: in order of importance.
        settings: shown in one line.
    """
    head = ["case", "patient", "stands for", "more typical cases", "why"]
    rows = [
        [p.case, p.patient, f"{p.cluster_size} cases", f"{p.distance_percentile:.0f} %", p.reason] for p in proposals
    ]
    table = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    names = ",".join(f"'{p.patient}'" for p in proposals)
    pictures = [line for p in proposals for line in ("", f"## {p.case}", "", f"![{p.case}]({_picture(p)})")]
    lines = [
        "# Cases worth a fine label",
        "",
        "Chosen from images and superclass outlines alone. Label every case of these patients down to the leaves, then",
        f'train with `--fine_patients "[{names}]"`.',
        "",
        *table,
        *pictures,
        "",
        f"Chosen with {', '.join(f'{key} = {value}' for key, value in settings.items())}.",
    ]
    return "\n".join(lines) + "\n"


def outline_picture(view: SuperclassView, taxonomy: Taxonomy, slices: int = 3) -> np.ndarray:
    """A few slices of the first channel, plain on the left and with the superclass's outline on the right.

    Args:
        view: the case.
        taxonomy: gives the colours.
        slices: number of slices.

    Returns:
        uint8 (H, W, 3).
    """
    nodes = np.where(view.inside, view.nodes, taxonomy.background).astype(view.nodes.dtype)
    spacing = voxel_sizes(view.affine).tolist()
    return contact_sheet(case_slices(shades(view.image[0]), nodes, taxonomy, spacing=spacing, slices=slices, fill=0.0))


def _picture(proposal: Proposal) -> str:
    return f"pictures/{proposal.case}.png"


def _without_paths(proposal: Proposal) -> dict[str, Any]:
    """What may be shared: where somebody keeps the data is nobody else's business."""
    return {key: value for key, value in asdict(proposal).items() if key not in ("image", "label")}
