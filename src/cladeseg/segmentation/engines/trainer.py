"""The trainer: one optimiser step per iteration on MONAI's ignite engine, reproducible step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine
from monai.engines import Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from cladeseg.bundle.device import choose_device
from cladeseg.bundle.ranks import average_gradients
from cladeseg.segmentation.engines.allocator import keep_freed_memory
from cladeseg.segmentation.engines.batch_parts import batch_parts
from cladeseg.segmentation.engines.schedule import StepSchedule
from cladeseg.segmentation.engines.step import Overview, Step, StepInput, parameters_of
from cladeseg.segmentation.mixing import EmaTeacher
from cladeseg.segmentation.networks import passes_of
from cladeseg.segmentation.transforms.compose_batch import Augmentation

#: Node maps of a batch.
_MAPS = ("nodes", "propagated", "outside")
#: What ``outside`` holds where there is an image: the background.
_INSIDE = 0


class TreeTrainer(Trainer):
    """Train a network on node maps with any :class:`~cladeseg.segmentation.engines.step.Step`.

    Every random number of step t comes from a generator seeded with (seed, t), and the loader's sampler is a pure
    function of the step as well; dropout layers, which draw from torch's global generators, find those seeded for the
    step.  So a result depends on no state but the step's number.

    Of several joined processes (:mod:`cladeseg.bundle.ranks`) each computes its part of the batch, and all take the
    same step.

    Args:
        device: where to train; ``"auto"`` takes CUDA if there is one.
        max_epochs: number of epochs.
        steps_per_epoch: optimiser steps per epoch.
        train_data_loader: yields ``{"image": (B, C, *S), "nodes": (B, 1, *S), "supervision": [str] * B, "array_axes":
            long (B, 3)}``, maybe with ``"propagated"`` and ``"outside"`` (B, 1, *S), for every step of the training,
            not of one epoch; for two passes also with ``"overview_image"`` (B, C, *S') and ``"overview_nodes"``
            (B, 1, *S').
        network: the student.
        teacher: its moving average; these are the weights that are shipped.
        step: the training method.
        augment: batched augmentation on the device; ``None`` for none.
        overview_augment: that of the first of two passes.
        optimizer: of the student's parameters.
        lr_scheduler: stepped after each optimiser step.
        seed: of everything random in a step.
        amp: bfloat16 autocast, on CUDA and on CPUs that have it.
        max_norm: gradient norm is clipped to this.
        parts: that each batch is computed in, one after the other; the step is taken with their mean gradient.
        train_handlers: ignite handlers, attached in order.
    """

    def __init__(
        self,
        *,
        device: str | torch.device,
        max_epochs: int,
        steps_per_epoch: int,
        train_data_loader: DataLoader[Any],
        network: nn.Module,
        teacher: EmaTeacher,
        step: Step,
        optimizer: torch.optim.Optimizer,
        augment: Augmentation | None = None,
        overview_augment: Augmentation | None = None,
        lr_scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
        seed: int = 0,
        amp: bool = False,
        max_norm: float = 12.0,
        parts: int = 1,
        train_handlers: Sequence[Any] | None = None,
    ) -> None:
        self.network = network
        self.teacher = teacher
        self.step = step
        self.augment = augment
        self.overview_augment = overview_augment
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self.seed = seed
        self.max_norm = max_norm
        self.parts = _positive("parts", parts)
        # Not MONAI's ``amp``, which is float16 with a gradient scaler and CUDA only; bfloat16 needs no scaler.
        self.bfloat16 = amp
        super().__init__(
            device=choose_device(device),
            max_epochs=_positive("epochs", max_epochs),
            epoch_length=_positive("steps_per_epoch", steps_per_epoch),
            data_loader=train_data_loader,
            decollate=False,
            handlers=train_handlers,
        )

    def run(self) -> None:
        """Train until ``max_epochs``, from wherever the state stands."""
        total = self.state.max_epochs * self.state.epoch_length
        # The epochs can be changed after construction (MONAI Label does): the course follows the trainer's own number.
        self.data_loader.batch_sampler.steps = total
        if isinstance(self.lr_scheduler, StepSchedule) and self.lr_scheduler.total_steps is None:
            self.lr_scheduler.total_steps = total
        if self.state.device.type == "cpu":
            keep_freed_memory()
        super().run()

    def _iteration(self, engine: Engine, batchdata: dict[str, Any]) -> dict[str, Tensor]:
        return self.train_step(batchdata, engine.state.iteration - 1)

    def train_step(self, batchdata: dict[str, Any], index: int) -> dict[str, Tensor]:
        """One step of the optimiser, as each iteration takes it.

        Args:
            batchdata: of the loader.
            index: number of the step, from 0; everything random follows from it and the seed.

        Returns:
            The method's named scalar losses.
        """
        autocast = torch.autocast(self.state.device.type, dtype=torch.bfloat16, enabled=self.bfloat16)
        batch = self._batch(batchdata, index)
        if hasattr(self.step, "prepare"):
            with autocast:
                batch = self.step.prepare(batch)
        batch = self._augmented(batch)
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        losses = [self._gradient(part, number, autocast) for number, part in enumerate(batch_parts(batch, self.parts))]
        self._optimizer_step()
        return {name: torch.stack([one[name] for one in losses]).mean() for name in losses[0]}

    def _gradient(self, part: StepInput, number: int, autocast: torch.autocast) -> dict[str, Tensor]:
        """Losses of a part of a batch; its share of the mean gradient is added to what is there."""
        with _seeded_dropout(self.seed, part.step, number, self.state.device), autocast:
            losses = self.step(part)
        (losses["loss"] / self.parts).backward()
        return {name: loss.detach() for name, loss in losses.items()}

    def _batch(self, batchdata: dict[str, Any], index: int) -> StepInput:
        """The batch on the device, as the loader gives it."""
        images = batchdata["image"].to(self.state.device, non_blocking=True)
        maps = {key: batchdata[key].to(self.state.device, non_blocking=True) for key in _MAPS if key in batchdata}
        return StepInput(
            images=images,
            nodes=maps["nodes"],
            propagated=maps.get("propagated", maps["nodes"]),
            supervisions=batchdata["supervision"],
            array_axes=batchdata["array_axes"],
            network=self.network,
            teacher=self.teacher,
            step=index,
            generator=step_generator(self.seed, index),
            valid=None if "outside" not in maps else maps["outside"] == _INSIDE,
            overview=self._overview(batchdata),
        )

    def _overview(self, batchdata: dict[str, Any]) -> Overview | None:
        if "overview_image" not in batchdata:
            return None
        parts = (batchdata[f"overview_{part}"] for part in ("image", "nodes"))
        return Overview(*(part.to(self.state.device, non_blocking=True) for part in parts))

    def _augmented(self, batch: StepInput) -> StepInput:
        if self.augment is not None:
            batch = self._augmented_patches(batch, self.augment)
        if batch.overview is None or self.overview_augment is None:
            return batch
        images, nodes = self.overview_augment(*batch.overview, batch.generator, batch.array_axes)
        return batch._replace(overview=Overview(images, nodes))

    @staticmethod
    def _augmented_patches(batch: StepInput, augment: Augmentation) -> StepInput:
        maps = [batch.nodes] if batch.propagated is batch.nodes else [batch.nodes, batch.propagated]
        if batch.valid is not None:  # as a node map, which the augmentation continues with the root
            maps.append((~batch.valid).to(batch.nodes.dtype))
        images, moved = augment(batch.images, torch.cat(maps, dim=1), batch.generator, batch.array_axes)
        parts = list(moved.split(1, dim=1))
        valid = None if batch.valid is None else parts.pop() == _INSIDE
        # one and the same without label propagation
        return batch._replace(images=images, nodes=parts[0], propagated=parts[-1], valid=valid)

    def _optimizer_step(self) -> None:
        average_gradients(parameter for group in self.optimizer.param_groups for parameter in group["params"])
        # Apart, so that one network does not shrink another one's steps.
        passes = [list(network.parameters()) for network in passes_of(self.network)]
        for parameters in (*passes, parameters_of(self.step)):
            nn.utils.clip_grad_norm_(parameters, self.max_norm)
        self.optimizer.step()
        if self.lr_scheduler is not None:
            self.lr_scheduler.step()
        self.teacher.update(self.network)


def step_generator(seed: int, step: int) -> torch.Generator:
    """CPU generator for everything random in one training step, a pure function of (seed, step).

    Example:
        >>> first, again, other = (torch.rand(2, generator=step_generator(0, step)) for step in (7, 7, 8))
        >>> torch.equal(first, again), torch.equal(first, other)
        (True, False)
    """
    state = int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state % 2**63)


@contextmanager
def _seeded_dropout(seed: int, step: int, part: int, device: torch.device) -> Iterator[None]:
    """Let torch's global generators be a pure function of (seed, step, part) for a while; their state comes back."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(np.random.SeedSequence([seed, step, 1 + part]).generate_state(1, np.uint64)[0]) % 2**63)
        yield


def _positive(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is {value!r}; a whole number of at least 1 is needed")
    return value
