"""Every setting of a segmentation training, in the one place where it is typed, bounded and explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from cladeseg.bundle.settings import SettingsGroup, settings_reference
from cladeseg.volumes import DEFAULT_ORDER, check_axis_order

if TYPE_CHECKING:
    from typing_extensions import Self

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Confidence = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]
AnatomicalAxis = Literal["left-right", "posterior-anterior", "inferior-superior"]
#: The anatomical axes to mirror along.
Flips = Literal["allowed"] | tuple[AnatomicalAxis, ...]
Patients = Count | Literal["all"] | list[str]
Method = Literal["supervised", "hierarchical_mix", "label_set", "mean_teacher", "cps", "bcp", "unimatch"]


class DataSettings(SettingsGroup):
    """Where images and labels lie, and what the network sees of them."""

    layout: Literal["auto", "acdc", "bids", "brats", "datalist", "folders", "msd", "nnunet"] = "auto"
    """Folder layout of the data set, see docs/layouts.md; `auto` recognises it."""
    label_convention: str = "auto"
    """File convention of the labels, one of the tree's; `auto` detects it from the names of the files."""
    channels: tuple[str, ...] = ()
    """Names of the modalities in the order of the network's channels; empty for images with a single one."""
    intensity: Literal["percentiles", "brain"] = "percentiles"
    """`percentiles` clips at the 0.5th and 99.5th and standardises; `brain` also crops to what is not 0."""
    axis_order: Annotated[str, AfterValidator(check_axis_order)] = DEFAULT_ORDER
    """Where the axes of every image run to: a letter each of R/L, A/P and S/I; `stored` leaves each file as it is."""
    spacing: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)
    """Voxel size in mm along these axes that images are resampled to; kernels and strides follow from it."""
    resample_slices: bool = True
    """Whether the last axis is resampled too; false keeps each image's own slice distance."""
    patch_size: tuple[Size, Size, Size] = (64, 64, 64)
    """Voxels along these axes of a training patch and of inference's sliding window."""
    num_workers: Count = 0
    """Loader processes; 0 loads in the training process."""
    cache_gigabytes: NotNegative | None = None
    """Memory in GB (1e9 bytes) for loaded cases; null takes 40 % of what is free."""
    store: str | None = None
    """Folder that keeps loaded training cases on disk, for this and later trainings; null keeps them in memory."""
    store_gigabytes: NotNegative = 100.0
    """Size in GB (1e9 bytes) of that folder; files that were used longest ago go first."""

    @property
    def target_spacing(self) -> tuple[float, float, float]:
        """Voxel size in mm to resample to; -1 stands for an axis that keeps the image's own."""
        x, y, z = self.spacing
        return (x, y, z if self.resample_slices else -1.0)


class SplitSettings(SettingsGroup):
    """Which patients train, validate and test, and what their labels may say."""

    draw: Count = 0
    """Another draw of the fine patients within the same split; 0 is the seed's own."""
    superclass: str | None = None
    """Outline that coarse patients have, names joined by `+`; null for the coarsest of the tree."""
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the patients for validation."""
    test_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the patients that no training ever sees."""
    validation_supervision: Literal["superclass", "fine"] = "superclass"
    """What is known of validation cases; fine labels there are fine labels as well, so they count."""
    allow_missing_labels: bool = False
    """Whether cases without a label file count as unlabelled instead of ending the run."""


class BatchSettings(SettingsGroup):
    """Cases of a training step; a kind that the data set lacks takes no place."""

    fine: Count = 2
    """Finely labelled cases in a batch."""
    coarse: Count = 2
    """Cases with a superclass outline in a batch."""
    unlabelled: Count = 1
    """Unlabelled cases in a batch."""
    parts: Size = 1
    """Parts that a batch is computed in, one after the other, for GPUs with little memory."""
    foreground_probability: Share = 0.7
    """Share of the patches that are drawn to where something is outlined."""

    @model_validator(mode="after")
    def _at_least_one_case(self) -> Self:
        if not self.fine + self.coarse + self.unlabelled:
            raise ValueError("fine, coarse and unlabelled are all 0; a step needs at least one case")
        return self

    @property
    def per_batch(self) -> dict[str, int]:
        """Number of cases by kind."""
        return {"fine": self.fine, "coarse": self.coarse, "unlabelled": self.unlabelled}


