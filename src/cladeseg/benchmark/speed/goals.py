"""What was aimed at for each measurement, and whether its record reaches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cladeseg.benchmark.speed import evaluation, inference, step

#: A step of ours beside the supervised one; the time that may be spent on data; the times that peers may be beaten by.
MOST_STEP, MOST_WAIT, THIRD = 1.35, 0.05, 1 / 3
#: Dice that profiles may differ by, and the share of an inference that is not the network's.
SAME_DICE, MOST_OTHER = 0.002, 0.30
#: Rounds with a killed worker, cases of each and workers.
ROUNDS, CASES, WORKERS = 20, 200, 2
#: Cases of the largest cohort; memory beside the smallest; CPU time of a further case beside that of fewer cases.
LARGEST, MOST_MEMORY, MOST_SLOPE = 10_000, 0.10, 1.25
#: The way of a step that is compared.
MIXED = "mixed in place"


@dataclass(frozen=True)
class Goal:
    """One aim and what came out.

    Attributes:
        aim: in words.
        found: the figure.
        met: whether it is enough.
    """

    aim: str
    found: str
    met: bool


def goals_of(part: str, result: Mapping[str, Any]) -> list[Goal]:
    """The goals of a measurement; none for parts that have none.

    Args:
        part: its name in a record, e.g. ``"step"``.
        result: what the record holds under that name.
    """
    return _GOALS[part](result) if part in _GOALS else []


def _step(result: Mapping[str, Any]) -> list[Goal]:
    if MIXED not in result["methods"]:
        return []
    ratio = result["methods"][MIXED]["ratio"]
    aim = f"a semi-supervised step ({MIXED}) takes at most {MOST_STEP} times the {step.PLAIN} one"
    return [Goal(aim, f"{ratio:.2f} times", ratio <= MOST_STEP)]


def _loader(result: Mapping[str, Any]) -> list[Goal]:
    share = result["wait_share"]
    aim = f"the second epoch waits for data at most {MOST_WAIT:.0%} of its time, with one loader process"
    return [Goal(aim, f"{share:.1%} with {result['workers']}", share <= MOST_WAIT)]


def _inference(result: Mapping[str, Any]) -> list[Goal]:
    peer, methods = result["methods"][inference.PEER], result["methods"]
    return [
        goal
        for name, row in methods.items()
        if name not in {inference.PEER, "best"}
        for goal in _profile(name, row, peer)
    ] + [_others(name, row) for name, row in methods.items() if name != inference.PEER]


def _profile(name: str, row: Mapping[str, Any], peer: Mapping[str, Any]) -> list[Goal]:
    """Time, Dice and memory of a quick profile beside MONAI's window."""
    ratio, more_dice, more_mb = row["ratio"], row["dice"] - peer["dice"], row["rise_mb"] - peer["rise_mb"]
    return [
        Goal(f"{name}: at most a third of MONAI's time", f"{ratio:.2f} times", ratio <= THIRD),
        Goal(f"{name}: Dice within {SAME_DICE} of MONAI's", f"{more_dice:+.4f}", abs(more_dice) <= SAME_DICE),
        Goal(f"{name}: no more memory than MONAI's window", f"{more_mb:+.0f} MB", more_mb <= 0),
    ]


def _others(name: str, row: Mapping[str, Any]) -> Goal:
    share = row["other_share"]
    return Goal(f"{name}: all but the network takes at most {MOST_OTHER:.0%}", f"{share:.0%}", share <= MOST_OTHER)


def _evaluation(result: Mapping[str, Any]) -> list[Goal]:
    ratio, worst = result["rows"][evaluation.OURS]["ratio"], max(result["differences"].values())
    same = evaluation.SAME
    return [
        Goal("at most a third of MONAI's time", f"{ratio:.2f} times", ratio <= THIRD),
        Goal(f"the same values to {same:g}", f"{worst:.1e} at most", worst <= same),
    ]


def _kills(result: Mapping[str, Any]) -> list[Goal]:
    rounds, cases, workers = result["rounds"], result["cases"], result["workers"]
    enough = len(rounds) >= ROUNDS and cases >= CASES and workers >= WORKERS
    wrong, equal = sum(one["lost"] + one["twice"] for one in rounds), sum(one["equal"] for one in rounds)
    return [
        Goal(
            f"a worker killed {ROUNDS} times, with {CASES} cases on {WORKERS} workers",
            f"{len(rounds)} times, {cases} cases on {workers} workers",
            enough,
        ),
        Goal("nothing lost, nothing twice", f"{wrong} cases lost or twice", wrong == 0),
        Goal("table and masks equal to those of one process", f"{equal} of {len(rounds)} rounds", equal == len(rounds)),
    ]


def _growth(result: Mapping[str, Any]) -> list[Goal]:
    return [goal for name, rows in result.items() for goal in _command_growth(name, rows)]


def _command_growth(name: str, rows: Mapping[str, Mapping[str, float]]) -> list[Goal]:
    sizes = sorted(map(int, rows))
    if len(sizes) < 3:
        return []
    memory = rows[str(sizes[-1])]["peak_mb"] / rows[str(sizes[0])]["peak_mb"] - 1
    early, late = _slope(rows, sizes[0], sizes[-2]), _slope(rows, *sizes[-2:])
    whole = sizes[-1] >= LARGEST
    return [
        Goal(
            f"{name}: memory for {LARGEST:,} cases within {MOST_MEMORY:.0%} of that for {sizes[0]}",
            f"{memory:+.0%} for {sizes[-1]:,}",
            memory <= MOST_MEMORY and whole,
        ),
        Goal(
            f"{name}: time grows linearly to {LARGEST:,} cases (a late one costs ≤ {MOST_SLOPE} early ones)",
            f"{1000 * early:.0f} ms a case up to {sizes[-2]:,}, {1000 * late:.0f} ms up to {sizes[-1]:,}",
            late <= MOST_SLOPE * early and whole,
        ),
    ]


def _slope(rows: Mapping[str, Mapping[str, float]], few: int, many: int) -> float:
    """CPU seconds of a further case."""
    return (rows[str(many)]["cpu_seconds"] - rows[str(few)]["cpu_seconds"]) / (many - few)


_GOALS: Mapping[str, Callable[[Mapping[str, Any]], list[Goal]]] = {
    "step": _step,
    "loader": _loader,
    "inference": _inference,
    "evaluation": _evaluation,
    "kills": _kills,
    "growth": _growth,
}
