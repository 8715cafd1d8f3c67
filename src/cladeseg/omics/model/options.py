"""What decides how the heads of an omics model are fitted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from cladeseg.files import check_choice
from cladeseg.omics.contrast import PretrainingOptions

BLOCKS = ("raw", "standardised", "contrastive")
TARGETS = ("hard", "soft")
#: Options that play no part in the fit to labels alone, which models that differ in them share.
TEACHING = (
    "confidence",
    "rounds",
    "targets",
    "temperature",
    "taught_weight",
    "self_weight",
    "prior",
    "pair_weight",
    "unlabelled",
    "complete",
)


@dataclass(frozen=True)
class ModelOptions:
    """Switches and strengths of the method.

    Defaults were chosen on splits of training patients; docs/README.md of the bundle says which.

    Attributes:
        blocks: forms of an omics that heads see without neighbours: raw or standardised components, or the pre-trained
            embedding.
        smoothed: the form that heads with the leading omics see smoothed over the patient graph as well.
        components: of each block.
        degree: neighbours that a patient's features are smoothed over.
        strength: of the smoothing, from 0 (no graph) to 1 (the neighbours alone).
        lead_weight: how much more the omics that is best on validation rows counts among joined features.
        penalty: weight C of the labels against the squared norm of the weights.
        folds: parts of the labelled training patients that are held out in turn, to validate and calibrate.
        confidence: weigh teachers by confidence; without, every teacher counts the same.
        rounds: times that the heads are taught; 0 without distillation.
        targets: hard classes of the teacher, or its probabilities at ``temperature``.
        temperature: of soft targets.
        taught_weight: of what a head without the lead omics is taught, against a label.
        self_weight: the same for heads with the lead omics, whose teacher says mostly what they said themselves.
        prior: power of the classes' frequencies among the labels by which the teacher's probabilities are multiplied.
            Heads weigh all classes alike, so that without it they give too many patients a rare class.
        pair_weight: of what heads are taught by one another, per unit of difference in confidence.
        complete: whether the head of all omics also speaks for patients who lack some, by what they would score.
        unlabelled: whether patients without a class label are taught, or only those with one.
        contrast: how encoders are pre-trained.
        seed: of the pre-training.
    """

    blocks: tuple[str, ...] = ("standardised",)
    smoothed: str = "raw"
    components: int = 60
    degree: int = 15
    strength: float = 0.8
    lead_weight: float = 3.0
    penalty: float = 1.0
    folds: int = 4
    confidence: bool = True
    rounds: int = 1
    targets: str = "hard"
    temperature: float = 2.0
    taught_weight: float = 1.0
    self_weight: float = 0.3
    prior: float = 0.25
    pair_weight: float = 0.0
    unlabelled: bool = True
    complete: bool = True
    contrast: PretrainingOptions = field(default_factory=PretrainingOptions)
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("targets", self.targets, TARGETS)
        for block in self.forms:
            check_choice("blocks", block, BLOCKS)

    def same_labels_fit(self, other: ModelOptions) -> bool:
        """Whether both differ in :data:`TEACHING` alone."""
        return replace(self, **{name: getattr(other, name) for name in TEACHING}) == other

    @property
    def forms(self) -> tuple[str, ...]:
        """Every block that has to be fitted."""
        return tuple(dict.fromkeys((*self.blocks, self.smoothed)))