class AugmentationSettings(SettingsGroup):
    """Random changes of shape and intensities, one affine map and a few intensity changes per case."""

    enabled: bool = True
    """Whether patches are augmented at all."""
    flips: Flips = "allowed"
    """Anatomical axes that are mirrored with probability one half each: `"allowed"` for all that the tree allows, or \
some of these by name."""
    rotate_degrees: tuple[NotNegative, NotNegative, NotNegative] = (0.0, 0.0, 20.0)
    """Largest rotation in degrees about each axis."""
    scale: tuple[Positive, Positive] = (0.85, 1.15)
    """Range of the magnification."""
    translate_voxels: tuple[NotNegative, NotNegative, NotNegative] = (6.0, 6.0, 0.0)
    """Largest translation in voxels along each axis."""
    noise: NotNegative = 0.1
    """Largest standard deviation of Gaussian noise, in standard deviations of the image."""
    blur: tuple[NotNegative, NotNegative] | None = None
    """Range of the standard deviation of an in-plane Gaussian in voxels; null for never."""
    brightness: NotNegative = 0.2
    """Largest shift of all intensities, in standard deviations of the image."""
    contrast: tuple[Positive, Positive] = (0.75, 1.25)
    """Range of the factor on the distance from the channel's mean."""
    gamma: tuple[Positive, Positive] = (0.7, 1.5)
    """Range of the exponent on rescaled intensities."""
    lowres: tuple[Positive, Positive] | None = None
    """Range of the factor by which in-plane resolution is lost; null for never."""
    probability: Share = 0.5
    """Chance of each intensity change for each case."""
    modality_dropout: Share = 0.0
    """Chance per step that a random part of the modalities is blanked."""


class NetworkSettings(SettingsGroup):
    """The backbone and the head on it; kernels and strides follow from spacing, patch and levels."""

    backbone: Literal["dynunet", "unet"] = "dynunet"
    """MONAI's 3D U-Net: `dynunet` has a kernel for each level, `unet` residual units and one kernel for all."""
    levels: Annotated[int, Field(ge=3)] = 4
    """Resolutions of the U-Net; fewer where the patch cannot be halved so often."""
    filters: Size = 16
    """Feature channels of the finest level, and of each branch of the head; doubled from level to level."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of the backbone's features that are dropped; null for none."""
    head: Literal["factorised", "flat", "two_head"] = "factorised"
    """Form of log p(leaf): product along the tree, one softmax over all leaves, or the paper's independent heads."""
    prior: bool = True
    """Prior Concatenation: the parent's logits are concatenated to the features of the children's branch."""
    separate_norm: bool = True
    """Separate Normalization: each branch has a norm, affine map and convolution of its own."""
    recompute: bool = False
    """Whether activations are computed again for the gradient instead of being kept: less memory, more time."""
    compile: bool = False
    """Whether `torch.compile` is tried; where it fails, the log says why and the training goes on without."""
    channels_last: bool = False
    """Memory format with the channels innermost, which pays on GPUs and for isotropic kernels on CPUs."""


class FirstPassSettings(SettingsGroup):
    """A coarse network that finds the structures; the network proper then only divides them inside their boxes."""

    enabled: bool = False
    """Whether there are two passes, in training and in inference."""
    spacing: tuple[Positive, Positive, Positive] = (4.0, 4.0, 4.0)
    """Voxel size in mm of the first pass; an axis that is coarser already, or is not resampled, stays as it is."""
    patch_size: tuple[Size, Size, Size] = (48, 48, 48)
    """Voxels of the first pass's training patch and sliding window."""
    levels: Annotated[int, Field(ge=3)] = 4
    """Resolutions of its U-Net; fewer where the patch cannot be halved so often."""
    filters: Size = 8
    """Feature channels of its finest level."""
    margin_mm: NotNegative = 24.0
    """Distance in mm from what is found to each face of its box."""
    jitter_mm: NotNegative = 8.0
    """Largest shift in mm of a box's face in training."""
    threshold: Share = 0.5
    """Probability above which a voxel belongs to what is found."""
    min_confidence: Share = 0.8
    """Least peak of the probability in a region; where no region reaches it, the whole volume is searched."""
    min_share: Share = 0.1
    """Least size of a region as a share of the largest one; smaller ones are taken for errors."""
    whole_volume: Share = 0.1
    """Share of the training patches whose box is the whole volume, so that the second pass can search it."""


