"""HierarchicalMix: paste finely labelled regions into cases of which only the superclass is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import nn

from cladeseg.segmentation.mixing.region_paste import align_region, feathered, grown, match_intensities, paste
from cladeseg.segmentation.networks.tree_output import TreeOutput
from cladeseg.segmentation.transforms.pose import AXES
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
    region_node: torch.Tensor  # (B, 1, *S): the node that says to which regions the voxel belongs; the root: to none
    source: torch.Tensor  # (B, 1, *S): what the voxel is where it is pasted; the root: it is not to be
    paste_into: torch.Tensor  # (B, 1, *S): the superclass whose paste the voxel may take; the root: none


class HierarchicalMix:
    """Mix each coarse or unlabelled case (query) with a finely labelled partner, superclass by superclass.

    For a superclass s the partner is moved so that its voxels inside s lie on the query's (centroid, bounded scaling).
    A voxel is pasted if

    * its KNOWN node is exactly s, or it is known as the root and its PSEUDO label lies inside s (of nested superclasses
      the topmost takes it, so that one organ is not made of two pastes), and
    * the moved partner's node there lies strictly below s.

    Pasted voxels get the partner's node, all others keep the pseudo label, so a voxel known to be inside s is never
    called anything outside it.  Voxels that are no image (beyond the field of view, or padding) belong to no region.

    A hard paste leaves a seam exactly on the border of a label, where it teaches the network to look for seams.  With
    ``feather`` the paste goes on beyond the border, where both images are outside the region, and fades.

    Method after Dai, Lei and Zhang (arXiv 2307.00257); the alignment, the pseudo-label nodes in the holes, several
    superclasses, any depth and the second direction are ours.

    Args:
        taxonomy: the tree.
        alpha_range: that α is drawn from, one per mixed sample; (1, 1) pastes hard.
        direction: ``"one_way"`` pastes partners into queries; ``"both"`` also pastes the query, with its pseudo labels
            strictly below s, into the partner, which keeps its own nodes elsewhere.
        max_scale: bound of the magnification along each axis, ≥ 1.
        axes: that regions are aligned along, ``"volume"`` or ``"principal"``.
        match: give what is pasted the mean and spread that the target's region has in each channel.
        feather: voxels along each axis, see :func:`~cladeseg.segmentation.mixing.region_paste.feathered`; the paste
            goes on for as many beyond the region's border.  Zeros: it ends with the source's label.
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
        axes: str = "volume",
        match: bool = False,
        feather: Sequence[int] = (0, 0, 0),
        superclasses: Sequence[str] | None = None,
    ) -> None:
        if not 0 <= alpha_range[0] <= alpha_range[1] <= 1:
            raise ValueError(f"alpha_range {tuple(alpha_range)} is not a range within 0…1")
        if direction not in {"one_way", "both"}:
            raise ValueError(f"direction '{direction}' is neither 'one_way' nor 'both'")
        if max_scale < 1:
            raise ValueError(f"max_scale {max_scale} is below 1")
        if axes not in AXES:
            raise ValueError(f"axes '{axes}' are unknown; known are {', '.join(AXES)}")
        if min(feather) < 0:
            raise ValueError(f"feather {tuple(feather)} is negative")
        self.taxonomy = taxonomy
        self.alpha_range = alpha_range
        self.direction = direction
        self.max_scale = max_scale
        self.axes, self.match, self.feather = axes, match, tuple(feather)
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
        *,
        valid: torch.Tensor | None = None,
        partner_valid: torch.Tensor | None = None,
    ) -> MixedBatch:
        """Mix a batch; a query without a matching region comes back unchanged.

        Args:
            images: float (B, C, *S) of coarse or unlabelled cases.
            nodes: integer (B, 1, *S), what is known of them.
            pseudo: integer (B, 1, *S), their pseudo labels, each the known node or inside it.
            partner_images: float (P, C, *S) of finely labelled cases.
            partner_nodes: integer (P, 1, *S).
            generator: decides the partners (drawn with replacement) and α.
            valid: bool (B, 1, *S), which voxels are image; all by default.
            partner_valid: bool (P, 1, *S), the same of the partners.

        Raises:
            ValueError: no partner, or partners of another shape than the queries.
        """
        if len(partner_images) == 0 or partner_images.shape[1:] != images.shape[1:]:
            raise ValueError(f"partners {tuple(partner_images.shape)} do not fit queries {tuple(images.shape)}")
        drawn = torch.randint(len(partner_images), (len(images),), generator=generator, device=generator.device)
        drawn = drawn.to(images.device, non_blocking=True)
        query = self._query(images, nodes, pseudo, valid)
        theirs = None if partner_valid is None else partner_valid[drawn]
        partner = self._partner(partner_images[drawn], partner_nodes[drawn].to(pseudo.dtype), theirs)
        pairs = [(query, partner), (partner, query)] if self.direction == "both" else [(query, partner)]
        mixed = [self._mix(target, source, generator) for target, source in pairs]
        return MixedBatch(*(torch.cat(parts) for parts in zip(*mixed, strict=True)))

    def _query(
        self, images: torch.Tensor, known: torch.Tensor, pseudo: torch.Tensor, valid: torch.Tensor | None
    ) -> _Case:
        unknown = known == self.taxonomy.root
        region_node = torch.where(unknown, pseudo, known)
        paste_into = torch.where(unknown, _look_up(self._topmost, pseudo), _look_up(self._exact, known))
        return _Case(images, pseudo, *self._inside(valid, region_node, pseudo, paste_into))

    def _partner(self, images: torch.Tensor, nodes: torch.Tensor, valid: torch.Tensor | None) -> _Case:
        return _Case(images, nodes, *self._inside(valid, nodes, nodes, _look_up(self._topmost, nodes)))

    def _inside(self, valid: torch.Tensor | None, *maps: torch.Tensor) -> Iterable[torch.Tensor]:
        """Node maps (B, 1, *S) that are the root where there is no image."""
        return maps if valid is None else (torch.where(valid, nodes, self.taxonomy.root) for nodes in maps)

    def _mix(self, target: _Case, source: _Case, generator: torch.Generator) -> MixedBatch:
        alpha = self._alpha(target.image, generator)
        image, pasted, mask = target.image, target.nodes, torch.zeros_like(target.nodes, dtype=torch.bool)
        for s in self.superclasses:
            takes = target.paste_into == s
            if not _may_hold(takes):
                continue
            moved_image, moved_nodes = self._align(s, target, source)
            paste_mask = takes & _look_up(self._strictly_below(s), moved_nodes)
            weight: torch.Tensor = paste_mask
            if any(self.feather):
                weight = self._weight(s, target, moved_nodes, paste_mask)
                paste_mask = paste_mask & (weight >= 0.5)
            image = paste(image, moved_image, weight, alpha)
            pasted = torch.where(paste_mask, moved_nodes, pasted)
            mask = mask | paste_mask
        return MixedBatch(image, pasted, target.nodes, alpha, mask)

    def _weight(self, s: int, target: _Case, moved_nodes: torch.Tensor, paste_mask: torch.Tensor) -> torch.Tensor:
        """Share (B, 1, *S) of the source: it goes on beyond the paste where both are outside, and fades elsewhere."""
        inside, root = self.taxonomy.contains[s], self.taxonomy.root
        outside = ~(_look_up(inside, target.region_node) | _look_up(inside, moved_nodes))
        outside = outside & (target.region_node != root) & (moved_nodes != root)
        near = grown(paste_mask, self.feather)
        return feathered((paste_mask | outside) & near, self.feather)

    def _alpha(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(B,) where the generator is, the CPU: whether a paste is hard is asked without waiting for the device."""
        low, high = self.alpha_range
        share = torch.rand(len(images), generator=generator, device=generator.device)
        return (low + (high - low) * share).to(images.dtype)

    def _align(self, s: int, target: _Case, source: _Case) -> tuple[torch.Tensor, torch.Tensor]:
        """The source's image and nodes, moved so that its region of superclass ``s`` lies on the target's."""
        inside = self.taxonomy.contains[s]
        region, source_region = _look_up(inside, target.region_node), _look_up(inside, source.region_node)
        image = source.image
        if self.match:
            image = match_intensities(image, source_region, target.image, region)
        return align_region(
            region,
            image,
            source.source,
            source_region,
            root=self.taxonomy.root,
            max_scale=self.max_scale,
            axes=self.axes,
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
    return table.to(nodes.device, non_blocking=True)[nodes.long()]


def _may_hold(mask: torch.Tensor) -> bool:
    """Whether any voxel is True; on a GPU always, as reading the answer would wait for the device."""
    return mask.device.type != "cpu" or bool(mask.any())


def _one_sample(output: TreeOutput | torch.Tensor, i: int) -> TreeOutput | torch.Tensor:
    if isinstance(output, torch.Tensor):
        return output[i : i + 1]
    return output.of_cases(slice(i, i + 1))
