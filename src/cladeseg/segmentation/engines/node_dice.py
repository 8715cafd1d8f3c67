"""Validation score during training: Dice of every node that the validation labels determine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from ignite.engine import Engine, Events

from cladeseg.bundle.ranks import gathered
from cladeseg.segmentation.metrics import annotated_nodes, dice, inside
from cladeseg.taxonomy import Taxonomy


class NodeDice:
    """Mean Dice per node and over nodes, as metrics of a validation engine; the mean is the key metric.

    A node counts in a case only where its label determines it, so coarse validation cases score the superclass and
    open no fine label.  Of several joined processes each scores some of the cases; the means are over all.  Measured on
    the resampled grid: fast, for choosing and watching; the evaluation proper is on the original grid.

    Args:
        taxonomy: the label tree.
        picture: optional ``picture(image, truth, prediction, affine) -> uint8 (H, W, 3)`` of the first case, kept in
            ``engine.state.overlay``.
    """

    KEY = "mean_dice"

    def __init__(self, taxonomy: Taxonomy, *, picture: Callable[..., np.ndarray] | None = None) -> None:
        self.taxonomy = taxonomy
        self.picture = picture
        self._scores: dict[str, dict[str, float]] = {}

    def attach(self, engine: Engine) -> None:
        """Attach as a handler of the validation engine."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)
        # Before the engine's own comparison of the key metric, which runs at the end of the same epoch.
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._close)

    def _start(self, engine: Engine) -> None:
        self._scores = {}
        engine.state.overlay = None

    def _add(self, engine: Engine) -> None:
        for case, output in zip(engine.state.batch, engine.state.output, strict=True):
            predicted = torch.as_tensor(output["pred"]).argmax(dim=0).cpu().numpy()
            truth = torch.as_tensor(case["nodes"])[0].cpu().numpy()
            self._scores[str(case.get("case", len(self._scores)))] = self._of_case(predicted, truth)
            if self.picture is not None and engine.state.overlay is None:
                image = torch.as_tensor(case["image"])[0].float().cpu().numpy()
                engine.state.overlay = self.picture(image, truth, predicted, _affine_of(case["image"]))

    def _of_case(self, predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        """Dice of each node that the labels of a case determine."""
        nodes = annotated_nodes(truth, self.taxonomy)
        scores = {
            self.taxonomy.names[v]: dice(inside(predicted, v, self.taxonomy), inside(truth, v, self.taxonomy))
            for v in nodes
        }
        return {name: score for name, score in scores.items() if score is not None}

    def _close(self, engine: Engine) -> None:
        # By name, as a case is scored twice where there are more processes than cases.
        cases = {name: scores for part in gathered(self._scores) for name, scores in part.items()}
        by_node: dict[str, list[float]] = {}
        for name, score in (item for scores in cases.values() for item in scores.items()):
            by_node.setdefault(name, []).append(score)
        means = {name: float(np.mean(values)) for name, values in by_node.items()}
        engine.state.metrics = {f"dice_{name}": value for name, value in means.items()}
        engine.state.metrics[self.KEY] = float(np.mean(list(means.values()))) if means else float("nan")


def _affine_of(image: torch.Tensor) -> np.ndarray:
    """(4, 4) voxel → RAS mm; plain tensors have voxels of 1 mm."""
    return np.asarray(torch.as_tensor(getattr(image, "affine", torch.eye(4))), dtype=np.float64)