class LossSettings(SettingsGroup):
    """Marginal cross-entropy plus marginal Dice on node maps."""

    lambda_dice: NotNegative = 1.0
    """Weight of the Dice part."""
    lambda_ce: NotNegative = 1.0
    """Weight of the cross-entropy part."""


class OptimizerSettings(SettingsGroup):
    """AdamW, its schedule, and the course of a training."""

    steps_per_epoch: Size = 25
    """Optimiser steps per epoch."""
    learning_rate: NotNegative = 0.003
    """Learning rate at its peak."""
    weight_decay: NotNegative = 1e-4
    """AdamW's decoupled weight decay."""
    schedule: Literal["poly", "cosine", "constant"] = "poly"
    """Course of the learning rate after the warm-up."""
    warmup_steps: Count = 20
    """Steps of linear warm-up."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] | None = 0.99
    """Decay of the averaged weights, which are shipped; null averages only where the method learns from them."""
    validation_interval: Count = 5
    """Epochs between two validations; 0 validates after the last epoch alone."""


class PropagationSettings(SettingsGroup):
    """Pseudo labels of coarse cases' regions: place × intensity × teacher, where these are confident."""

    enabled: bool = False
    """Whether regions of which only the superclass is known get pseudo labels."""
    place: bool = True
    """Whether place counts: labels are propagated from the fine cases; for parts that lie alike in everybody, not for \
tumours."""
    axes: Literal["volume", "principal"] = "volume"
    """Axes of a region: the volume's, or its principal ones for organs that are turned differently in each patient."""
    sigma: NotNegative = 0.08
    """Standard deviation of the Gaussian on the votes, as a share of the region's extent."""
    intensity: bool = False
    """Whether intensity counts: parts are refined by expectation maximisation in each region. With fine cases of two \
patients or more it is used only if it makes the labels of left-out fine cases better."""
    refresh: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Shares of the epochs after which the labels are made anew, with the teacher's predictions as a further factor."""
    exponents: tuple[NotNegative, NotNegative] = (0.5, 1.0)
    """Exponents of place × intensity and of the teacher in the refreshed labels."""
    min_agreement: Annotated[float, Field(gt=0.5, le=1)] = 0.9
    """Least probability that a label needs."""


class PseudoLabelSettings(SettingsGroup):
    """The teacher's labels for what is not known, HierarchicalMix's alone."""

    threshold: Confidence | dict[str, Confidence] = 0.8
    """Least p(child | known node) of a confident label, one for all nodes or by the node's name."""
    flips: Flips = "allowed"
    """Anatomical axes, `"allowed"` for all that the tree allows; the image and its views mirrored along each set of \
them must agree on a label."""


class MixSettings(SettingsGroup):
    """HierarchicalMix; start, ramp and weight are also those of the methods to compare with."""

    start: Count = 50
    """First step with a mix loss."""
    ramp: Count = 200
    """Steps until its full weight."""
    weight: NotNegative = 1.0
    """Full weight of the mix loss."""
    alpha_range: tuple[Share, Share] = (1.0, 1.0)
    """Range of the source's share in pasted voxels; [1, 1] is a hard paste."""
    direction: Literal["both", "one_way"] = "both"
    """`one_way` pastes fine cases into coarse ones, `both` also the other way round."""
    max_scale: Annotated[float, Field(ge=1)] = 1.25
    """Bound on the scaling of a source's region along each axis."""
    in_place: bool = False
    """Whether mixed cases take the place of coarse ones, before the augmentation, instead of coming besides them; \
`weight` is then the share of the coarse cases that is mixed. Needs `one_way` and a hard paste."""
    axes: Literal["volume", "principal"] = "volume"
    """Axes along which a source's region is aligned with the target's, see `propagation.axes`."""
    match: bool = False
    """Whether what is pasted gets the mean and spread of the region that it is pasted into, channel by channel."""
    feather: Count = 0
    """Voxels of the finest axis over which a paste fades on either side, and goes on beyond the region."""

    @model_validator(mode="after")
    def _in_place_is_one_way_and_hard(self) -> Self:
        if self.in_place and (self.direction != "one_way" or self.alpha_range != (1.0, 1.0)):
            raise ValueError("in_place needs direction 'one_way' and alpha_range [1, 1]")
        return self


