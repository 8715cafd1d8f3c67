"""Seconds of a training step of each semi-supervised method beside the supervised one, on the same images."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cladeseg.benchmark.speed.turns import by_turns, ratio_lines, ratios
from cladeseg.bundle.shipped import shipped_config
from cladeseg.files import read_json
from cladeseg.segmentation.data import CachedDataset
from cladeseg.segmentation.workflow import TrainingPlan, TrainingWorkflow, training_dataset, untrained_network
from cladeseg.segmentation.workflow.plan import bundle_plan

#: What every ratio is to: the loss of the same images' labels, and nothing else.
PLAIN = "supervised"
#: A step late enough for every ramp to have ended.
_LATE = 10_000
#: Different batches, so that no method is lucky with the cases that it mixes.
_BATCHES = 8


def step_ways() -> dict[str, dict[str, Any]]:
    """Name → settings of each method, as the ablations write them."""
    mixed = read_json(shipped_config("ablations/mix_in_place.json"))
    besides = {"settings#method": "hierarchical_mix", "settings#mix#in_place": False}
    others = {name: {"settings#method": name} for name in ("mean_teacher", "bcp", "unimatch", "cps")}
    return {
        PLAIN: {"settings#method": "supervised"},
        "mixed in place": mixed,
        "all coarse cases mixed in place": {**mixed, "settings#mix#weight": 1.0},
        "mixed besides": besides,
        **others,
    }


def step_speed(
    bundle_root: str | Path,
    dataset_dir: str | Path,
    folder: Path,
    *,
    rounds: int = 12,
    ways: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Time whole optimiser steps, augmentation and teacher included, by turns on the same batches.

    Args:
        bundle_root: the bundle, whose settings hold but for the method.
        dataset_dir: cases in its layout.
        folder: for what the trainings write; nothing of it is asked for again.
        rounds: steps of each method that count.
        ways: name → settings; :func:`step_ways` if left out.

    Returns:
        ``batch`` (images a step), ``patch_size`` and ``methods``, see :func:`~cladeseg.benchmark.speed.turns.ratios`.

    Raises:
        DataError: the cases cannot be used.
    """
    chosen = step_ways() if ways is None else ways
    plans = {name: _plan(bundle_root, dataset_dir, folder / str(i), chosen[name]) for i, name in enumerate(chosen)}
    first = plans[PLAIN]
    dataset = training_dataset(first, first.training_cases())
    steps = {name: _step(plan, dataset) for name, plan in plans.items()}
    seconds = by_turns(steps, rounds=rounds)
    return {
        "batch": sum(first.settings.batch.per_batch.values()),
        "patch_size": list(first.settings.data.patch_size),
        "methods": ratios(seconds, PLAIN),
    }


def _plan(bundle_root: str | Path, dataset_dir: str | Path, run: Path, way: Mapping[str, Any]) -> TrainingPlan:
    return bundle_plan(bundle_root, way, dataset_dir=dataset_dir, output_dir=run)


def _step(plan: TrainingPlan, dataset: CachedDataset) -> Callable[[int], object]:
    """What takes one step of a training, the t-th of its batches."""
    network = untrained_network(plan)
    workflow = TrainingWorkflow(plan=plan, network=network, training=dataset, validation=dataset, max_epochs=1)
    trainer = workflow.trainer
    batches = list(itertools.islice(iter(trainer.data_loader), _BATCHES))
    return lambda turn: trainer.train_step(batches[turn % _BATCHES], _LATE + turn)


def step_table(result: Mapping[str, Any]) -> str:
    """The result as a Markdown table."""
    size = " × ".join(map(str, result["patch_size"]))
    lines = ratio_lines(result["methods"], unit=f"step of {result['batch']} patches of {size}", base=PLAIN)
    return "\n".join(lines)
