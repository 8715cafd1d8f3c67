"""Cross-entropy and Dice for node maps: each voxel is asked for what its label says, and for no more."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.loss import _Loss

from cladeseg.bundle.ranks import mean_over_ranks
from cladeseg.segmentation.networks.tree_output import TreeOutput
from cladeseg.taxonomy import Taxonomy
from cladeseg.tree_math import at_least_float32


class TreeLoss(_Loss):
    r"""Marginal cross-entropy plus marginal Dice.

    *Cross-entropy*: :math:`-\log p(v)` at a voxel labelled v, where p(v) is the sum over the leaves of v, averaged over
    the annotated voxels of the batch.  A voxel labelled with the root costs nothing.

    *Dice*: one term for a case and a node v, over the voxels where the label decides whether they belong to v: all but
    those labelled with a node strictly above v.  A false positive counts wherever it can be known to be one.

    .. math:: 1 - \frac{2 \sum p_v t_v + s_{nr}}{\sum p_v + \sum t_v + s_{dr}}, \qquad t_v = [\text{label inside } v]

    A node has a term if some voxel of the case is labelled with exactly this node.  A leaf that is known to be absent
    has none: without smoothing its term is a constant 1, which teaches nothing and dilutes the others; what is wrongly
    found of it costs cross-entropy, and Dice of what is there.  A case's terms are averaged, then the cases that have
    any.

    With all leaves in every case this is ``monai.losses.DiceCELoss(softmax=True, to_onehot_y=True)`` on any tree.
    Losses on label sets are an idea of Fidon et al., arXiv 2107.03846; their leaf-Dice does count the undecided voxels
    that ours leaves out, see :class:`~cladeseg.segmentation.losses.label_set_loss.LabelSetLoss`.

    Args:
        taxonomy: the tree, with L leaves and N nodes.
        include_background: whether the background has a Dice term; it always counts in the cross-entropy.
        lambda_dice: weight of the Dice part.
        lambda_ce: weight of the cross-entropy part.
        smooth_nr: added to the numerator.
        smooth_dr: added to the denominator.
        batch: whether to sum over the cases that have a term before the ratio.

    Raises:
        ValueError: a negative weight.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> loss = TreeLoss(tree, lambda_dice=0)
        >>> p = torch.tensor([0.5, 0.25, 0.25]).view(1, 3, 1, 1, 1)  # background, ventricle, myocardium
        >>> for name in ("ventricle", "heart", "root"):
        ...     print(name, round(loss(p.log(), torch.full((1, 1, 1, 1, 1), tree.index(name))).item(), 3))
        ventricle 1.386
        heart 0.693
        root 0.0
    """

    dice_weight: Tensor
    membership: Tensor
    inside: Tensor
    known: Tensor

    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        include_background: bool = True,
        lambda_dice: float = 1.0,
        lambda_ce: float = 1.0,
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
        batch: bool = False,
    ) -> None:
        super().__init__()
        if min(lambda_dice, lambda_ce) < 0:
            raise ValueError(f"lambda_dice ({lambda_dice}) and lambda_ce ({lambda_ce}) must not be negative")
        self.taxonomy = taxonomy
        self.lambda_dice, self.lambda_ce = lambda_dice, lambda_ce
        self.smooth_nr, self.smooth_dr = smooth_nr, smooth_dr
        self.batch = batch
        self._register_tables(include_background)

    def _register_tables(self, include_background: bool) -> None:
        """For each node but the root: its Dice weight, its leaves (N-1, L), and two facts on each label (N-1, N)."""
        contains = self.taxonomy.contains
        strictly_above = contains & ~torch.eye(len(contains), dtype=torch.bool)
        dice_weight = torch.ones(len(contains) - 1)
        dice_weight[self.taxonomy.background] *= include_background
        self.register_buffer("dice_weight", dice_weight, persistent=False)
        self.register_buffer("membership", self.taxonomy.membership[:-1].clone(), persistent=False)
        self.register_buffer("inside", contains[:-1].clone(), persistent=False)
        self.register_buffer("known", ~strictly_above.T[:-1].contiguous(), persistent=False)

    def forward(self, output: TreeOutput | Tensor, target: Tensor) -> Tensor:
        """The loss of a batch, a scalar in float32 or better.

        Args:
            output: the network's, or log p(leaf) (B, L, *S).
            target: (B, 1, *S) node indices, any integer or float type.

        Raises:
            ValueError: the shapes do not fit each other or the tree.
        """
        leaf = output.leaf if isinstance(output, TreeOutput) else output
        _check_shapes(leaf, target, self.taxonomy)
        self.to(leaf.device)
        # MetaTensors would carry their metadata through every step below.
        leaf, label = leaf.as_subclass(Tensor).flatten(2), target.as_subclass(Tensor).flatten(2).long()
        leaf = at_least_float32(leaf)
        return self.lambda_ce * self.cross_entropy(leaf, label) + self.lambda_dice * self.dice(leaf, label)

    def cross_entropy(self, leaf: Tensor, label: Tensor) -> Tensor:
        """Marginal cross-entropy of leaf log-probabilities (B, L, V) at labels (B, 1, V)."""
        log_p = leaf.gather(1, torch.where(label < self.taxonomy.num_leaves, label, self.taxonomy.background))
        for v in self.taxonomy.superclasses:
            labelled = label == v
            if _may_hold(labelled):
                leaves = self.taxonomy.leaves(v)  # neighbours, as the leaves' order is depth-first
                log_p_v = leaf[:, leaves[0] : leaves[-1] + 1].logsumexp(dim=1, keepdim=True)
                log_p = torch.where(labelled, log_p_v, log_p)
        annotated = label != self.taxonomy.root
        return _mean_over_batch(-torch.where(annotated, log_p, 0), annotated)

    def dice(self, leaf: Tensor, label: Tensor) -> Tensor:
        """Marginal Dice loss of leaf log-probabilities (B, L, V) at labels (B, 1, V)."""
        p, counts = self._sums(leaf.exp(), label)
        overlap, size = (p * self.inside).sum(2), (p * self.known).sum(2) + (counts * self.inside).sum(2)
        included = counts[:, 0, :-1] > 0
        if self.batch:
            overlap, size = ((part * included).sum(0, keepdim=True) for part in (overlap, size))
            included = included.any(0, keepdim=True)
        # A term that does not count must not divide by zero either.
        term = 1 - (2 * overlap + self.smooth_nr) / torch.where(included, size + self.smooth_dr, 1)
        weight = included * self.dice_weight
        return _mean_over_batch(_weighted_mean(term, weight, dim=1), weight.any(dim=1))

    def _sums(self, p: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Sums over the voxels of each label: of p(node) (B, N-1, N) from p(leaf) (B, L, V), and of 1 (B, 1, N).

        All that Dice needs of the volume is in these, whatever the tree.
        """
        labels = torch.arange(self.taxonomy.num_nodes, device=label.device)
        with _without_autocast(p.device):
            one_hot = (label == labels[:, None]).to(p.dtype)
            by_leaf = torch.bmm(p, one_hot.mT)
            return self.membership.to(p.dtype) @ by_leaf, one_hot.sum(2)[:, None]


