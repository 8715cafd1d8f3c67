"""How long a training waits for its data, and what cases in memory and on disk cost beside MONAI's data sets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from monai.data import CacheDataset, PersistentDataset

from cladeseg.segmentation.workflow import TrainingPlan, TrainingWorkflow, training_dataset, untrained_network
from cladeseg.segmentation.workflow.plan import bundle_plan

#: Place, intensity and teacher read the cases before the training; the peer does nothing of the kind.
_NO_LABELS = {"settings#propagation#enabled": False, "settings#propagation#refresh": []}
#: Samples that are taken from cases in memory and on disk.
_SAMPLES = 50

T = TypeVar("T")


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
        (means of a step), and ``ways``: name → ``fill_seconds`` (reading all cases once), ``again_seconds`` (the same
        for a later training) and ``sample_seconds`` (a mean sample).

    Raises:
        DataError: the cases cannot be used.
    """
    overrides = {"settings#data#num_workers": workers, **_NO_LABELS}
    plan = bundle_plan(bundle_root, overrides, dataset_dir=dataset_dir, output_dir=folder / "loader")
    cases = plan.training_cases()
    ways, dataset = _ways(plan, cases, folder)
    wait, step = _second_epoch(plan, dataset, steps)
    return {
        "workers": workers,
        "cases": len(cases),
        "wait_share": wait / (wait + step),
        "wait_seconds": wait / steps,
        "step_seconds": step / steps,
        "ways": ways,
    }


def _ways(plan: TrainingPlan, cases: Sequence[Any], folder: Path) -> tuple[dict[str, dict[str, float]], Any]:
    """Seconds of each way to keep cases, and our data set in memory."""
    data = [dict(case) for case in cases]
    one = training_dataset(plan, cases[:1])
    load, patch = one.transform, one.patch

    def stored() -> Any:
        with_store = {"settings#data#store": str(folder / "store"), **_NO_LABELS}
        other = bundle_plan(plan.bundle_root, with_store, dataset_dir=plan.dataset_dir, output_dir=plan.output_dir)
        return training_dataset(other, cases)

    def persistent() -> Any:
        kept = PersistentDataset(data, load, cache_dir=folder / "persistent")
        for index in range(len(kept)):
            kept[index]
        return kept

    def cached() -> Any:
        return CacheDataset(data, load, num_workers=2, progress=False)

    in_memory, ours = _timed(lambda: training_dataset(plan, cases))
    ways = {
        "in memory": _way(in_memory, in_memory, ours.__getitem__, len(cases)),
        "MONAI's CacheDataset": _peer(cached, patch),
        "data.store": _way(*_twice(stored)),
        "MONAI's PersistentDataset": _peer(persistent, patch),
    }
    return ways, ours


def _peer(make: Callable[[], Any], patch: Any) -> dict[str, float]:
    """The seconds of a data set of MONAI's, from whose cases our patches are taken."""
    first, again, item, number = _twice(make)
    return _way(first, again, lambda index: patch(item(index[0]), index[1]), number)


def _twice(make: Callable[[], Any]) -> tuple[float, float, Callable[[Any], Any], int]:
    """Seconds of making a data set and of making it again, its items and their number."""
    first, _ = _timed(make)
    again, dataset = _timed(make)
    return first, again, dataset.__getitem__, len(dataset)


def _way(first: float, again: float, item: Callable[[Any], Any], number: int) -> dict[str, float]:
    seconds, _ = _timed(lambda: [item((index % number, index)) for index in range(_SAMPLES)])
    return {"fill_seconds": first, "again_seconds": again, "sample_seconds": seconds / _SAMPLES}


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


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
            "",
            f"| {result['cases']} cases | first training | a later one | a sample |",
            "|---|---|---|---|",
            *(
                f"| {name} | {way['fill_seconds']:.2f} s | {way['again_seconds']:.2f} s | "
                f"{way['sample_seconds'] * 1000:.1f} ms |"
                for name, way in result["ways"].items()
            ),
        ]
    )
