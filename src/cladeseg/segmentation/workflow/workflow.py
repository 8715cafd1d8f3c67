"""A training from plain values: which component gets what, in one readable place for all bundles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from monai.data import DataLoader
from monai.engines import SupervisedEvaluator
from torch import nn

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.report import CasePicture
from cladeseg.segmentation.baselines import WITHOUT_TEACHER, build_method
from cladeseg.segmentation.data import CachedDataset, training_loader
from cladeseg.segmentation.engines import (
    EpochLosses,
    HistoryFile,
    NodeDice,
    SaveBestWeights,
    Step,
    StepSchedule,
    StopAfter,
    SyncTeacherOnLoad,
    TensorBoardLog,
    TrainingProgress,
    TrainingState,
    TreeTrainer,
    Validate,
    parameters_of,
)
from cladeseg.segmentation.inferers import sliding_window
from cladeseg.segmentation.losses import build_loss
from cladeseg.segmentation.mixing import EmaTeacher
from cladeseg.segmentation.transforms import BatchAugment, ComposeBatch, ModalityDropout
from cladeseg.segmentation.workflow.settings import TrainingSettings
from cladeseg.taxonomy import Taxonomy

#: Decay of the teacher where the settings leave it to the method.
EMA_DECAY = 0.99


class TrainingWorkflow:
    """The parts of one training, each built when it is first asked for.

    Args:
        settings: what decides the result.
        taxonomy: the label tree.
        network: the student, on its device.
        device: where to train.
        run_folder: where everything is written.
        training: cached training cases with a patch function.
        validation: cached validation cases; may be empty.
        max_epochs: number of epochs.
        validation_interval: epochs between validations.
        stop_after: stop on purpose after this epoch, to be resumed; ``None`` for never.
        num_workers: loader processes.
        handlers: further ignite handlers, attached first (MONAI Label adds one that loads weights).
    """

    def __init__(
        self,
        *,
        settings: TrainingSettings,
        taxonomy: Taxonomy,
        network: nn.Module,
        device: torch.device,
        run_folder: RunFolder,
        training: CachedDataset,
        validation: CachedDataset,
        max_epochs: int,
        validation_interval: int = 5,
        stop_after: int | None = None,
        num_workers: int = 0,
        handlers: Sequence[Any] = (),
    ) -> None:
        self.settings = settings
        self.taxonomy = taxonomy
        # bfloat16 convolutions are fastest with the channels innermost; names and values of the weights stay the same.
        self.network = network.to(memory_format=torch.channels_last_3d) if settings.amp else network  # type: ignore[call-overload]
        self.device = device
        self.run_folder = run_folder
        self.training = training
        self.validation = validation
        self.max_epochs = max_epochs
        self.validation_interval = validation_interval
        self.stop_after = stop_after
        self.num_workers = num_workers
        self.handlers = list(handlers)

    @cached_property
    def teacher(self) -> EmaTeacher:
        """Running average of the student; what is validated and shipped."""
        decay = self.settings.ema_decay
        if decay is None:
            # Where nothing learns from the average, it brought nothing either (hippocampus_n1's results page).
            decay = 0.0 if self._method in WITHOUT_TEACHER else EMA_DECAY
        return EmaTeacher(self.network, decay=decay)

    @cached_property
    def loss(self) -> nn.Module:
        """On node maps, of the form that the head needs."""
        s = self.settings
        return build_loss(
            self.taxonomy,
            head=s.network.get("head", "factorised"),
            lambda_dice=s.lambda_dice,
            lambda_ce=s.lambda_ce,
            level_weights=s.level_weights,
        )

    @cached_property
    def step(self) -> Step:
        """What is learnt from one batch.  Built before anything is trained: it may copy the untrained student."""
        name = self._method
        return build_method(name, self.taxonomy, self.loss, **self._method_options(name))

    @property
    def _method(self) -> str:
        s = self.settings
        return "supervised" if s.method == "hierarchical_mix" and not s.mix else s.method

    def _method_options(self, name: str) -> dict[str, Any]:
        s = self.settings
        if name in ("supervised", "label_set"):
            return dict(s.method_options)
        ramp = {"start": s.mix_start, "ramp": s.mix_ramp, "weight": s.mix_weight}
        if name == "hierarchical_mix":
            return {**ramp, **self._mix_options()}
        second = {"network": self.network, "seed": s.seed + 1} if name == "cps" else {}
        return {**ramp, **second, **s.method_options}

    def _mix_options(self) -> dict[str, Any]:
        s = self.settings
        return {
            "blend": s.mix_blend,
            "direction": s.mix_direction,
            "max_scale": s.mix_max_scale,
            "components": s.mix_components,
            "threshold": s.pseudo_threshold,
            "keep": s.pseudo_keep,
            "flips": s.pseudo_flips,
            "size_prior": s.size_prior,
        }

    @cached_property
    def augment(self) -> ComposeBatch:
        """Shape and intensity, then modality dropout, each where it is asked for."""
        s = self.settings
        channels = int(s.network.get("in_channels", 1))
        return ComposeBatch(
            BatchAugment(self.taxonomy, **s.augment_options) if s.augmentation else None,
            ModalityDropout(channels, s.modality_dropout) if s.modality_dropout else None,
        )

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """AdamW over everything that can learn, a second network of the method included."""
        everything = [*self.network.parameters(), *parameters_of(self.step)]
        learning = [parameter for parameter in everything if parameter.requires_grad]
        return torch.optim.AdamW(learning, lr=self.settings.learning_rate, weight_decay=self.settings.weight_decay)

    @cached_property
    def lr_scheduler(self) -> StepSchedule:
        """Stepped after each optimiser step; learns the number of steps from the trainer."""
        return StepSchedule(self.optimizer, shape=self.settings.schedule, warmup_steps=self.settings.warmup_steps)

    @cached_property
    def evaluator(self) -> SupervisedEvaluator:
        """Scores the teacher on whole validation volumes."""
        return SupervisedEvaluator(
            device=self.device,
            val_data_loader=DataLoader(self.validation, batch_size=1, num_workers=0),
            network=self.teacher.network,
            inferer=sliding_window(self.settings.patch_size),
            val_handlers=[NodeDice(self.taxonomy, picture=CasePicture(self.taxonomy))],
        )

    @cached_property
    def sync_teacher(self) -> SyncTeacherOnLoad:
        """Makes the teacher follow where ``handlers`` load weights."""
        return SyncTeacherOnLoad(self.evaluator)

    @cached_property
    def state(self) -> TrainingState:
        """Writes and restores what ``--resume`` needs."""
        return TrainingState(self.run_folder.state, evaluator=self.evaluator)

    @cached_property
    def trainer(self) -> TreeTrainer:
        """The engine with all its handlers."""
        s = self.settings
        return TreeTrainer(
            device=self.device,
            max_epochs=self.max_epochs,
            steps_per_epoch=s.steps_per_epoch,
            train_data_loader=training_loader(self.training, s.per_batch, s.seed, num_workers=self.num_workers),
            network=self.network,
            teacher=self.teacher,
            step=self.step,
            augment=self.augment,
            optimizer=self.optimizer,
            lr_scheduler=self.lr_scheduler,
            seed=s.seed,
            amp=s.amp,
            train_handlers=[*self.handlers, *self._own_handlers()],
        )

    def _own_handlers(self) -> list[Any]:
        """In the order in which they must see the end of an epoch: the state last, so that it includes the rest."""
        evaluator, folder = self.evaluator, self.run_folder
        return [
            *([self.sync_teacher] if self.handlers else []),
            TrainingProgress(),
            EpochLosses(),
            Validate(evaluator, interval=self.validation_interval),
            HistoryFile(folder.history, evaluator=evaluator),
            TensorBoardLog(folder.tensorboard, evaluator=evaluator),
            SaveBestWeights(folder.best_weights, evaluator=evaluator),
            self.state,
            StopAfter(self.stop_after),
        ]
