"""Settings of the methods that compare two objects, and of how their answers become weights."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cladeseg.bundle.settings import SettingsGroup

Size = Annotated[int, Field(ge=1)]


class PqapOptions(SettingsGroup):
    """Partial quadratic assignment of key points."""

    enabled: bool = True
    """Whether key points are matched; this takes most of the time of an inference."""
    learn_steps: Annotated[int, Field(ge=0)] = 0
    """Steps of the annealing that learns the five parameters on training pairs; 0 keeps the paper's."""
    rotations: Size = 18
    """Rotations of the sweep, over the full turn."""
    kept: Size = 3
    """Rotations that are solved, those with the best bound."""
    improvements: Annotated[int, Field(ge=0)] = 5
    """Linearisations of each of them at most."""
    max_pairs: Size = 20000
    """Pairs that are matched at most; above, each object is matched to those most alike by descriptors."""
    workers: Size = 1
    """Processes that match pairs."""


class TwinOptions(SettingsGroup):
    """Twin network; used where there are pictures."""

    enabled: bool = False
    """Whether one is trained; on one core a step of 32 pictures takes about half a second."""
    steps: Size = 1500
    """Steps of the optimiser; 1500 of 32 pictures see twice the pairs of the paper's 6000 of 64 pairs."""
    fold_steps: Size = 500
    """The same where classes are left out to choose weights and zero."""
    folds: Size = 6
    """Draws of classes to leave out, at most, as a network is trained for each."""
    pictures: Annotated[int, Field(ge=4)] = 32
    """Pictures of a batch; each is encoded once and compared with all others."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """Of AdamW."""


class ZeroOptions(SettingsGroup):
    """Choice of the zero and of the methods' weights on training classes that are left out."""

    folds: Size = 20
    """Draws of classes to leave out, none twice; the methods are trained anew for each.  With few, the zero depends on
    the seed."""
    left_out: Annotated[float, Field(gt=0, lt=1)] = 0.4
    """Share of the classes that a draw leaves out; at least two."""
    batches: Size = 9
    """Batches of objects, of one class to all of them, that are clustered in each draw."""
    references: Annotated[int, Field(ge=0)] = 12
    """Training objects, pictures and all, that the model keeps beside its weights: a few new objects are compared with
    them as well; 0 keeps none."""


class ModelOptions(SettingsGroup):
    """How pairs are compared."""

    pqap: PqapOptions = Field(default_factory=PqapOptions)
    twin: TwinOptions = Field(default_factory=TwinOptions)
    zero: ZeroOptions = Field(default_factory=ZeroOptions)
