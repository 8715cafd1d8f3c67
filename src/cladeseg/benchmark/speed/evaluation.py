"""Scoring of cases beside MONAI's metrics called for each: Dice, IoU, HD95 and NSD of hippocampus-sized masks."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.metrics import compute_dice, compute_hausdorff_distance, compute_iou, compute_surface_dice
from scipy.ndimage import gaussian_filter

from cladeseg.benchmark.speed.turns import by_turns, ratio_lines, ratios
from cladeseg.bundle.shipped import find_bundle
from cladeseg.segmentation.metrics import evaluate_case
from cladeseg.segmentation.phantoms import write_msd_phantoms
from cladeseg.taxonomy import Taxonomy, load_taxonomy
from cladeseg.volumes import read_volume

OURS, PEER = "cladeseg", "MONAI"
#: What both measure; ours adds the ASSD.
COMPARED = ("dice", "iou", "hd95_mm", "nsd")
_TOLERANCE_MM = 2.0
_LABELS, _ROUNDS = 20, 10
#: Largest difference that is rounding.
SAME = 1e-6

Pair = tuple[np.ndarray, np.ndarray]
Values = dict[str, np.ndarray]


def evaluation_speed(*, cases: int = 1000) -> dict[str, Any]:
    """Score the same cases in both ways, a tenth of them by turns.

    Returns:
        ``cases``, ``structures`` of each, ``rows`` (see :func:`~cladeseg.benchmark.speed.turns.ratios`; of a round),
        ``differences`` (metric → the largest) and ``compared`` (values that both have).
    """
    taxonomy = load_taxonomy(Path(find_bundle("hippocampus"), "configs", "taxonomy.json"))
    pairs = _pairs(taxonomy, cases)
    share = -(-cases // _ROUNDS)
    found: dict[str, list[Values]] = {OURS: [], PEER: []}

    def way(name: str, turn: int) -> None:
        score = _ours if name == OURS else _peers
        found[name] += [score(pair, taxonomy) for pair in pairs[turn * share : (turn + 1) * share]]

    seconds = by_turns(
        {OURS: lambda turn: way(OURS, turn), PEER: lambda turn: way(PEER, turn)},
        rounds=-(-cases // share),
        warm_up=0,
    )
    differences = {metric: _largest_difference(found, metric) for metric in COMPARED}
    structures = taxonomy.root - 1
    return {
        "cases": cases,
        "structures": structures,
        "rows": ratios(seconds, PEER),
        "differences": differences,
        "compared": cases * structures,
    }


def _pairs(taxonomy: Taxonomy, cases: int) -> list[Pair]:
    """Phantom labels, and predictions that are shifted by a voxel and wrong in smooth patches."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="cladeseg-speed.") as folder:
        write_msd_phantoms(folder, cases=min(cases, _LABELS), affines="ras")
        files = sorted(Path(folder, "labelsTr").glob("*.nii.gz"))
        truths = [taxonomy.to_nodes(read_volume(file).voxels, "msd", source=str(file)) for file in files]
    return [(_changed(truths[i % len(truths)], rng, taxonomy), truths[i % len(truths)]) for i in range(cases)]


def _changed(truth: np.ndarray, rng: np.random.Generator, taxonomy: Taxonomy) -> np.ndarray:
    moved = np.roll(truth, tuple(rng.integers(-1, 2, 3)), axis=(0, 1, 2))
    noise = gaussian_filter(rng.normal(size=truth.shape), 2.0)
    patch = (noise > np.quantile(noise, 0.97)) & (moved != taxonomy.background)
    return np.where(patch, rng.integers(taxonomy.num_leaves), moved).astype(truth.dtype)


def _ours(pair: Pair, taxonomy: Taxonomy) -> Values:
    records = evaluate_case("case", *pair, taxonomy, affine=np.eye(4), tolerance_mm=_TOLERANCE_MM)
    values = {metric: [one.value for one in records if one.metric == metric] for metric in COMPARED}
    return {metric: np.array(own, dtype=float) for metric, own in values.items()}


def _peers(pair: Pair, taxonomy: Taxonomy) -> Values:
    """MONAI's functions on one channel for each structure."""
    contains = taxonomy.contains.numpy()[1 : taxonomy.root]
    predicted, truth = (torch.from_numpy(contains[:, nodes])[None] for nodes in pair)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of an argument that MONAI passes to itself
        found = {
            "dice": compute_dice(predicted, truth),
            "iou": compute_iou(predicted, truth),
            "hd95_mm": compute_hausdorff_distance(predicted, truth, include_background=True, percentile=95),
            "nsd": compute_surface_dice(predicted, truth, [_TOLERANCE_MM] * len(contains), include_background=True),
        }
    return {metric: values[0].numpy().astype(float) for metric, values in found.items()}


def _largest_difference(found: Mapping[str, Sequence[Values]], metric: str) -> float:
    ours, peers = (np.concatenate([values[metric] for values in found[name]]) for name in (OURS, PEER))
    return float(np.abs(ours - peers).max())


def evaluation_table(result: Mapping[str, Any]) -> str:
    """The result as a Markdown table with the differences below."""
    lines = ratio_lines(result["rows"], unit="tenth of the cases", base=PEER)
    worst = ", ".join(f"{metric} {value:.1e}" for metric, value in result["differences"].items())
    return "\n".join(
        [
            *lines,
            "",
            f"{result['cases']} cases with {result['structures']} structures each.",
            f"Largest difference of a value: {worst}.",
        ]
    )
