"""Settings of an omics run, each in one place with its type, range, default and meaning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cladeseg.bundle.settings import SettingsGroup
from cladeseg.omics.contrast import PretrainingOptions
from cladeseg.omics.model import ModelOptions

#: Forms of an omics.
BlockName = Literal["raw", "standardised", "contrastive"]


class DataSettings(SettingsGroup):
    """Which patients and values are used."""

    test: float = Field(default=0.25, gt=0, lt=1)
    """Share of the labelled patients that are held out for the test."""
    allow_missing: bool = False
    """Take single missing values; a patient without any value of an omics is always taken."""


class FeatureSettings(SettingsGroup):
    """What heads see of an omics."""

    blocks: tuple[BlockName, ...] = Field(default=("standardised",), min_length=1)
    """Forms of an omics: raw or standardised components, or the embedding of the pre-trained encoder."""
    components: int = Field(default=60, ge=1)
    """Largest number of components of a block."""


class GraphSettings(SettingsGroup):
    """One more view of the patients, smoothed over the graph of who resembles whom."""

    smoothed: BlockName = "raw"
    """The form of an omics that is smoothed; heads without the best omics do without."""
    degree: int = Field(default=15, ge=1)
    """Training patients that a patient is smoothed over."""
    strength: float = Field(default=0.8, ge=0, le=1)
    """0 is the patient alone, 1 its neighbours; the view counts by the share of patients without a class label."""


class ContrastSettings(SettingsGroup):
    """Graph contrastive pre-training; it runs where features.blocks or graph.smoothed says "contrastive"."""

    encoder: Literal["gcn", "linear", "identity"] = "gcn"
    """The graph convolution, a linear map that ignores the graph, or nothing trained at all."""
    epochs: int = Field(default=100, ge=1)
    """Steps, each on the whole graph."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Of Adam."""
    temperature: float = Field(default=0.5, gt=0)
    """τ of InfoNCE."""


class HeadSettings(SettingsGroup):
    """The linear heads, one for each omics and for joined ones."""

    penalty: float = Field(default=1.0, gt=0)
    """Weight C of the labels against the squared norm of the weights."""
    lead_weight: float = Field(default=3.0, gt=0)
    """How much more the omics that is best on validation rows counts among joined features."""
    folds: int = Field(default=4, ge=2)
    """Parts of the labelled training patients that are held out in turn: the validation rows."""


class DistillationSettings(SettingsGroup):
    """Heads that teach one another, unlabelled patients included."""

    rounds: int = Field(default=1, ge=0)
    """Times that the heads are taught; 0 switches distillation off."""
    targets: Literal["hard", "soft"] = "hard"
    """The teacher's class, or its probabilities at the temperature."""
    temperature: float = Field(default=2.0, gt=0)
    """Of soft targets."""
    confidence: bool = True
    """Weigh teachers by confidence."""
    taught_weight: float = Field(default=1.0, ge=0)
    """Of what heads without the best omics are taught, against a label."""
    self_weight: float = Field(default=0.3, ge=0)
    """Of what heads with the best omics are taught by the fused prediction."""
    prior: float = Field(default=0.25, ge=0, le=1)
    """Power of the labels' class frequencies in what the fused prediction teaches."""
    pair_weight: float = Field(default=0.0, ge=0)
    """Of what heads are taught by one another, per unit of difference in confidence."""
    unlabelled: bool = True
    """Teach on patients without a class label, or only on those with one."""
    complete: bool = True
    """Where an omics is missing, also ask the head of all omics, by what ridge regression expects there."""


class OmicsSettings(SettingsGroup):
    """Everything that decides a training besides the data."""

    label_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the training labels that the run may see."""
    coarse_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the others whose superclass it may see."""
    seed: int = Field(default=0, ge=0)
    """Of the split into training and test, and of whatever is random."""
    draw: int = Field(default=0, ge=0)
    """Another number draws other labels from the same training patients."""
    data: DataSettings = DataSettings()
    features: FeatureSettings = FeatureSettings()
    graph: GraphSettings = GraphSettings()
    contrast: ContrastSettings = ContrastSettings()
    heads: HeadSettings = HeadSettings()
    distillation: DistillationSettings = DistillationSettings()

    def options(self) -> ModelOptions:
        """What the model takes of them."""
        contrast = PretrainingOptions(**self.contrast.model_dump(), seed=self.seed)
        groups = (self.features, self.graph, self.heads, self.distillation)
        return ModelOptions(
            **{name: value for group in groups for name, value in group.model_dump().items()},
            contrast=contrast,
            seed=self.seed,
        )


#: Settings that are top-level keys of the config.
TOP_LEVEL = ("label_share", "coarse_share", "seed", "draw")
