"""How long a training waits for its data, and what cases in memory and on disk cost beside MONAI's data sets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from monai.data import CacheDataset, PersistentDataset
from monai.transforms import Transform

from cladeseg.benchmark.speed.turns import by_turns, ratios, spread, with_range
from cladeseg.segmentation.workflow import TrainingPlan, TrainingWorkflow, training_dataset, untrained_network
from cladeseg.segmentation.workflow.plan import bundle_plan

#: Place, intensity and teacher read the cases before the training; the peer does nothing of the kind.
_NO_LABELS = {"settings#propagation#enabled": False, "settings#propagation#refresh": []}
#: Samples that are taken from cases in memory and on disk.
_SAMPLES = 50
#: What each way's times are beside.
PEER = "MONAI's CacheDataset"
#: Whose items are patches already.
_OURS = ("in memory", "data.store")


def loader_speed(
    bundle_root: str | Path,
    dataset_dir: str | Path,
    folder: Path,
    *,
    steps: int = 25,
    workers: int = 1,
    rounds: int = 3,
) -> dict[str, Any]:
    """Train two epochs with loader processes, and time what each step of the second waits for.

    Args:
        bundle_root: the bundle, whose settings hold but for the number of workers.
        dataset_dir: cases in its layout.
        folder: for what the training writes.
        steps: of an epoch.
        workers: loader processes.
        rounds: how often each way of keeping cases is timed.

    Returns:
        ``workers``, ``cases``, ``wait_share`` (of the second epoch's time), ``wait_seconds`` and ``step_seconds``
        (of its steps, see :func:`~cladeseg.benchmark.speed.turns.spread`), and of ways to keep cases, beside MONAI's
        cache by :func:`~cladeseg.benchmark.speed.turns.ratios`: ``first`` (reading all of them once), ``again`` (the
        same for a later training) and ``sample`` (taking some samples).

    Raises:
        DataError: the cases cannot be used.
    """
    overrides = {"settings#data#num_workers": workers, **_NO_LABELS}
    plan = bundle_plan(bundle_root, overrides, dataset_dir=dataset_dir, output_dir=folder / "loader")
    cases = plan.training_cases()
    ways = _ways(plan, cases, folder, rounds)
    waits, work = _second_epoch(plan, training_dataset(plan, cases), steps)
    return {
        "workers": workers,
        "cases": len(cases),
        "wait_share": sum(waits) / sum([*waits, *work]),
        "wait_seconds": spread(waits),
        "step_seconds": spread(work),
        **ways,
    }


def _ways(plan: TrainingPlan, cases: Sequence[Any], folder: Path, rounds: int) -> dict[str, Any]:
    """Times of each way to keep cases, by turns; each round writes into folders of its own."""
    patch: Any = training_dataset(plan, cases[:1]).patch
    makers, made = ways_to_keep(plan, cases, folder), dict[str, Any]()

    def make(name: str, turn: int) -> None:
        made[name] = makers[name](turn)

    def take(name: str, turn: int) -> None:
        kept, number = made[name], len(cases)
        for index in range(_SAMPLES):
            pair = (index % number, index)
            kept[pair] if name in _OURS else patch(kept[pair[0]], index)

    filling = {name: partial(make, name) for name in makers}
    taking = {name: partial(take, name) for name in makers}
    return {
        "first": ratios(by_turns(filling, rounds=rounds, warm_up=0), PEER),
        "again": ratios(by_turns(filling, rounds=rounds, warm_up=0), PEER),
        "sample": ratios(by_turns(taking, rounds=rounds), PEER),
    }


def ways_to_keep(plan: TrainingPlan, cases: Sequence[Any], folder: Path) -> Mapping[str, Callable[[int], Any]]:
    """Name → what reads all cases and keeps them, in folders of a round if on disk.

    Args:
        plan: of the training whose cases they are.
        cases: of it.
        folder: for what lies on disk.
    """
    data, load = [dict(case) for case in cases], _Kept(training_dataset(plan, cases[:1]).transform)

    def stored(turn: int) -> Any:
        with_store = {"settings#data#store": str(folder / f"store_{turn}"), **_NO_LABELS}
        other = bundle_plan(plan.bundle_root, with_store, dataset_dir=plan.dataset_dir, output_dir=plan.output_dir)
        return training_dataset(other, cases)

    def persistent(turn: int) -> Any:
        kept = PersistentDataset(data, load, cache_dir=folder / f"persistent_{turn}")
        for index in range(len(kept)):
            kept[index]
        return kept

    return {
        "in memory": lambda turn: training_dataset(plan, cases),
        PEER: lambda turn: CacheDataset(data, load, num_workers=2, progress=False),
        "data.store": stored,
        "MONAI's PersistentDataset": persistent,
    }


class _Kept(Transform):
    """What a case is loaded by, as a MONAI transform: of anything else MONAI's data sets keep nothing."""

    def __init__(self, load: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.load = load

    def __call__(self, data: Any) -> dict[str, Any]:
        return self.load(dict(data))


def _second_epoch(plan: TrainingPlan, dataset: Any, steps: int) -> tuple[list[float], list[float]]:
    """Seconds that each step of the second epoch waited for its batch, and that it took."""
    network = untrained_network(plan)
    trainer = TrainingWorkflow(plan=plan, network=network, training=dataset, validation=dataset, max_epochs=2).trainer
    batches = iter(trainer.data_loader)
    waits, work = [], []
    for index in range(2 * steps):
        begin = time.perf_counter()
        batch = next(batches)
        middle = time.perf_counter()
        trainer.train_step(batch, index)
        waits.append(middle - begin)
        work.append(time.perf_counter() - middle)
    return waits[steps:], work[steps:]


def loader_table(result: Mapping[str, Any]) -> str:
    """The result as two Markdown tables: what a step waits, and the ways to keep cases."""
    wait, step = (
        with_range(1000 * each["median"], [1000 * end for end in each["range"]], digits=1)
        for each in (result["wait_seconds"], result["step_seconds"])
    )
    head = f"| {result['cases']} cases | first training, s (range) | ratio | a later one, s (range) | ratio "
    return "\n".join(
        [
            f"| loader with {result['workers']} worker(s) | second epoch |",
            "|---|---|",
            f"| share that waits for data | {result['wait_share']:.1%} |",
            f"| wait for a batch, ms (range) | {wait} |",
            f"| the step itself, ms (range) | {step} |",
            "",
            f"{head}| {_SAMPLES} samples, s (range) | ratio |",
            "|---|---|---|---|---|---|---|",
            *(_way_line(name, result) for name in result["first"]),
        ]
    )


def _way_line(name: str, result: Mapping[str, Any]) -> str:
    rows = [result[kind][name] for kind in ("first", "again", "sample")]
    cells = [f"{with_range(row['seconds'], row['seconds_range'], digits=3)} | {row['ratio']:.2f}" for row in rows]
    return f"| {name} | {' | '.join(cells)} |"
