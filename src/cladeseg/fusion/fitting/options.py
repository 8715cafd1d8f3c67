"""Settings of a fit, each in one place with its type, range, default and meaning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cladeseg.bundle.settings import SettingsGroup


class GeneSettings(SettingsGroup):
    """Which genes are seen, and in which groups."""

    panel: int | None = Field(default=None, ge=2)
    """Number of genes that are chosen on training patients; none for all of them."""
    groups: int = Field(default=16, ge=2)
    """Clusters of genes that vary together, each a token; fewer where there are few genes."""
    pathways: str | None = None
    """GMT file whose pathways are the groups instead."""


class NetworkSettings(SettingsGroup):
    """The network in which both modalities meet."""

    form: Literal["cross_attention", "concatenation", "late"] = "cross_attention"
    """Tokens look at each other, pooled vectors stand side by side, or only probabilities are averaged."""
    width: int = Field(default=48, ge=4, multiple_of=4)
    """Numbers that a token holds."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Of tokens, attention and head."""
    image_components: int = Field(default=48, ge=2)
    """Principal components of tile features, fitted on training patients."""


class TrainingSettings(SettingsGroup):
    """How networks are trained and combined."""

    inner_folds: int = Field(default=3, ge=2)
    """Parts of the training patients that are held out in turn; one network each, which are averaged."""
    epochs: int = Field(default=25, ge=1)
    """At most; training stops when the held-out part gets no better."""
    patience: int = Field(default=5, ge=1)
    """Epochs without an improvement before it stops."""
    batch_size: int = Field(default=128, ge=2)
    """Patients of a step."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Of AdamW."""
    weight_decay: float = Field(default=0.02, ge=0)
    """Of AdamW."""
    modality_dropout: float = Field(default=0.3, ge=0, le=1)
    """Share of the patients with both modalities who lose one in a step."""
    tiles_per_step: int = Field(default=32, ge=1)
    """Tiles of a patient that a step sees, drawn anew each time."""
    experts: bool = True
    """Combine the networks with linear models of each modality and of both, weighted by held-out patients."""


class FitSettings(SettingsGroup):
    """Everything that decides a fit besides the data."""

    genes: GeneSettings = GeneSettings()
    network: NetworkSettings = NetworkSettings()
    training: TrainingSettings = TrainingSettings()
    seed: int = Field(default=0, ge=0)
    """Of inner folds, weights, dropout and groups."""