def _may_hold(mask: Tensor) -> bool:
    """Whether any voxel is True; on a GPU always, as reading the answer would wait for the device."""
    return mask.device.type != "cpu" or bool(mask.any())


def _without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """Matrix products in full precision: half of it is too little for sums over a volume."""
    available = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if available else nullcontext()


def _weighted_mean(values: Tensor, weight: Tensor, dim: int) -> Tensor:
    """Weighted mean, 0 where all weights are; decided without reading the weights back from the device."""
    total = weight.sum(dim)
    return (values * weight).sum(dim) / torch.where(total > 0, total, 1)


def _mean_over_batch(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of all values, 0 where all weights are.

    Where several processes share a batch, the mean of their results is the mean over the whole batch.
    """
    total = mean_over_ranks(weight.sum(dtype=values.dtype))
    return (values * weight).sum() / torch.where(total > 0, total, 1)


def _check_shapes(leaf: Tensor, target: Tensor, taxonomy: Taxonomy) -> None:
    if leaf.shape[1] != taxonomy.num_leaves:
        raise ValueError(
            f"taxonomy '{taxonomy.name}' has {taxonomy.num_leaves} leaves, but the output of shape "
            f"{tuple(leaf.shape)} has {leaf.shape[1]} channels"
        )
    if target.shape != (leaf.shape[0], 1, *leaf.shape[2:]):
        raise ValueError(
            f"target of shape {tuple(target.shape)} does not fit the output of shape {tuple(leaf.shape)}; it must be "
            "(B, 1, *spatial)"
        )
