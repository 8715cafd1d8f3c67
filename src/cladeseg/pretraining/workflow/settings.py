"""Every setting of a pre-training, in the one place where it is typed, bounded and explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from cladeseg.bundle.settings import SettingsGroup, settings_reference
from cladeseg.segmentation.workflow.settings import (
    AugmentationSettings,
    Count,
    DataSettings,
    NotNegative,
    OptimizerSettings,
    Positive,
    Share,
    Size,
)

if TYPE_CHECKING:
    from typing_extensions import Self

#: The segmentation bundle is found by the folder's layout.
AUTO = "auto"
#: There is none: network and spacing follow from the images.
NO_TASK = "none"


class ImageSplitSettings(SettingsGroup):
    """Which patients are never looked at; with a segmentation bundle's values and seed its own test patients."""

    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the patients that segmentation validates with; their images are learnt from."""
    test_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the patients that are left out of everything."""
    incomplete: bool = False
    """Whether cases may lack some of `data.channels`; then any folder of images will do, and each case is a patient."""


class BatchSettings(SettingsGroup):
    """Cases of a training step."""

    cases: Size = 4
    """Cases in a batch, each seen in all its views; contrast needs two or more."""
    foreground_probability: Share = 0.0
    """Share of the regions that are drawn to where something is outlined; needs outlines."""


class BackboneSettings(SettingsGroup):
    """The segmentation network's backbone; kernels and strides follow from spacing, patch and levels."""

    backbone: Literal["dynunet", "unet"] = "dynunet"
    """MONAI's 3D U-Net: `dynunet` has a kernel for each level, `unet` residual units and one kernel for all."""
    levels: Annotated[int, Field(ge=3)] = 4
    """Resolutions of the U-Net; fewer where the patch cannot be halved so often."""
    filters: Size = 16
    """Feature channels of the finest level; doubled from level to level."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of the backbone's features that are dropped; null for none."""
    channels_last: bool = False
    """Memory format with the channels innermost, which pays on GPUs and for isotropic kernels on CPUs."""


class ViewSettings(SettingsGroup):
    """Views of a case: crops that overlap, each with modalities and intensities of its own."""

    number: Size = 2
    """Views of a case in a step; contrast needs two or more."""
    shift: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """Largest distance between two views along each axis, as a share of the patch."""
    modality_dropout: Share = 0.5
    """Chance that a view shows a random part of the modalities that the case has."""


class ContrastSettings(SettingsGroup):
    """Places of two views attract each other where they are the same, and repel where they are not."""

    enabled: bool = True
    """Whether there is contrast."""
    weight: NotNegative = 0.1
    """Weight of its loss."""
    loss: Literal["multi_view", "false_negatives", "nt_xent", "sup_con", "tree_sup_con", "mask_con"] = "multi_view"
    """`multi_view` is the full graph over all views; `false_negatives` lets look-alikes repel less; `nt_xent` takes \
two views; `sup_con`, `tree_sup_con` and `mask_con` use superclass outlines."""
    temperature: Positive = 0.1
    """What similarities are divided by."""
    weight_temperature: Positive = 1.0
    """Spread of the weights of `false_negatives`."""
    target_temperature: Positive = 0.07
    """Temperature of the soft targets of `mask_con`."""
    queue: Size = 4096
    """Places that `mask_con` remembers."""
    points: Size = 64
    """Places of a case that are compared in a step."""
    min_distance: NotNegative = 8.0
    """Voxels below which two places of one case are no negatives of each other."""
    features: Size = 64
    """Length of the vectors that are compared."""


class ReconstructionSettings(SettingsGroup):
    """Masked blocks, and modalities that a view does not show, are restored."""

    enabled: bool = True
    """Whether there is reconstruction."""
    weight: NotNegative = 1.0
    """Weight of its loss."""
    mask_ratio: Share = 0.6
    """Share of the blocks that is hidden."""
    block: Size = 8
    """Voxels of the finest axis along a block's side; as many mm along the other axes."""


class SuperclassSettings(SettingsGroup):
    """Segmentation of the superclasses, where `superclass_task` is on."""

    weight: NotNegative = 1.0
    """Weight of its loss."""


class DiagnosticsSettings(SettingsGroup):
    """When a training ends because its features say nothing any more."""

    min_rank: NotNegative = 1.5
    """Least effective rank of the compared features, averaged over an epoch; 0 never ends it."""


class PretrainingSettings(SettingsGroup):
    """What decides a pre-training besides the images; a bundle's config says what differs from the defaults.

    The settings of this first table are top-level keys of `train.json`; the groups stand below its key `settings`.
    """

    task: str = AUTO
    """Segmentation bundle whose backbone is trained, a folder or a shipped one's name: its data, network and split \
count. `auto` takes the shipped one of the folder's layout, `none` derives all from the images."""
    superclass_task: bool = False
    """Whether superclass outlines are read and learnt; else no label file is opened."""
    seed: Count = 0
    """Decides the split, the initial weights and everything random in a step."""
    epochs: Size = 40
    """Epochs of the training."""
    amp: bool = False
    """bfloat16 autocast, on CUDA and on CPUs that have it."""
    balance: Literal["sum", "pcgrad"] = "sum"
    """How the tasks' gradients become one: their sum, or PCGrad on those of the shared features."""
    data: DataSettings = DataSettings()
    split: ImageSplitSettings = ImageSplitSettings()
    batch: BatchSettings = BatchSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    network: BackboneSettings = BackboneSettings()
    views: ViewSettings = ViewSettings()
    contrast: ContrastSettings = ContrastSettings()
    reconstruction: ReconstructionSettings = ReconstructionSettings()
    superclass: SuperclassSettings = SuperclassSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    diagnostics: DiagnosticsSettings = DiagnosticsSettings()

    @model_validator(mode="after")
    def _something_to_learn(self) -> Self:
        if not (self.contrast.enabled or self.reconstruction.enabled or self.superclass_task):
            raise ValueError("contrast, reconstruction and superclass_task are all off; there is nothing to learn")
        return self

    @model_validator(mode="after")
    def _cases_in_memory(self) -> Self:
        if self.data.store is not None:
            raise ValueError("data#store: a pre-training keeps its cases in memory; leave it out")
        return self

    @model_validator(mode="after")
    def _contrast_can_compare(self) -> Self:
        if not self.contrast.enabled:
            return self
        if self.views.number < 2:
            raise ValueError("views#number: one view has nothing to be compared with; write 2, or switch contrast off")
        if self.batch.cases < 2:
            raise ValueError("batch#cases: a batch of one case has no other patient as a negative; write 2 or more")
        if self.contrast.loss in ("sup_con", "tree_sup_con", "mask_con") and not self.superclass_task:
            raise ValueError(f"contrast#loss: '{self.contrast.loss}' needs outlines; switch superclass_task on")
        return self


#: Top-level keys of train.json that are settings.
TOP_LEVEL = ("task", "superclass_task", "seed", "epochs", "amp", "balance")
#: What a resumed training may have otherwise: how long and how fast, not what.
FREE_ON_RESUME = ("epochs", "data.num_workers", "data.cache_gigabytes", "optimizer.validation_interval")


def pretraining_settings_page() -> str:
    """The reference page of all settings of a pre-training in Markdown."""
    return _PAGE.format(reference=settings_reference(PretrainingSettings))


_PAGE = """# Settings of a pre-training

Every setting, with its type, range, default and meaning. `configs/train.json` of the bundle `heterogeneous_pretraining`
holds what differs from the defaults and from the segmentation bundle whose backbone is trained (`task`).

{reference}"""
