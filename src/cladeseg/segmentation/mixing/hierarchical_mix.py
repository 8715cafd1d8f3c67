"""HierarchicalMix: paste finely labelled regions into cases of which only the superclass is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from cladeseg.segmentation.mixing.region_paste import align_region, paste
from cladeseg.segmentation.networks.tree_output import TreeOutput
from cladeseg.taxonomy import Taxonomy, TaxonomyError


class MixedBatch(NamedTuple):
    """Mixed images with their two targets; M is B, or 2B when both directions are mixed.

    Attributes:
        image: float (M, C, *S).
        pasted: node map (M, 1, *S), the source's nodes where it was pasted.
        base: node map (M, 1, *S) of the same cases without the paste.
        alpha: (M,) share of the source in the pasted voxels.
        mask: bool (M, 1, *S), the pasted voxels.
    """

    image: torch.Tensor
    pasted: torch.Tensor
    base: torch.Tensor
    alpha: torch.Tensor
    mask: torch.Tensor


class _Case(NamedTuple):
    """A batch of cases that give or take a paste."""

    image: torch.Tensor  # (B, C, *S)
    nodes: torch.Tensor  # (B, 1, *S): the label of each voxel
    region_node: torch.Tensor  # (B, 1, *S): the node that says to which regions the voxel belongs
    paste_into: torch.Tensor  # (B, 1, *S): the superclass whose paste the voxel may take; the root: none


class HierarchicalMix:
    """Mix each coarse or unlabelled case (query) with a finely labelled partner, superclass by superclass.

    For a superclass s the partner is moved so that its voxels inside s lie on the query's (centroid, bounded scaling).
    A voxel is pasted if

    * its KNOWN node is exactly s, or it is known as the root and its PSEUDO label lies inside s (of nested superclasses
      the topmost takes it, so that one organ is not made of two pastes), and
    * the moved partner's node there lies strictly below s.

    Pasted voxels get the partner's node, all others keep the pseudo label, so a voxel known to be inside s is never
    called anything outside it.

    Method after Dai, Lei and Zhang (arXiv 2307.00257); the alignment, the pseudo-label nodes in the holes, several
    superclasses, any depth and the second direction are ours.

    Args:
        taxonomy: the tree.
        alpha_range: that α is drawn from, one per mixed sample; (1, 1) pastes hard.
        direction: ``"one_way"`` pastes partners into queries; ``"both"`` also pastes the query, with its pseudo labels
            strictly below s, into the partner, which keeps its own nodes elsewhere.
        max_scale: bound of the magnification along each axis, ≥ 1.
        superclasses: names of the superclasses to paste; all by default.

    Raises:
        TaxonomyError: a name that is no superclass.
        ValueError: an impossible range, scale or direction.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> fine = torch.zeros(1, 1, 8, 4, 1, dtype=torch.uint8)
        >>> fine[:, :, 0:2], fine[:, :, 2:4] = tree.index("ventricle"), tree.index("myocardium")
        >>> coarse = torch.zeros_like(fine)
        >>> coarse[:, :, 3:7] = tree.index("heart")
        >>> mix = HierarchicalMix(tree)
        >>> images = torch.zeros(1, 1, 8, 4, 1)
        >>> mixed = mix(images, coarse, coarse, images + 9, fine, torch.Generator().manual_seed(0))
        >>> coarse[0, 0, :, 0, 0].tolist()
        [0, 0, 0, 3, 3, 3, 3, 0]
        >>> mixed.pasted[0, 0, :, 0, 0].tolist()  # the fine case's parts, moved into the coarse case's heart
        [0, 0, 0, 1, 1, 2, 2, 0]
        >>> mixed.image[0, 0, :, 0, 0].tolist()
        [0.0, 0.0, 0.0, 9.0, 9.0, 9.0, 9.0, 0.0]
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        alpha_range: tuple[float, float] = (1.0, 1.0),
        direction: str = "one_way",
        max_scale: float = 1.25,
        superclasses: Sequence[str] | None = None,
    ) -> None:
        if not 0 <= alpha_range[0] <= alpha_range[1] <= 1:
            raise ValueError(f"alpha_range {tuple(alpha_range)} is not a range within 0…1")
        if direction not in {"one_way", "both"}:
            raise ValueError(f"direction '{direction}' is neither 'one_way' nor 'both'")
        if max_scale < 1:
            raise ValueError(f"max_scale {max_scale} is below 1")
        self.taxonomy = taxonomy
        self.alpha_range = alpha_range
        self.direction = direction
        self.max_scale = max_scale
        self.superclasses = _superclass_indices(taxonomy, superclasses)
        # The superclass a node takes a paste of: the chosen one nearest the root above it, or only the node itself.
        above = [[u for u in taxonomy.path(v) if u in self.superclasses] for v in range(taxonomy.num_nodes)]
        self._topmost = torch.tensor([path[0] if path else taxonomy.root for path in above])
        self._exact = torch.tensor([v if v in path else taxonomy.root for v, path in enumerate(above)])

    def __call__(  # noqa: PLR0917
        self,
        images: torch.Tensor,
        nodes: torch.Tensor,
        pseudo: torch.Tensor,
        partner_images: torch.Tensor,
        partner_nodes: torch.Tensor,
        generator: torch.Generator,
    ) -> MixedBatch:
        """Mix a batch; a query without a matching region comes back unchanged.

        Args:
            images: float (B, C, *S) of coarse or unlabelled cases.
            nodes: integer (B, 1, *S), what is known of them.
            pseudo: integer (B, 1, *S), their pseudo labels, each the known node or inside it.
            partner_images: float (P, C, *S) of finely labelled cases.
            partner_nodes: integer (P, 1, *S).
            generator: decides the partners (drawn with replacement) and α.

        Raises:
            ValueError: no partner, or partners of another shape than the queries.
        """
        if len(partner_images) == 0 or partner_images.shape[1:] != images.shape[1:]:
            raise ValueError(f"partners {tuple(partner_images.shape)} do not fit queries {tuple(images.shape)}")
        drawn = torch.randint(len(partner_images), (len(images),), generator=generator, device=generator.device)
        drawn = drawn.to(images.device)
        query = self._query(images, nodes, pseudo)
        partner = self._partner(partner_images[drawn], partner_nodes[drawn].to(pseudo.dtype))
        pairs = [(query, partner), (partner, query)] if self.direction == "both" else [(query, partner)]
        mixed = [self._mix(target, source, generator) for target, source in pairs]
        return MixedBatch(*(torch.cat(parts) for parts in zip(*mixed, strict=True)))

    def _query(self, images: torch.Tensor, known: torch.Tensor, pseudo: torch.Tensor) -> _Case:
        unknown = known == self.taxonomy.root
        region_node = torch.where(unknown, pseudo, known)
        paste_into = torch.where(unknown, _look_up(self._topmost, pseudo), _look_up(self._exact, known))
        return _Case(images, pseudo, region_node, paste_into)

    def _partner(self, images: torch.Tensor, nodes: torch.Tensor) -> _Case:
        return _Case(images, nodes, nodes, _look_up(self._topmost, nodes))

    def _mix(self, target: _Case, source: _Case, generator: torch.Generator) -> MixedBatch:
        alpha = self._alpha(target.image, generator)
        image, pasted, mask = target.image, target.nodes, torch.zeros_like(target.nodes, dtype=torch.bool)
        for s in self.superclasses:
            takes = target.paste_into == s
            if not bool(takes.any()):
                continue
            moved_image, moved_nodes = self._align(s, target, source)
            paste_mask = takes & _look_up(self._strictly_below(s), moved_nodes)
            image = paste(image, moved_image, paste_mask, alpha)
            pasted = torch.where(paste_mask, moved_nodes, pasted)
            mask = mask | paste_mask
        return MixedBatch(image, pasted, target.nodes, alpha, mask)

    def _alpha(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        low, high = self.alpha_range
        share = torch.rand(len(images), generator=generator, device=generator.device)
        return (low + (high - low) * share).to(images)

    def _align(self, s: int, target: _Case, source: _Case) -> tuple[torch.Tensor, torch.Tensor]:
        """The source's image and nodes, moved so that its region of superclass ``s`` lies on the target's."""
        inside = self.taxonomy.contains[s]
        return align_region(
            _look_up(inside, target.region_node),
            source.image,
            source.nodes,
            _look_up(inside, source.region_node),
            root=self.taxonomy.root,
            max_scale=self.max_scale,
        )

    def _strictly_below(self, s: int) -> torch.Tensor:
        """Bool (N,): the nodes below superclass ``s``."""
        nodes = torch.arange(self.taxonomy.num_nodes)
        return self.taxonomy.contains[s] & (nodes != s)


class MixLoss(nn.Module):
    """α · loss(output, pasted) + (1 - α) · loss(output, base), for each sample with its own α.

    Hard pastes (every α is 1) are one call on the whole batch; blended ones are the mean over samples.

    Args:
        loss: takes the network's output and a node map (M, 1, *S), returns a number.

    Example:
        >>> from cladeseg.segmentation.losses import TreeLoss
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> sure = torch.tensor([[1e-6, 1 - 2e-6, 1e-6]]).log().view(1, 3, 1, 1, 1)  # ventricle
        >>> one = torch.ones(1, 1, 1, 1, 1, dtype=torch.long)
        >>> mixed = MixedBatch(one.float(), pasted=one, base=2 * one, alpha=torch.ones(1), mask=one == 1)
        >>> round(MixLoss(TreeLoss(tree, lambda_dice=0))(sure, mixed).item(), 3)  # a hard paste asks for its node alone
        0.0
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, output: TreeOutput | torch.Tensor, mixed: MixedBatch) -> torch.Tensor:
        """Loss of what the network says about ``mixed.image``, predicted with gradient."""
        if bool((mixed.alpha == 1).all()):
            return self.loss(output, mixed.pasted)
        losses = []
        for i, alpha in enumerate(mixed.alpha):
            sample, one = _one_sample(output, i), slice(i, i + 1)
            losses.append(
                alpha * self.loss(sample, mixed.pasted[one]) + (1 - alpha) * self.loss(sample, mixed.base[one])
            )
        return torch.stack(losses).mean()


def _superclass_indices(taxonomy: Taxonomy, names: Sequence[str] | None) -> tuple[int, ...]:
    """Chosen superclasses, parents before children."""
    chosen = taxonomy.superclasses if names is None else [taxonomy.index(name) for name in names]
    for v in chosen:
        if v not in taxonomy.superclasses:
            raise TaxonomyError(f"'{taxonomy.names[v]}' is no superclass: nothing can be pasted inside it")
    return tuple(sorted(set(chosen)))


def _look_up(table: torch.Tensor, nodes: torch.Tensor) -> torch.Tensor:
    """Replace each node by its entry of ``table`` (N,)."""
    return table.to(nodes.device)[nodes.long()]


def _one_sample(output: TreeOutput | torch.Tensor, i: int) -> TreeOutput | torch.Tensor:
    if isinstance(output, torch.Tensor):
        return output[i : i + 1]
    return output.of_cases(slice(i, i + 1))
