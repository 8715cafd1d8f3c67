"""Every setting of a clustering bundle, in the one place where it is typed, bounded and explained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cladeseg.bundle.settings import SettingsGroup
from cladeseg.clustering.model.options import ModelOptions

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=0)]


class ObjectSettings(SettingsGroup):
    """What is taken from a picture."""

    area: Literal["found", "whole"] = "found"
    """`found` looks for the object that differs from the picture's border; `whole` takes every pixel."""
    outlined: Literal["numbers", "parts"] = "numbers"
    """In outlines beside a picture or volume, `numbers` takes all of a number for one object, `parts` each connected
    part, as in a mask of all lesions."""
    feature_height: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Height of a local maximum above the object's median, as a share of its range, from which it is a feature."""
    candidate_height: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The same for a candidate, which features of other objects are matched to; not above `feature_height`."""


class SplitSettings(SettingsGroup):
    """Which labelled objects train, validate and test; objects of one source stay together."""

    validation: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of the objects, or of their sources, by which the twin network's best step is chosen."""
    test: Share = 0.15
    """Share that training never opens, for evaluations on the same folder; 0 where there is another folder for them."""


class ClusteringSettings(SettingsGroup):
    """Settings of a training; inference and evaluation take them from the stored model."""

    objects: ObjectSettings = Field(default_factory=ObjectSettings)
    split: SplitSettings = Field(default_factory=SplitSettings)
    model: ModelOptions = Field(default_factory=ModelOptions)
    seed: Count = 0
    """Of the split, of all draws and of the weights; set by `--seed`."""
