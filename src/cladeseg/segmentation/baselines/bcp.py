"""Bidirectional copy-paste (Bai et al., CVPR 2023, arXiv 2305.00673), with the superclass loss added."""

from __future__ import annotations

from typing import NamedTuple

import torch
from monai.transforms import KeepLargestConnectedComponent
from torch import Tensor, nn

from cladeseg.segmentation.baselines.common import fine_and_unlabelled, hard_labels, random_box
from cladeseg.segmentation.engines import StepInput, SupervisedStep
from cladeseg.segmentation.mixing import SigmoidRamp
from cladeseg.taxonomy import Taxonomy


class Bidirectional(NamedTuple):
    """Images made of a labelled and an unlabelled part; the first half has the unlabelled part in the box.

    Attributes:
        image: float (2U, C, *S).
        true: node map (2U, 1, *S), the labels of the labelled part; the root elsewhere.
        pseudo: node map (2U, 1, *S), the pseudo labels of the unlabelled part; the root elsewhere.
    """

    image: Tensor
    true: Tensor
    pseudo: Tensor


class BcpStep:
    """Supervised loss plus the loss on images that are half labelled, half unlabelled.

    For each case without leaf labels, a box whose sides are two thirds of the volume's is cut from it and pasted into a
    labelled case, and the same box of another labelled case is pasted into it.  The labelled part is learnt from with
    weight 1, the unlabelled one, with the EMA teacher's most probable leaves, with ``pseudo_weight``.  Each part is a
    node map that is the root in the other part, so the shared loss, to which the root says nothing, is the paper's
    masked Dice and cross-entropy (except that a leaf which a part lacks has no Dice term there).

    Before ``start`` both parts are labelled: two different labelled cases of the batch, each with its own labels, as
    the paper pre-trains.  That takes batches of at least two of them.

    What differs: the paper then trains on mixed images only; we keep the supervised loss of all cases, as with every
    method.  Its batches hold as many labelled as unlabelled cases; we draw labelled partners with replacement.  Its
    teacher predicts in training mode.

    Args:
        taxonomy: the tree.
        loss: ``loss(output, nodes)`` on node maps.
        start: first step with unlabelled parts; before it labelled cases are mixed with each other.
        ramp: steps until their full weight.
        weight: the full weight.
        pseudo_weight: weight of the unlabelled part.
        box: sides of the box as a share of the volume's, in 0…1.
        largest_component: keep the largest connected component of each leaf of the pseudo labels only, as published;
            what goes becomes background, or the known node with ``respect_nodes``.
        respect_nodes: choose pseudo labels inside the known node only; the paper knows no such node.

    Raises:
        ValueError: a negative weight, start or ramp, or a box outside 0…1.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        loss: nn.Module,
        *,
        start: int = 0,
        ramp: int = 200,
        weight: float = 1.0,
        pseudo_weight: float = 0.5,
        box: float = 2 / 3,
        largest_component: bool = True,
        respect_nodes: bool = False,
    ) -> None:
        if not 0 <= box <= 1:
            raise ValueError(f"box {box} is no share of the volume's sides, between 0 and 1")
        if pseudo_weight < 0:
            raise ValueError(f"pseudo_weight {pseudo_weight} is negative")
        self.taxonomy = taxonomy
        self.loss = loss
        self.ramp = SigmoidRamp(start=start, length=ramp, maximum=weight)
        self.pseudo_weight = pseudo_weight
        self.box = box
        self.largest_component = largest_component
        self.respect_nodes = respect_nodes
        self.plain = SupervisedStep(loss)

    def __call__(self, batch: StepInput) -> dict[str, Tensor]:
        """Supervised and mix losses; the supervised one alone where there is nothing to mix."""
        fine, unlabelled = fine_and_unlabelled(batch.supervisions)
        weight = self.ramp(batch.step)
        if batch.step < self.ramp.start and len(fine) > 1 and self.ramp.maximum > 0:
            return self._learn(batch, self._mix_of_labelled(batch, fine), weight=self.ramp.maximum, second_weight=1.0)
        if not fine or not unlabelled or weight == 0:
            return self.plain(batch)
        return self._learn(batch, self._mix(batch, fine, unlabelled), weight=weight, second_weight=self.pseudo_weight)

    def _learn(
        self, batch: StepInput, mixed: Bidirectional, *, weight: float, second_weight: float
    ) -> dict[str, Tensor]:
        num = len(batch.images)
        output = batch.network(torch.cat([batch.images, mixed.image]))
        supervised, pasted = self.loss(output.of_cases(slice(num)), batch.nodes), output.of_cases(slice(num, None))
        mix = self.loss(pasted, mixed.true) + second_weight * self.loss(pasted, mixed.pseudo)
        return {"loss": supervised + weight * mix, "supervised": supervised, "unsupervised": mix}

    def _mix_of_labelled(self, batch: StepInput, fine: list[int]) -> Bidirectional:
        """Each labelled case mixed both ways with another one; ``pseudo`` holds the labels of the second part."""
        images, nodes, shape = batch.images, batch.nodes, batch.images.shape[2:]
        box = random_box(shape, [int(size * self.box) for size in shape], batch.generator).to(images.device)
        other = fine[1:] + fine[:1]
        return paste_both_ways(
            box, images[other * 2], nodes[other * 2], images[fine], nodes[fine], root=self.taxonomy.root
        )

    def _mix(self, batch: StepInput, fine: list[int], unlabelled: list[int]) -> Bidirectional:
        images, shape = batch.images, batch.images.shape[2:]
        box = random_box(shape, [int(size * self.box) for size in shape], batch.generator).to(images.device)
        drawn = torch.randint(len(fine), (2 * len(unlabelled),), generator=batch.generator)
        partners = [fine[i] for i in drawn.tolist()]
        pseudo = self.pseudo_labels(batch, unlabelled)
        return paste_both_ways(
            box, images[partners], batch.nodes[partners], images[unlabelled], pseudo, root=self.taxonomy.root
        )

    def pseudo_labels(self, batch: StepInput, unlabelled: list[int]) -> Tensor:
        """The teacher's node map (U, 1, *S) of some of the batch's cases, of the type of its nodes."""
        known = batch.nodes[unlabelled]
        (view,) = batch.teacher.predict(batch.images[unlabelled])
        label = hard_labels(view, known, self.taxonomy, respect_nodes=self.respect_nodes).nodes
        if not self.largest_component:
            return label
        specks = torch.stack([_largest_components(case, self.taxonomy) for case in label]) != label
        return torch.where(specks, known if self.respect_nodes else self.taxonomy.background, label)


def paste_both_ways(
    box: Tensor, images: Tensor, nodes: Tensor, unlabelled: Tensor, pseudo: Tensor, *, root: int
) -> Bidirectional:
    """Paste U unlabelled cases into labelled ones, and labelled ones into them, by the same box.

    Args:
        box: bool (*S).
        images: float (2U, C, *S) of labelled cases: U to paste into, then U to paste from.
        nodes: node map (2U, 1, *S) of them.
        unlabelled: float (U, C, *S).
        pseudo: node map (U, 1, *S) of them.
        root: the node that says nothing.
    """
    inside = torch.stack([box, ~box]).repeat_interleave(len(unlabelled), dim=0).unsqueeze(1)
    return Bidirectional(
        image=torch.where(inside, torch.cat([unlabelled, unlabelled]), images),
        true=torch.where(inside, root, nodes),
        pseudo=torch.where(inside, torch.cat([pseudo, pseudo]), root),
    )


def _largest_components(label: Tensor, taxonomy: Taxonomy) -> Tensor:
    """Background instead of all but each leaf's largest component in a case's labels (1, *S)."""
    leaves = [leaf for leaf in range(taxonomy.num_leaves) if leaf != taxonomy.background]
    # MONAI's transform writes into what it is given, and a 0 where a voxel is dropped: the background's index.
    keep = KeepLargestConnectedComponent(applied_labels=leaves, is_onehot=False)
    return keep(label.clone())
