"""The scores of an evaluation, method by method, and a plain statement of which one is better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cladeseg.report import Block, interval_text, number_cell, table_block, text_cell


def score_blocks(scores: Mapping[str, Any]) -> list[Block]:
    """Blocks for what :func:`~cladeseg.clustering.workflow.run_evaluation` found."""
    return [_main(scores), _beside_baseline(scores), _variants(scores)]


def _main(scores: Mapping[str, Any]) -> Block:
    facts = [("Classes", str(scores["classes"])), ("Clusters", str(scores["clusters"]))]
    facts += [("Classes no training saw", ", ".join(scores["unseen_classes"]) or "none")]
    statement = {"kind": "", "head": "Against the baseline:", "text": verdict(scores)}
    return Block(
        "facts",
        "Scores",
        {"statement": statement, "facts": facts, "made": [], "tree": None, "warnings": _warnings(scores)},
    )


def verdict(scores: Mapping[str, Any]) -> str:
    """One sentence on the chosen variant and the descriptor baseline, whichever is better."""
    own, base, gain = scores["vi_bits"], scores["descriptors"]["vi_bits"], scores["vi_gain"]
    low, high = gain["ci95"]
    compared = f"VI {own:.2f} bits with {scores['variant']}, {base:.2f} with descriptors alone."
    if scores["variant"] == "descriptors":
        return f"Training chose descriptors alone, which are the baseline. VI {own:.2f} bits."
    if abs(own - base) < 0.005:
        return f"No difference on these objects. {compared}"
    said = "Better" if own < base else "Worse"
    chance = " It may be chance." if low is None or low <= 0 <= high else ""
    by = f"The difference is {interval_text(gain['mean'], (low, high), digits=2, sign='+')} bits.{chance}"
    return f"{said} than descriptors alone on these objects. {compared} {by}"


def _warnings(scores: Mapping[str, Any]) -> list[str]:
    found = [
        f"'{name}' alone is better here (VI {one['centred']['vi_bits']:.2f} bits) than the variant that training chose "
        f"(VI {scores['vi_bits']:.2f} bits)."
        for name, one in scores["variants"].items()
        if one["centred"]["vi_bits"] < scores["vi_bits"] - 0.005
    ]
    if scores["objects"] < 30:
        found.append(f"{scores['objects']} objects are few; see the intervals.")
    return found


_NAMES = {
    "vi_bits": "VI in bits", "vi_split": "VI by splits", "vi_join": "VI by joins", "rand": "Rand", "ari": "ARI",
    "f1_join": "F1 of joins", "f1_cut": "F1 of cuts", "pair_auc": "pair AUC",
}  # fmt: skip


def _beside_baseline(scores: Mapping[str, Any]) -> Block:
    """Each score of the clusters and, unless these are the baseline's own, of the baseline's, with 95 % intervals."""
    held = {scores["variant"]: scores["intervals"], "descriptors": scores["descriptors"]["intervals"]}
    rows = [
        [
            text_cell(said),
            *(text_cell(interval_text(one[key]["mean"], tuple(one[key]["ci95"]))) for one in held.values()),
        ]
        for key, said in _NAMES.items()
    ]
    header = ["score", *(f"{name}, the baseline" if name == "descriptors" else name for name in held)]
    notes = [
        "Brackets: 95 % of resamples of these objects, those of one image together. Clusters are not computed anew."
    ]
    return table_block("Baseline", "Beside the descriptor baseline", header, rows, notes=notes)


def _variants(scores: Mapping[str, Any]) -> Block:
    rows = []
    for name, zeros in scores["variants"].items():
        for kind, one in zeros.items():
            before = scores["left_out"][name][kind]
            numbers = [one["vi_bits"], one["vi_split"], one["vi_join"], one["rand"], one["ari"], one["f1_join"]]
            cells = [number_cell(value) for value in numbers]
            auc = number_cell(one["pair_auc"])
            clusters = number_cell(float(one["clusters"]), 0)
            earlier = [number_cell(before["vi_bits"]), number_cell(before["rand"])]
            rows.append([text_cell(f"{name}, {kind}"), *cells, auc, clusters, *earlier])
    header = [
        "methods, zero", "VI", "VI split", "VI join", "Rand", "ARI", "F1 join", "pair AUC", "clusters",
        "VI, left out", "Rand, left out",
    ]  # fmt: skip
    notes = [
        "Raw and centred differ in whether what makes an object look like everything is removed. Their zeros, and the "
        "figures in the last two columns, come from training classes that were left out; nothing was chosen on the "
        "objects of this page."
    ]
    return table_block("Methods", "Each method alone and all together", header, rows, notes=notes)
