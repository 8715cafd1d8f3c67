"""Every value that decides what a training learns, besides the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The settings of one training; a resumed training must have the same.

    Attributes:
        seed: of weights, draws and augmentation.
        steps_per_epoch: optimiser steps per epoch.
        per_batch: number of ``fine``, ``coarse`` and ``unlabelled`` cases in a batch.
        patch_size: voxels (x, y, z) of a training patch and of the sliding window.
        spacing: voxel size in mm that images are resampled to; -1 keeps the image's.
        foreground_probability: share of the patches drawn to where something is outlined.
        learning_rate: at its peak.
        weight_decay: of AdamW.
        schedule: ``"poly"``, ``"cosine"`` or ``"constant"``.
        warmup_steps: steps until the peak.
        ema_decay: of the teacher; ``None`` averages where the method learns from the teacher and nowhere else.
        augmentation: whether patches are augmented.
        augment_options: arguments of :class:`~cladeseg.segmentation.transforms.BatchAugment` that this task sets.
        modality_dropout: chance per step that a random part of the modalities is blanked.
        amp: bfloat16 autocast.
        network: arguments of :func:`~cladeseg.segmentation.networks.build_network`.
        lambda_dice: weight of the Dice part of the loss.
        lambda_ce: weight of the cross-entropy part.
        level_weights: weight of the loss by depth of the label's node; ``None`` for equal ones.
        method: training method, see :func:`~cladeseg.segmentation.baselines.build_method`; others than
            ``"hierarchical_mix"`` are there to compare with.
        method_options: further options of such a method; start, ramp and weight are those of the mix.
        transfer: whether the parts of coarse cases are guessed from the fine ones by
            :class:`~cladeseg.segmentation.transforms.LabelPropagation`; no method to compare with learns from it.
        transfer_axes: ``"volume"``, or ``"principal"`` for organs that are turned differently in each patient.
        transfer_blur: its Gaussian, as a share of the region's extent.
        transfer_sure: least share of its votes.
        mix: whether HierarchicalMix is used; see :func:`~cladeseg.segmentation.engines.build_step` for its options.
        mix_start: first step with a mix loss.
        mix_ramp: steps until its full weight.
        mix_weight: the full weight.
        mix_blend: range of the partner's share in the pasted voxels.
        mix_direction: ``"one_way"`` or ``"both"``.
        mix_max_scale: bound on the scaling of a partner's region.
        mix_components: align each connected component by itself.
        pseudo_threshold: least confidence of a pseudo label.
        pseudo_keep: share of each node's surest voxels that get one whatever the threshold; ``None`` for none.
        pseudo_flips: mirrored views that must agree on it.
        size_prior: weight of the loss on how the coarse cases' superclasses are shared out; 0 for none.
    """

    seed: int
    steps_per_epoch: int
    per_batch: Mapping[str, int]
    patch_size: Sequence[int]
    spacing: Sequence[float]
    network: Mapping[str, Any]
    foreground_probability: float = 0.7
    learning_rate: float = 0.003
    weight_decay: float = 1e-4
    schedule: str = "poly"
    warmup_steps: int = 20
    ema_decay: float | None = 0.99
    augmentation: bool = True
    augment_options: Mapping[str, Any] = field(default_factory=dict)
    modality_dropout: float = 0.0
    amp: bool = False
    lambda_dice: float = 1.0
    lambda_ce: float = 1.0
    level_weights: Sequence[float] | None = None
    method: str = "hierarchical_mix"
    method_options: Mapping[str, Any] = field(default_factory=dict)
    transfer: bool = False
    transfer_axes: str = "volume"
    transfer_blur: float = 0.08
    transfer_sure: float = 0.9
    mix: bool = True
    mix_start: int = 50
    mix_ramp: int = 200
    mix_weight: float = 1.0
    mix_blend: Sequence[float] = (1.0, 1.0)
    mix_direction: str = "both"
    mix_max_scale: float = 1.25
    mix_components: bool = False
    pseudo_threshold: float | Mapping[str, float] = 0.8
    pseudo_keep: float | None = None
    pseudo_flips: Sequence[Sequence[int]] = ((), (0,))
    size_prior: float = 0.0
