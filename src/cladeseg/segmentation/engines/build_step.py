"""The training method from plain config values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from cladeseg.segmentation.engines.step import HierarchicalMixStep, Step, SupervisedStep, Weighted
from cladeseg.segmentation.losses.size_prior import SizePriorLoss
from cladeseg.segmentation.mixing import HierarchicalMix, PseudoLabeller, SigmoidRamp
from cladeseg.taxonomy import Taxonomy


def build_step(
    taxonomy: Taxonomy,
    loss: nn.Module,
    *,
    mix: bool = True,
    start: int = 0,
    ramp: int = 200,
    weight: float = 1.0,
    blend: Sequence[float] = (1.0, 1.0),
    direction: str = "both",
    max_scale: float = 1.25,
    components: bool = False,
    threshold: float | Mapping[str, float] = 0.8,
    keep: float | None = None,
    flips: Sequence[Sequence[int]] = ((), (0,)),
    size_prior: float = 0.0,
) -> Step:
    """HierarchicalMix on top of the supervised loss, or the supervised loss alone.

    Args:
        taxonomy: the label tree.
        loss: on node maps.
        mix: whether mixed images are learnt from; the other options belong to it.
        start: first step with a mix loss.
        ramp: steps until its full weight.
        weight: the full weight.
        blend: range of the partner's share in the pasted voxels; (1, 1) is a hard paste.
        direction: ``"one_way"`` (partner into coarse case) or ``"both"``.
        max_scale: bound on the scaling of a partner's region to the query's.
        components: align each connected component of a superclass by itself.
        threshold: least p(child | known node) of a pseudo label, one for all nodes or per node name.
        keep: share of each node's voxels whose pseudo label is accepted whatever the threshold; ``None`` for none.
        flips: mirrored views that must agree on a pseudo label.
        size_prior: weight of a loss on the children's shares, ramped like the mix; 0 for none.

    Raises:
        ValueError: an option is out of range.
        TaxonomyError: the tree forbids a flip.
    """
    if not mix:
        return SupervisedStep(loss)
    taxonomy.check_flips(axis for axes in flips for axis in axes)
    low, high = blend
    mixer = HierarchicalMix(
        taxonomy, blend=(low, high), direction=direction, max_scale=max_scale, components=components
    )
    labeller = PseudoLabeller(taxonomy, threshold=threshold, keep=keep)
    return HierarchicalMixStep(
        loss,
        mixer,
        labeller,
        SigmoidRamp(start=start, length=ramp, maximum=weight),
        flips=flips,
        size_prior=Weighted(SizePriorLoss(taxonomy), size_prior) if size_prior else None,
    )