class BaselineSettings(SettingsGroup):
    """Own options of the methods to compare with; null keeps the method's own default."""

    respect_nodes: bool | None = None
    """Whether targets of `mean_teacher`, `cps`, `bcp` and `unimatch` are held inside the known node, as ours are."""
    noise: NotNegative | None = None
    """Standard deviation of the teacher's input noise of `mean_teacher`."""
    pseudo_weight: NotNegative | None = None
    """Weight of the unlabelled part of `bcp`."""
    box: Share | None = None
    """Sides of the box of `bcp` as a share of the volume's."""
    largest_component: bool | None = None
    """Whether `bcp` keeps each leaf's largest component only."""
    threshold: Share | None = None
    """Least confidence of a pseudo label of `unimatch`."""
    dropout: Share | None = None
    """Share of the feature channels that `unimatch` drops."""
    cutmix: Share | None = None
    """Chance of a CutMix box of `unimatch`."""


class InferenceSettings(SettingsGroup):
    """What is done with the network's answer; stored with the weights."""

    keep_largest: tuple[str, ...] = ()
    """Superclasses of which only the largest connected component is kept; not for lesions, which may be several."""


class TrainingSettings(SettingsGroup):
    """What decides a training besides the data; a bundle's config says what differs from the defaults.

    The settings of this first table are top-level keys of `train.json`; the groups stand below its key `settings`.
    """

    fine_patients: Patients = 3
    """Training patients whose labels are used down to the leaves: a number, `"all"`, or their names."""
    coarse_patients: Count | Literal["all"] = "all"
    """Further training patients whose superclass outline is used; whoever is left counts as unlabelled."""
    seed: Count = 0
    """Decides the split, the fine patients, the initial weights and everything random in a step."""
    epochs: Size = 30
    """Epochs of the training."""
    amp: bool = False
    """bfloat16 autocast, on CUDA and on CPUs that have it."""
    pretrained: str | None = None
    """File of pre-trained weights, safetensors or `.pt`, whose tensors of the backbone are taken over where name and \
shape fit; null starts from random weights."""
    method: Method = "hierarchical_mix"
    """How coarse and unlabelled cases teach: `supervised` learns from known nodes alone; `hierarchical_mix` also from \
mixed images; the others are published methods to compare with, each with the superclass loss added."""
    data: DataSettings = DataSettings()
    split: SplitSettings = SplitSettings()
    batch: BatchSettings = BatchSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    network: NetworkSettings = NetworkSettings()
    first_pass: FirstPassSettings = FirstPassSettings()
    loss: LossSettings = LossSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    propagation: PropagationSettings = PropagationSettings()
    pseudo_label: PseudoLabelSettings = PseudoLabelSettings()
    mix: MixSettings = MixSettings()
    baseline: BaselineSettings = BaselineSettings()
    inference: InferenceSettings = InferenceSettings()


#: Top-level keys of train.json that are settings.
TOP_LEVEL = ("fine_patients", "coarse_patients", "seed", "epochs", "amp", "pretrained")
#: What a resumed training may have otherwise: how long and how fast, not what.
FREE_ON_RESUME = (
    "epochs",
    "data.num_workers",
    "data.cache_gigabytes",
    "network.recompute",
    "network.compile",
    "data.store",
    "data.store_gigabytes",
    "optimizer.validation_interval",
    "inference.keep_largest",
    "pretrained",
)


def settings_page() -> str:
    """The reference page of all settings in Markdown."""
    return _PAGE.format(reference=settings_reference(TrainingSettings))


_PAGE = """# Settings of a segmentation training

Every setting, with its type, range, default and meaning. A bundle's `configs/train.json` holds what differs from the
defaults. On a command line a setting of a group is written in one of two ways:

```bash
cladeseg train knee --dataset D --output mixed --fine-patients 2 --set mix.weight=0.5
```
```bash skip="tests/bundles/test_git_status.py runs MONAI's command on every shipped bundle"
python -m monai.bundle run training --config_file configs/train.json --settings#mix#weight 0.5
```

An overlay writes `"settings#mix#weight": 0.5`.
A key or a type that does not exist is refused, and the nearest key is named.

{reference}"""
