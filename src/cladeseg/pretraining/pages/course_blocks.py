"""The course of a pre-training: its losses, and whether its features still tell places apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cladeseg.report import Block, Chart, line_chart

_OF_TRAINING = "train_"
#: Figure → heading, and what its values mean.
_DIAGNOSTICS = {
    "alignment": ("Alignment", "mean squared distance of one place in two views: 0 is perfect, 2 is chance"),
    "uniformity": ("Uniformity", "0 if all places look alike; the lower, the more they differ"),
    "effective_rank": ("Effective rank", "directions that the features spread over"),
}
_LOSSES = ("loss", "contrast", "reconstruction", "superclass")
_COUNTS = {"missing_views": "views of a case that showed nothing", "skipped_anchors": "anchors without positives"}


def course_blocks(history: Sequence[Mapping[str, str]], min_rank: float) -> list[Block]:
    """Charts of the losses and of the diagnostics.

    Args:
        history: a row for each epoch, as ``history.csv`` has them.
        min_rank: effective rank below which a training ends.
    """
    return [_losses(history), _diagnostics(history, min_rank)]


def _losses(history: Sequence[Mapping[str, str]]) -> Block:
    series = {name: points for name in _LOSSES if (points := _points(history, name))}
    if len(series) == 2:  # the sum of a single task is that task
        series.pop("loss", None)
    chart = _chart(series, "loss", "Losses of the tasks by epoch, each times its weight.")
    last = history[-1] if history else {}
    notes = [
        f"In the last epoch, {said}: {float(last[_OF_TRAINING + name]):.3g} on average."
        for name, said in _COUNTS.items()
        if last.get(_OF_TRAINING + name)
    ]
    charts = [] if chart is None else [("Each task, times its weight", chart)]
    return Block("charts", "Losses", {"charts": charts, "notes": notes})


def _diagnostics(history: Sequence[Mapping[str, str]], min_rank: float) -> Block:
    charts = [
        (title, chart)
        for name, (title, meaning) in _DIAGNOSTICS.items()
        if (chart := _chart({name: _points(history, name)}, name.replace("_", " "), f"{title} by epoch: {meaning}."))
    ]
    notes = [f"{title}: {meaning}." for title, meaning in _DIAGNOSTICS.values()]
    notes.append(f"A training ends where the effective rank falls below diagnostics.min_rank, {min_rank:g}.")
    return Block("charts", "Features", {"charts": charts, "notes": notes})


def _points(history: Sequence[Mapping[str, str]], name: str) -> list[tuple[float, float]]:
    """(epoch, value) of the epochs that have one."""
    column = _OF_TRAINING + name
    return [(float(row["epoch"]), float(row[column])) for row in history if row.get(column)]


def _chart(series: Mapping[str, Sequence[tuple[float, float]]], y_label: str, description: str) -> Chart | None:
    if not any(series.values()):
        return None
    return line_chart(series, x_label="epoch", y_label=y_label, description=description)
