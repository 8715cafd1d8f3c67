"""How long a training waits for its data, and what the first epoch costs beside MONAI's CacheDataset."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from monai.data import CacheDataset

from cladeseg.segmentation.workflow import TrainingPlan, TrainingWorkflow, training_dataset, untrained_network
from cladeseg.segmentation.workflow.plan import bundle_plan

#: Place, intensity and teacher read the cases before the training; the peer does nothing of the kind.
_NO_LABELS = {"settings#propagation#enabled": False, "settings#propagation#refresh": []}


def loader_speed(
    bundle_root: str | Path, dataset_dir: str | Path, folder: Path, *, steps: int = 25, workers: int = 1
) -> dict[str, Any]:
    """Train two epochs with loader processes, and time what each step of the second waits for.

    Args:
        bundle_root: the bundle, whose settings hold but for the number of workers.
        dataset_dir: cases in its layout.
        folder: for what the training writes.
        steps: of an epoch.
        workers: loader processes.

    Returns:
        ``workers``, ``cases``, ``wait_share`` (of the second epoch's time), ``wait_seconds`` and ``step_seconds``
        (means of a step), ``fill_seconds`` (reading all cases once) and ``peer_fill_seconds``.

    Raises:
        DataError: the cases cannot be used.
    """
    overrides = {"settings#data#num_workers": workers, **_NO_LABELS}
    plan = bundle_plan(bundle_root, overrides, dataset_dir=dataset_dir, output_dir=folder / "loader")
    cases = plan.training_cases()
    begin = time.perf_counter()
    CacheDataset([dict(case) for case in cases], plan.preprocessing, num_workers=2, progress=False)
    middle = time.perf_counter()
    dataset = training_dataset(plan, cases)
    end = time.perf_counter()
    wait, step = _second_epoch(plan, dataset, steps)
    return {
        "workers": workers,
        "cases": len(cases),
        "wait_share": wait / (wait + step),
        "wait_seconds": wait / steps,
        "step_seconds": step / steps,
        "fill_seconds": end - middle,
        "peer_fill_seconds": middle - begin,
    }


def _second_epoch(plan: TrainingPlan, dataset: Any, steps: int) -> tuple[float, float]:
    """Seconds that the steps of the second epoch waited for a batch, and those that they took."""
    network = untrained_network(plan)
    trainer = TrainingWorkflow(plan=plan, network=network, training=dataset, validation=dataset, max_epochs=2).trainer
    batches = iter(trainer.data_loader)
    wait = step = 0.0
    for index in range(2 * steps):
        begin = time.perf_counter()
        batch = next(batches)
        middle = time.perf_counter()
        trainer.train_step(batch, index)
        if index >= steps:
            wait, step = wait + middle - begin, step + time.perf_counter() - middle
    return wait, step


def loader_table(result: dict[str, Any]) -> str:
    """The result as a Markdown table."""
    workers, wait, step = result["workers"], result["wait_seconds"] * 1000, result["step_seconds"] * 1000
    return "\n".join(
        [
            f"| loader with {workers} worker(s) | |",
            "|---|---|",
            f"| share of the second epoch that waits for data | {result['wait_share']:.1%} |",
            f"| wait a step | {wait:.1f} ms of {step:.0f} ms |",
            f"| reading {result['cases']} cases once | {result['fill_seconds']:.2f} s |",
            f"| the same by MONAI's CacheDataset | {result['peer_fill_seconds']:.2f} s |",
        ]
    )
