"""The trained model: methods, their combinations, and a zero for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cladeseg.clustering.calibration import ChosenZero, Combination, PairLogits, centred
from cladeseg.clustering.model.pair_methods import DESCRIPTORS, PairMethods
from cladeseg.clustering.objects import ClusteredObject

#: Name of what weighs all methods.
COMBINED = "combination"
RAW, CENTRED = "raw", "centred"


@dataclass
class Variant:
    """One way to weigh the methods.

    Attributes:
        combination: weights of the methods.
        zeros: ``"raw"`` and ``"centred"``, each chosen on training classes that were left out.
    """

    combination: Combination
    zeros: dict[str, ChosenZero]


@dataclass
class ClusteringModel:
    """What a training leaves.

    Attributes:
        methods: trained on all training objects.
        variants: by name; each method alone, and all of them.
        chosen: the variant with the least variation of information on classes that were left out.
        zero_source: where the zeros were chosen.
        classes: that were trained on, with their numbers of objects.
        references: training objects that a few new objects are compared with.
    """

    methods: PairMethods
    variants: dict[str, Variant]
    chosen: str
    zero_source: str
    classes: Mapping[str, int] = field(default_factory=dict)
    references: Sequence[ClusteredObject] = ()

    def weights(self, logits: Mapping[str, PairLogits], variant: str | None = None, zero: str = CENTRED) -> np.ndarray:
        """Weights of the clustering of all pairs; (n, n).

        Args:
            logits: of each method, by :meth:`PairMethods.logits`.
            variant: the chosen one if ``None``.
            zero: ``"raw"`` or ``"centred"``.
        """
        held = self.variants[variant or self.chosen]
        return centred(held.combination.logits(logits), held.zeros[zero].zero)

    @property
    def baseline(self) -> str:
        """The variant that every evaluation scores beside the chosen one."""
        return DESCRIPTORS
