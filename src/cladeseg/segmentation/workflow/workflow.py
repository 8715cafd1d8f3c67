"""A training from plain values: which component gets what, in one readable place for all bundles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

import torch
from monai.data import DataLoader
from monai.engines import SupervisedEvaluator
from torch import nn
from torch.utils.data import Subset

from cladeseg.bundle.ranks import Ranks, ranks
from cladeseg.bundle.run_folder import made_with
from cladeseg.bundle.settings import SettingsError
from cladeseg.segmentation.baselines import WITHOUT_TEACHER, build_method
from cladeseg.segmentation.data import CachedDataset, SupervisionSampler, training_loader
from cladeseg.segmentation.engines import (
    EpochLosses,
    HistoryFile,
    NodeDice,
    RefreshLabels,
    SaveBestWeights,
    Step,
    StepSchedule,
    StopAfter,
    SyncTeacherOnLoad,
    TensorBoardLog,
    TrainingProgress,
    TrainingState,
    TreeTrainer,
    TwoPassStep,
    Validate,
    parameters_of,
)
from cladeseg.segmentation.engines.try_compile import compile_for
from cladeseg.segmentation.losses import build_loss
from cladeseg.segmentation.mixing import EmaTeacher
from cladeseg.segmentation.networks import passes_of, recompute_blocks
from cladeseg.segmentation.pages import ValidationPicture
from cladeseg.segmentation.transforms import BatchAugment, BatchShare, ComposeBatch, ModalityDropout
from cladeseg.segmentation.workflow.plan import TrainingPlan
from cladeseg.segmentation.workflow.propagation import labels_of
from cladeseg.segmentation.workflow.two_passes import box_inferer, inferer_for, ratios
from cladeseg.taxonomy import Taxonomy, top_level

#: Decay of the teacher where the settings leave it to the method.
EMA_DECAY = 0.99


def voxels_of_finest(number: int, spacing: Sequence[float]) -> tuple[int, ...]:
    """How many whole voxels along each axis lie within a number of voxels of the finest one.

    Example:
        >>> voxels_of_finest(2, (1.5, 3.0, 10.0))
        (2, 1, 0)
    """
    return tuple(int(number * min(spacing) / size) for size in spacing)


class TrainingWorkflow:
    """The parts of one training, each built when it is first asked for.

    Args:
        plan: the training's settings, tree and folders.
        network: the student, on its device.
        training: cached training cases with a patch function.
        validation: cached validation cases; may be empty.
        max_epochs: number of epochs; MONAI Label has its own.
        handlers: further ignite handlers, attached first (MONAI Label adds one that loads weights).
    """

    def __init__(
        self,
        *,
        plan: TrainingPlan,
        network: nn.Module,
        training: CachedDataset,
        validation: CachedDataset,
        max_epochs: int,
        handlers: Sequence[Any] = (),
    ) -> None:
        self.plan = plan
        self.settings = plan.settings
        self.taxonomy = plan.taxonomy
        # Names and values of the weights stay the same.
        channels_last = plan.settings.network.channels_last
        self.network = network.to(memory_format=torch.channels_last_3d) if channels_last else network  # type: ignore[call-overload]
        if plan.settings.network.recompute:
            recompute_blocks(self.network)
        self.device = next(network.parameters()).device
        self.training = training
        self.validation = validation
        self.max_epochs = max_epochs
        self.handlers = list(handlers)

    @cached_property
    def teacher(self) -> EmaTeacher:
        """Running average of the student; what is validated and shipped."""
        decay = self.settings.optimizer.ema_decay
        if decay is None:
            # Where nothing learns from the average, it brought nothing either (hippocampus_n1's results page).
            decay = 0.0 if self.settings.method in WITHOUT_TEACHER else EMA_DECAY
        return EmaTeacher(self.network, decay=decay)

    @cached_property
    def loss(self) -> nn.Module:
        """On node maps, of the form that the head needs."""
        s = self.settings
        return build_loss(
            self.taxonomy, head=s.network.head, lambda_dice=s.loss.lambda_dice, lambda_ce=s.loss.lambda_ce
        )

    @cached_property
    def step(self) -> Step:
        """What is learnt from one batch.  Built before anything is trained: it may copy the untrained student."""
        method = self.settings.method
        step = build_method(method, self.taxonomy, self.loss, **self._method_options(method))
        return TwoPassStep(step, self.first_loss) if self.settings.first_pass.enabled else step

    @cached_property
    def first_loss(self) -> nn.Module:
        """Of the first of two passes, on nodes of the tree's top level."""
        s = self.settings.loss
        return build_loss(top_level(self.taxonomy), lambda_dice=s.lambda_dice, lambda_ce=s.lambda_ce)

    def _method_options(self, method: str) -> dict[str, Any]:
        s = self.settings
        own = s.baseline.model_dump(exclude_none=True)
        if method in ("supervised", "label_set"):
            return own
        ramp = {"start": s.mix.start, "ramp": s.mix.ramp, "weight": s.mix.weight}
        if method == "hierarchical_mix":
            return {**ramp, **self._mix_options(), **own}
        second = {"network": passes_of(self.network)[-1], "seed": s.seed + 1} if method == "cps" else {}
        return {**ramp, **second, **own}

    def _mix_options(self) -> dict[str, Any]:
        mix, pseudo_label = self.settings.mix, self.settings.pseudo_label
        return {
            "alpha_range": mix.alpha_range,
            "direction": mix.direction,
            "max_scale": mix.max_scale,
            "in_place": mix.in_place,
            "axes": mix.axes,
            "match": mix.match,
            "feather": voxels_of_finest(mix.feather, self.settings.data.spacing),
            "threshold": pseudo_label.threshold,
            "flips": pseudo_label.flips,
        }

    @cached_property
    def augment(self) -> ComposeBatch:
        """Shape and intensity, then modality dropout, each where it is asked for."""
        return self._augmentation(self.taxonomy, (1.0, 1.0, 1.0))

    @property
    def _share(self) -> BatchShare | None:
        """This process's places in the batches that several share."""
        if ranks().count == 1:
            return None
        return BatchShare(self._sampler.places, self._sampler.batch_size)

    @cached_property
    def overview_augment(self) -> ComposeBatch | None:
        """The same for the first of two passes, with shifts as long in millimetres."""
        if not self.settings.first_pass.enabled:
            return None
        return self._augmentation(top_level(self.taxonomy), ratios(self.settings))

    def _augmentation(self, taxonomy: Taxonomy, coarser: Sequence[float]) -> ComposeBatch:
        s = self.settings.augmentation
        options = s.model_dump(exclude={"enabled", "modality_dropout"})
        shifts = zip(s.translate_voxels, coarser, strict=True)
        options["translate_voxels"] = tuple(voxels / ratio for voxels, ratio in shifts)
        channels = len(self.settings.data.channels) or 1
        return ComposeBatch(
            BatchAugment(taxonomy, share=self._share, **options) if s.enabled else None,
            ModalityDropout(channels, s.modality_dropout) if s.modality_dropout else None,
        )

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """AdamW over everything that can learn, a second network of the method included."""
        everything = [*self.network.parameters(), *parameters_of(self.step)]
        learning = [parameter for parameter in everything if parameter.requires_grad]
        s = self.settings.optimizer
        return torch.optim.AdamW(learning, lr=s.learning_rate, weight_decay=s.weight_decay)

    @cached_property
    def lr_scheduler(self) -> StepSchedule:
        """Stepped after each optimiser step; learns the number of steps from the trainer."""
        s = self.settings.optimizer
        return StepSchedule(self.optimizer, shape=s.schedule, warmup_steps=s.warmup_steps)

    @cached_property
    def evaluator(self) -> SupervisedEvaluator:
        """Scores the teacher on whole validation volumes."""
        return SupervisedEvaluator(
            device=self.device,
            val_data_loader=DataLoader(own_part(self.validation, ranks()), batch_size=1, num_workers=0),
            network=self.teacher.network,
            inferer=inferer_for(self.plan.first_pass, patch_size=self.settings.data.patch_size),
            val_handlers=[NodeDice(self.taxonomy, picture=ValidationPicture(self.taxonomy))],
        )

    @cached_property
    def sync_teacher(self) -> SyncTeacherOnLoad:
        """Makes the teacher follow where ``handlers`` load weights."""
        return SyncTeacherOnLoad(self.evaluator)

    @cached_property
    def state(self) -> TrainingState:
        """Writes and restores what ``--resume`` needs."""
        settings_and_tree = made_with(self.settings, self.taxonomy)
        return TrainingState(self.plan.run_folder.state, evaluator=self.evaluator, made_with=settings_and_tree)

    @cached_property
    def loader(self) -> torch.utils.data.DataLoader[Any]:
        """Batches of the whole training; of several processes each gets its part of them."""
        s = self.settings
        workers = s.data.num_workers
        return training_loader(self.training, s.batch.per_batch, s.seed, num_workers=workers, who=ranks())

    @cached_property
    def trainer(self) -> TreeTrainer:
        """The engine with all its handlers."""
        s = self.settings
        if s.network.compile:
            self._compile()
        return TreeTrainer(
            device=self.device,
            max_epochs=self.max_epochs,
            steps_per_epoch=s.optimizer.steps_per_epoch,
            train_data_loader=self.loader,
            network=self.network,
            teacher=self.teacher,
            step=self.step,
            augment=self.augment,
            overview_augment=self.overview_augment,
            optimizer=self.optimizer,
            lr_scheduler=self.lr_scheduler,
            seed=s.seed,
            amp=s.amp,
            parts=self._parts,
            train_handlers=[*self.handlers, *self._own_handlers()],
        )

    @property
    def _sampler(self) -> SupervisionSampler:
        return cast("SupervisionSampler", self.loader.batch_sampler)

    @property
    def _parts(self) -> int:
        """Parts that each batch is computed in.

        Raises:
            SettingsError: they would not be equal.
        """
        parts = self.settings.batch.parts
        for kind, cases in Counter(self._sampler.slots[place] for place in self._sampler.places).items():
            if cases % parts:
                raise SettingsError(f"settings#batch#parts: {parts} equal parts of {cases} {kind} cases cannot be made")
        return parts

    def _compile(self) -> None:
        """Each pass, for the patches that it is trained on."""
        s, cases = self.settings, len(self._sampler.places) // self._parts
        sizes = [s.first_pass.patch_size, s.data.patch_size] if s.first_pass.enabled else [s.data.patch_size]
        for network, size in zip(passes_of(self.network), sizes, strict=True):
            compile_for(self.device, network, (cases, len(s.data.channels) or 1, *size))

    def _refresh(self) -> list[RefreshLabels]:
        """What makes pseudo labels of coarse cases anew, if the settings ask for it and there are any."""
        labels, s = labels_of(self.training), self.settings
        if labels is None or not s.propagation.refresh:
            return []
        refresh = RefreshLabels(
            self.training,
            labels,
            box_inferer(s),
            shares=s.propagation.refresh,
            folder=self.plan.run_folder.propagation,
            superclasses=self.taxonomy.superclasses,
            margin=[size // 4 for size in s.data.patch_size],
        )
        return [refresh]

    def _own_handlers(self) -> list[Any]:
        """In the order in which they must see the end of an epoch: the state last, so that it includes the rest."""
        return [
            *([self.sync_teacher] if self.handlers else []),
            *self._refresh(),
            EpochLosses(),
            Validate(self.evaluator, interval=self.settings.optimizer.validation_interval),
            *(self._writers() if ranks().first else []),
            StopAfter(self.plan.stop_after),
        ]

    def _writers(self) -> list[Any]:
        """What shows and writes; of several processes only the first one does."""
        evaluator, folder = self.evaluator, self.plan.run_folder
        return [
            TrainingProgress(),
            HistoryFile(folder.history, evaluator=evaluator),
            TensorBoardLog(folder.tensorboard, evaluator=evaluator),
            SaveBestWeights(folder.best_weights, evaluator=evaluator),
            self.state,
        ]


def own_part(cases: CachedDataset, who: Ranks) -> CachedDataset | Subset[Any]:
    """The cases that one of several processes scores; each has one at least, so that none waits for ever."""
    if who.count == 1 or not len(cases):
        return cases
    return Subset(cases, list(who.part(len(cases))) or [who.index % len(cases)])
