"""Inference under each profile beside MONAI's sliding window: seconds, memory and Dice of the same cases."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.inferers import Inferer

from cladeseg.benchmark.measured import shown_path
from cladeseg.benchmark.speed.turns import with_range
from cladeseg.segmentation.data import resolve_label_convention, volume_files
from cladeseg.segmentation.inferers import BoxInferer, sliding_window
from cladeseg.segmentation.inferers.timed import PartTimes, timed_prediction
from cladeseg.segmentation.metrics import dice
from cladeseg.segmentation.networks import passes_of
from cladeseg.segmentation.workflow import BundlePredictor, load_predictor, model_inferer
from cladeseg.segmentation.workflow.evaluation import evaluation_cases
from cladeseg.segmentation.workflow.inference_profiles import PROFILES
from cladeseg.segmentation.workflow.plan import bundle_plan
from cladeseg.segmentation.workflow.trained import trained_model
from cladeseg.volumes import read_volume, write_label

#: MONAI's sliding window over the whole volume, with the same network, window and overlap.
PEER = "monai"


def inference_speed(
    bundle_root: str | Path,
    dataset_dir: str | Path,
    *,
    weights: str | Path,
    split: str = "test",
    cases: int = 4,
) -> dict[str, Any]:
    """Predict a few cases by every profile and by the peer, in turn, and compare.

    Of weights of two passes the peer runs the second over the whole volume.

    Args:
        bundle_root: the bundle's folder.
        dataset_dir: folder of labelled cases in the bundle's layout.
        weights: of a run; its ``datalist.json`` says which cases are in the split.
        split: ``"test"``, ``"validation"`` or ``"all"``.
        cases: how many, at least one.

    Returns:
        ``weights``, ``passes``, ``cases``, and under ``methods`` for each: of the network the median ``seconds`` a
        volume and ``ratio`` to the peer's, with their ``seconds_range`` and ``ratio_range`` over cases; ``rise_mb`` of
        memory, mean leaf ``dice``, ``parts`` (part → mean seconds a volume, end to end) and ``other_share`` (all but
        the network).

    Raises:
        DataError: weights or cases cannot be used.
    """
    plan, file = bundle_plan(bundle_root), Path(weights)
    data = plan.settings.data
    stored = file.parent.parent / "datalist.json"
    chosen = evaluation_cases(split, stored, dataset_dir, data.layout, channels=data.channels)[:cases]
    convention = resolve_label_convention(data.label_convention, None, dataset_dir, plan.taxonomy, data.layout)
    predictor = load_predictor(bundle_root, weights=file, label_convention=convention)
    inferers = _inferers(bundle_root, file, predictor)
    rows = [_measured(predictor, name, inferers[name], case) for case, name in _alternating(chosen, list(inferers))]
    methods = {name: _summary(rows, name) for name in inferers}
    passes, names = len(passes_of(predictor.network)), [case["case"] for case in chosen]
    return {"weights": shown_path(weights), "passes": passes, "cases": names, "methods": methods}


def _inferers(bundle_root: str | Path, weights: Path, predictor: BundlePredictor) -> dict[str, Inferer]:
    model = trained_model(weights.parent.parent, bundle_root, weights)
    peer: Inferer = sliding_window(model.patch_size, predictor.overlap)
    if len(passes_of(predictor.network)) > 1:
        peer = BoxInferer(model.patch_size, nonzero=model.intensity == "brain", overlap=predictor.overlap)
    ours = {name: model_inferer(model, predictor.overlap, name, predictor.taxonomy) for name in PROFILES}
    return {PEER: peer, **ours}


def _alternating(cases: Sequence[Mapping[str, Any]], names: list[str]) -> list[tuple[Mapping[str, Any], str]]:
    """Every case by every method, another one first each time."""
    return [(case, names[(i + j) % len(names)]) for i, case in enumerate(cases) for j in range(len(names))]


def _measured(predictor: BundlePredictor, name: str, inferer: Inferer, case: Mapping[str, Any]) -> dict[str, Any]:
    predictor.inferer = inferer
    times = PartTimes()
    found, memory = timed_prediction(predictor, case["image"], times)
    with tempfile.TemporaryDirectory() as folder, times.part("write"):
        image = volume_files(case["image"])[0]
        write_label(found.label[0].numpy(), image, Path(folder) / "mask.nii.gz", names=found.names)
    score = _leaf_dice(found.label[0].numpy(), case, predictor)
    return {"method": name, "case": case["case"], "parts": times.seconds, "rise": memory.bytes, "dice": score}


def _leaf_dice(mask: Any, case: Mapping[str, Any], predictor: BundlePredictor) -> float:
    """Mean over the leaves, without the background, that the label or the mask has."""
    tree, convention = predictor.taxonomy, predictor.label_convention
    truth = tree.to_nodes(read_volume(case["label"]).voxels, convention, source=str(case["label"]))
    predicted = tree.to_nodes(mask, convention, source="prediction")
    leaves = [leaf for leaf in range(tree.num_leaves) if leaf != tree.background]
    scores = [dice(predicted == leaf, truth == leaf) for leaf in leaves]
    return statistics.fmean([score for score in scores if score is not None] or [1.0])


def _summary(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    own = {row["case"]: row for row in rows if row["method"] == name}
    peer = {row["case"]: row["parts"]["predict"] for row in rows if row["method"] == PEER}
    ratios = [row["parts"]["predict"] / peer[case] for case, row in own.items()]
    seconds = [row["parts"]["predict"] for row in own.values()]
    names = next(iter(own.values()))["parts"]
    parts = {part: statistics.fmean(row["parts"][part] for row in own.values()) for part in names}
    total = sum(parts.values())
    return {
        "seconds": statistics.median(seconds),
        "seconds_range": [min(seconds), max(seconds)],
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
        "rise_mb": max(row["rise"] for row in own.values()) / 2**20,
        "dice": statistics.fmean(row["dice"] for row in own.values()),
        "parts": parts,
        "other_share": 1 - parts["predict"] / total,
    }


def inference_table(result: Mapping[str, Any]) -> str:
    """The result as a Markdown table, one row for each method."""
    lines = [
        "| method | network, s a volume (range) | ratio to MONAI's (range) | memory, MB | mean leaf Dice "
        "| rest of the time |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in result["methods"].items():
        seconds, ratio = (with_range(row[key], row[f"{key}_range"]) for key in ("seconds", "ratio"))
        lines.append(
            f"| {name} | {seconds} | {ratio} | {row['rise_mb']:.0f} | {row['dice']:.4f} | {row['other_share']:.0%} |"
        )
    return "\n".join(lines)
