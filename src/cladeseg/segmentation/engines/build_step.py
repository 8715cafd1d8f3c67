"""The training method from plain config values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from cladeseg.segmentation.engines.mix_step import HierarchicalMixStep, MixInPlaceStep, RegionMixer
from cladeseg.segmentation.mixing import HierarchicalMix, PseudoLabeller, SigmoidRamp
from cladeseg.segmentation.transforms import mirrored_views
from cladeseg.taxonomy import ALLOWED, Taxonomy


def build_step(
    taxonomy: Taxonomy,
    loss: nn.Module,
    *,
    start: int = 0,
    ramp: int = 200,
    weight: float = 1.0,
    alpha_range: Sequence[float] = (1.0, 1.0),
    direction: str = "both",
    max_scale: float = 1.25,
    in_place: bool = False,
    axes: str = "volume",
    match: bool = False,
    feather: Sequence[int] = (0, 0, 0),
    threshold: float | Mapping[str, float] = 0.8,
    flips: str | Sequence[str] = ALLOWED,
) -> HierarchicalMixStep | MixInPlaceStep:
    """HierarchicalMix on top of the supervised loss.

    Args:
        taxonomy: the label tree.
        loss: on node maps.
        start: first step with a mix loss.
        ramp: steps until its full weight.
        weight: the full weight.
        alpha_range: of the partner's share in the pasted voxels; (1, 1) is a hard paste.
        direction: ``"one_way"`` (partner into coarse case) or ``"both"``.
        max_scale: bound on the scaling of a partner's region to the query's.
        in_place: whether mixed cases take the place of coarse ones, instead of being there besides them; ``weight`` and
            ``ramp`` are then the share of the coarse cases that is mixed.
        axes: that regions are aligned along, ``"volume"`` or ``"principal"``.
        match: whether what is pasted gets the mean and spread of the region that it is pasted into.
        feather: voxels along each axis over which a paste fades.
        threshold: least p(child | known node) of a pseudo label, one for all nodes or per node name.
        flips: anatomical axes, by default all that the tree allows; the image and its views mirrored along each set of
            them must agree on a pseudo label.

    Raises:
        ValueError: an option is out of range.
        TaxonomyError: the tree does not allow a flip.

    Example:
        >>> from cladeseg.segmentation.losses import TreeLoss
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> step = build_step(tree, TreeLoss(tree), start=100, ramp=400, weight=0.5)
        >>> step.ramp(0), step.ramp(500)  # the weight of the mix loss
        (0.0, 0.5)
    """
    low, high = alpha_range
    mix = HierarchicalMix(
        taxonomy,
        alpha_range=(low, high),
        direction=direction,
        max_scale=max_scale,
        axes=axes,
        match=match,
        feather=feather,
    )
    mixer = RegionMixer(mix, PseudoLabeller(taxonomy, threshold=threshold), mirrored_views(taxonomy.flips(flips)))
    form = MixInPlaceStep if in_place else HierarchicalMixStep
    return form(loss, mixer, SigmoidRamp(start=start, length=ramp, maximum=weight))
