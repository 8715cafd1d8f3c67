"""The page of a clustering: clusters with their objects, similarity matrix, scores, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from cladeseg.clustering.groups import Grouping
from cladeseg.clustering.model import CENTRED, ClusteringModel
from cladeseg.clustering.objects import ObjectSet
from cladeseg.clustering.pages.contact_sheet import (
    MEDOID,
    UNSURE,
    border_of,
    contact_sheet,
    framed,
    order_of,
)
from cladeseg.clustering.pages.score_blocks import score_blocks
from cladeseg.clustering.pages.similarity_matrix import similarity_picture
from cladeseg.files import atomic_write
from cladeseg.report import Block, number_cell, png_uri, table_block, text_cell, write_page

SHEET, PAGE = "contact_sheet.png", "report.html"
#: Whose templates show groups of objects.
_OWN = "cladeseg.clustering.pages"
_SHOWN = 36  # objects of a cluster on the page
MATRIX = 560  # pixels of the matrix's side


def write_clusters_page(
    output: Path,
    page: Path,
    objects: ObjectSet,
    grouping: Grouping,
    model: ClusteringModel,
    *,
    variant: str,
    scores: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``contact_sheet.png`` and ``report.html``.

    Args:
        output: folder for the sheet.
        page: folder for the page.
        objects: n of them.
        grouping: their clusters.
        model: that compared them.
        variant: the methods that were used.
        scores: what an evaluation found; ``None`` without known classes.
    """
    with atomic_write(output / SHEET) as temporary:
        Image.fromarray(contact_sheet(objects, grouping)).save(temporary)
    blocks = [_facts(grouping, model, variant), _clusters(grouping), _pictures(objects, grouping), _matrix(grouping)]
    if scores is not None:
        blocks[1:1] = score_blocks(scores)
    subtitle = "Pairs of objects are compared, and the answers reconciled into clusters; their number is an outcome."
    return write_page(page / PAGE, "Clusters of objects", blocks, subtitle=subtitle)


def _facts(grouping: Grouping, model: ClusteringModel, variant: str) -> Block:
    held, zero = grouping.certificate, model.variants[variant].zeros[CENTRED]
    unsure = int(grouping.unsure.sum())
    facts = [
        ("Objects", str(len(grouping.ids))),
        ("Clusters", str(len(grouping.medoids))),
        ("Unsure", f"{unsure} of {len(grouping.ids)}"),
        ("Methods", " + ".join(model.variants[variant].combination.methods)),
        ("Zero chosen on", model.zero_source),
        ("There", f"VI {zero.vi_bits:.2f} bits, Rand {100 * zero.rand:.1f} %, {zero.batches} batches"),
        ("Energy", f"{held.energy:.2f}, bound {held.bound:.2f}" + (" (best possible)" if held.optimal else "")),
    ]
    return Block(
        "facts",
        "Overview",
        {"statement": None, "facts": facts, "made": [], "tree": None, "warnings": _warnings(grouping)},
    )


def _warnings(grouping: Grouping) -> list[str]:
    n = len(grouping.ids)
    found = []
    if n and grouping.unsure.mean() > 0.3:
        found.append("More than 30 % of the objects are unsure; the clusters may not mean anything for these pictures.")
    if len(grouping.medoids) == 1 and n > 1:
        found.append(
            "All objects are in one cluster. With objects of one kind alone this is right; look at the pictures."
        )
    if 2 < n == len(grouping.medoids):
        found.append("Each object is a cluster of its own; they may differ too much from those of the training.")
    if n < 4:
        found.append("With fewer than four objects, what makes one look like everything cannot be removed.")
    return found


def _clusters(grouping: Grouping) -> Block:
    rows = []
    for number in sorted(grouping.medoids):
        members = grouping.numbers == number
        rows.append(
            [
                text_cell(str(number), link=f"cluster-{number}"),
                number_cell(float(members.sum()), 0),
                text_cell(grouping.ids[grouping.medoids[number]]),
                number_cell(float(grouping.confidence[members].mean()), 2),
                number_cell(float(grouping.unsure[members].sum()), 0),
            ]
        )
    header = ["cluster", "objects", "medoid", "mean confidence", "unsure"]
    notes = [
        "The confidence of an object is the share of its cluster that stays when pairs are drawn anew, times the "
        "probability that its own cluster suits it better than the next one."
    ]
    return table_block("Clusters", "Clusters", header, rows, notes=notes)


def _pictures(objects: ObjectSet, grouping: Grouping) -> Block:
    cases = []
    for number in sorted(grouping.medoids):
        members = order_of(grouping, number)
        panels = [_panel(objects, grouping, index) for index in members[:_SHOWN]]
        more = f"{len(members)} objects" + (f", {_SHOWN} shown" if len(members) > _SHOWN else "")
        cases.append({"anchor": f"cluster-{number}", "name": f"Cluster {number}", "why": more, "panels": panels})
    colours = [("medoid", _code(MEDOID)), ("unsure", _code(UNSURE))]
    return Block("groups", "Contact sheet", {"notes": [], "legend": colours, "cases": cases}, _OWN)


def _panel(objects: ObjectSet, grouping: Grouping, index: int) -> dict[str, str]:
    name = grouping.ids[index]
    sure = f"{grouping.confidence[index]:.2f}"
    picture = framed(objects.objects[index], border_of(grouping, index))
    return {"uri": png_uri(picture), "name": f"{name} ({sure})", "alt": f"object {name}, confidence {sure}"}


def _matrix(grouping: Grouping) -> Block:
    said = "probability that two objects are of one kind"
    panel = {
        "uri": png_uri(similarity_picture(grouping, side=MATRIX)),
        "name": said,
        "alt": f"matrix of all pairs: {said}",
    }
    case = {"anchor": "similarity", "name": "All pairs", "why": "ordered by cluster", "panels": [panel]}
    notes = ["Dark squares along the diagonal are clusters; dark spots elsewhere are pairs that contradict them."]
    if len(grouping.ids) > MATRIX:
        notes.append(
            f"A point is the mean over about {len(grouping.ids) / MATRIX:.1f} objects of one cluster either way."
        )
    return Block("groups", "Similarity matrix", {"notes": notes, "legend": [], "cases": [case]}, _OWN)


def _code(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
