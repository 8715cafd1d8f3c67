"""One step of pre-training: views of a batch, one pass through the backbone, all tasks on its features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from cladeseg.files import check_choice
from cladeseg.pretraining.tasks.balance import BALANCES, summed, surgery
from cladeseg.pretraining.tasks.contrast import PlaceContrast
from cladeseg.pretraining.tasks.diagnostics import measure
from cladeseg.pretraining.tasks.seen import Seen, Task
from cladeseg.pretraining.views import MakeViews
from cladeseg.segmentation.engines import StepInput


class PretrainingStep:
    """A :class:`~cladeseg.segmentation.engines.Step` of the trainer that segmentation has.

    Besides the losses it returns the diagnostics of :mod:`~cladeseg.pretraining.tasks.diagnostics` and the shares of
    views that show nothing and of anchors that were dropped, which the trainer's handlers average and log.

    Args:
        views: makes the views of a batch.
        tasks: name → task and weight.
        balance: ``"sum"`` or ``"pcgrad"``.

    Raises:
        ValueError: no task, or no such balance.
    """

    def __init__(self, views: MakeViews, tasks: Mapping[str, tuple[Task, float]], *, balance: str = "sum") -> None:
        check_choice("balance", balance, BALANCES)
        if not tasks:
            raise ValueError("tasks: every task is switched off, so there is nothing to learn")
        self.views = views
        self.tasks = dict(tasks)
        self.balance = balance

    def __call__(self, batch: StepInput) -> dict[str, Tensor]:
        """Losses and diagnostics of one batch."""
        views = self.views(batch.images, batch.nodes, batch.generator, array_axes=batch.array_axes, valid=batch.valid)
        flat = batch.network(views.inputs.flatten(0, 1))
        shared = flat.detach().requires_grad_() if self.balance == "pcgrad" else flat
        features = shared.unflatten(0, views.inputs.shape[:2])
        seen = Seen(views, features, batch.network, batch.teacher.network)  # type: ignore[arg-type]
        losses = {name: weight * task(seen) for name, (task, weight) in self.tasks.items()}
        total = summed(losses) if self.balance == "sum" else surgery(losses, shared, flat, batch.generator)
        return {"loss": total, **losses, **self._counts(seen), **self._diagnosed(seen)}

    def _counts(self, seen: Seen) -> dict[str, Tensor]:
        """Shares of what was left out."""
        found = {"missing_views": (~seen.views.present).float().mean()}
        contrast = self._contrast
        if contrast is not None:
            found["skipped_anchors"] = torch.tensor(float(contrast.skipped))
        return found

    def _diagnosed(self, seen: Seen) -> dict[str, Tensor]:
        with torch.no_grad():
            features = seen.at_places()
            return measure(features if self._contrast is None else seen.network.project(features), seen.compared())

    @property
    def _contrast(self) -> PlaceContrast | None:
        return next((task for task, _ in self.tasks.values() if isinstance(task, PlaceContrast)), None)

    def _losses(self) -> Iterator[nn.Module]:
        if self._contrast is not None:
            yield self._contrast.loss

    def state_dict(self) -> dict[str, Tensor]:
        """The memory of a loss that has one."""
        return {name: value for loss in self._losses() for name, value in loss.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what :meth:`state_dict` gave."""
        for loss in self._losses():
            loss.load_state_dict(dict(state))
