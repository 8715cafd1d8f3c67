"""A pre-training from plain values: which component gets what, in one readable place."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import nn

from cladeseg.bundle.run_folder import made_with
from cladeseg.pretraining.tasks import (
    MaskedReconstruction,
    PlaceContrast,
    PretrainingNet,
    PretrainingStep,
    StopOnCollapse,
    SuperclassSegmentation,
    Task,
    build_contrast_loss,
    build_pretraining_net,
)
from cladeseg.pretraining.views import MakeViews, region_size
from cladeseg.pretraining.workflow.plan import PretrainingPlan
from cladeseg.segmentation.data import CachedDataset, training_loader
from cladeseg.segmentation.engines import (
    EpochLosses,
    HistoryFile,
    StepSchedule,
    StopAfter,
    TensorBoardLog,
    TrainingProgress,
    TrainingState,
    TreeTrainer,
)
from cladeseg.segmentation.mixing import EmaTeacher
from cladeseg.segmentation.transforms import BatchAugment, RandomForegroundCrop
from cladeseg.segmentation.workflow.workflow import EMA_DECAY, voxels_of_finest
from cladeseg.taxonomy import UNLABELLED

#: What moves nothing: changes of shape are drawn once for all views of a region.
_UNMOVED: dict[str, Any] = {
    "rotate_degrees": (0.0, 0.0, 0.0),
    "scale": (1.0, 1.0),
    "translate_voxels": (0.0, 0.0, 0.0),
    "flips": (),
}
_UNCHANGED: dict[str, Any] = {
    "noise": 0.0,
    "blur": None,
    "brightness": 0.0,
    "contrast": (1.0, 1.0),
    "gamma": (1.0, 1.0),
    "lowres": None,
}


def pretraining_network(plan: PretrainingPlan) -> PretrainingNet:
    """The untrained network that a plan describes."""
    s = plan.settings
    return build_pretraining_net(
        plan.network,
        projected=s.contrast.features if s.contrast.enabled else 0,
        reconstruct=s.reconstruction.enabled,
        taxonomy=plan.taxonomy if s.superclass_task else None,
        seed=s.seed,
    )


def pretraining_dataset(plan: PretrainingPlan, data: list[dict[str, Any]]) -> CachedDataset:
    """Cached cases that give random regions, each of which holds all views of a case.

    Raises:
        DataError: a case cannot be loaded.
    """
    s = plan.settings
    crop = RandomForegroundCrop(
        plan.taxonomy,
        size=region_size(s.data.patch_size, s.views.shift),
        foreground_probability=s.batch.foreground_probability,
        zero_is_outside=s.data.intensity == "brain",
    )
    return CachedDataset(
        data,
        plan.preprocessing,
        patch=crop,
        spacing=s.data.target_spacing,
        axis_order=s.data.axis_order,
        max_gigabytes=s.data.cache_gigabytes,
    )


def make_views(plan: PretrainingPlan) -> MakeViews:
    """What makes the views of a batch, as the settings say."""
    s = plan.settings
    options = s.augmentation.model_dump(exclude={"enabled", "modality_dropout"})
    on = s.augmentation.enabled
    return MakeViews(
        size=s.data.patch_size,
        views=s.views.number,
        points=s.contrast.points,
        modality_dropout=s.views.modality_dropout if len(s.data.channels) > 1 else 0.0,
        mask_ratio=s.reconstruction.mask_ratio if s.reconstruction.enabled else 0.0,
        block=[max(1, size) for size in voxels_of_finest(s.reconstruction.block, s.data.spacing)],
        shape=BatchAugment(plan.taxonomy, **{**options, **_UNCHANGED}) if on else None,
        intensity=BatchAugment(plan.taxonomy, **{**options, **_UNMOVED}) if on else None,
    )


def tasks_of(plan: PretrainingPlan) -> dict[str, tuple[Task, float]]:
    """The tasks that are switched on, with their weights."""
    s = plan.settings
    tasks: dict[str, tuple[Task, float]] = {}
    if s.contrast.enabled:
        loss = build_contrast_loss(
            s.contrast.loss,
            temperature=s.contrast.temperature,
            taxonomy=plan.taxonomy,
            features=s.contrast.features,
            weight_temperature=s.contrast.weight_temperature,
            queue=s.contrast.queue,
            target_temperature=s.contrast.target_temperature,
        )
        tasks["contrast"] = PlaceContrast(loss, min_distance=s.contrast.min_distance), s.contrast.weight
    if s.reconstruction.enabled:
        tasks["reconstruction"] = MaskedReconstruction(), s.reconstruction.weight
    if s.superclass_task:
        tasks["superclass"] = SuperclassSegmentation(plan.taxonomy), s.superclass.weight
    return tasks


class PretrainingWorkflow:
    """The parts of one pre-training, each built when it is first asked for.

    Args:
        plan: the settings, tree and folders.
        network: the student, on its device.
        training: cached cases with a patch function.
        max_epochs: number of epochs.
    """

    def __init__(
        self, *, plan: PretrainingPlan, network: PretrainingNet, training: CachedDataset, max_epochs: int
    ) -> None:
        self.plan = plan
        self.settings = plan.settings
        last = plan.settings.network.channels_last
        self.network: nn.Module = network.to(memory_format=torch.channels_last_3d) if last else network  # type: ignore[call-overload]
        self.training = training
        self.max_epochs = max_epochs

    @cached_property
    def teacher(self) -> EmaTeacher:
        """Running average of the student; what is shipped."""
        decay = self.settings.optimizer.ema_decay
        return EmaTeacher(self.network, decay=EMA_DECAY if decay is None else decay)

    @cached_property
    def step(self) -> PretrainingStep:
        """What is learnt from one batch."""
        return PretrainingStep(make_views(self.plan), tasks_of(self.plan), balance=self.settings.balance)

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """AdamW over everything."""
        s = self.settings.optimizer
        return torch.optim.AdamW(self.network.parameters(), lr=s.learning_rate, weight_decay=s.weight_decay)

    @cached_property
    def lr_scheduler(self) -> StepSchedule:
        """Stepped after each optimiser step."""
        s = self.settings.optimizer
        return StepSchedule(self.optimizer, shape=s.schedule, warmup_steps=s.warmup_steps)

    @cached_property
    def state(self) -> TrainingState:
        """Writes and restores what ``--resume`` needs."""
        return TrainingState(self.plan.run_folder.state, made_with=made_with(self.settings, self.plan.taxonomy))

    @cached_property
    def per_batch(self) -> dict[str, int]:
        """Places of a batch: where some cases have outlines and some have none, half of it each."""
        kinds = {case["supervision"] == UNLABELLED for case in self.training.data}
        cases = self.settings.batch.cases
        unlabelled = {frozenset({True}): cases, frozenset({False}): 0}.get(frozenset(kinds), cases // 2)
        return {"coarse": cases - unlabelled, "unlabelled": unlabelled}

    @cached_property
    def trainer(self) -> TreeTrainer:
        """Segmentation's engine with all its handlers."""
        s = self.settings
        return TreeTrainer(
            device=next(self.network.parameters()).device,
            max_epochs=self.max_epochs,
            steps_per_epoch=s.optimizer.steps_per_epoch,
            train_data_loader=training_loader(self.training, self.per_batch, s.seed, num_workers=s.data.num_workers),
            network=self.network,
            teacher=self.teacher,
            step=self.step,
            optimizer=self.optimizer,
            lr_scheduler=self.lr_scheduler,
            seed=s.seed,
            amp=s.amp,
            train_handlers=self._handlers(),
        )

    def _handlers(self) -> list[Any]:
        """In the order in which they must see the end of an epoch: the state last, so that it includes the rest."""
        folder = self.plan.run_folder
        return [
            TrainingProgress(),
            EpochLosses(),
            HistoryFile(folder.history),
            TensorBoardLog(folder.tensorboard),
            StopOnCollapse(self.settings.diagnostics.min_rank, str(folder.root)),
            self.state,
            StopAfter(self.plan.stop_after),
        ]
