from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from cladeseg.segmentation.losses import TreeLoss
from cladeseg.segmentation.mixing.hierarchical_mix import HierarchicalMix, MixedBatch, MixLoss
from cladeseg.segmentation.networks import HierarchicalHead, TreeOutput
from cladeseg.taxonomy import Node, Taxonomy, TaxonomyError
from cladeseg.tree_math import node_log_probs

# Nodes of the acdc tree.
RV, MYO, LV, HEART, LEFT, ROOT = 1, 2, 3, 4, 5, 6
SHAPE = (12, 12, 6)


@pytest.fixture
def two_organs() -> Taxonomy:
    """Background 0; liver 1 and tumour 2 in abdomen 5; left 3 and right 4 in lungs 6; root 7."""
    return Taxonomy(
        "organs",
        (
            Node("background", values={"x": 0}),
            Node("abdomen"),
            Node("liver", "abdomen", {"x": 1}),
            Node("tumour", "abdomen", {"x": 2}),
            Node("lungs"),
            Node("left", "lungs", {"x": 3}),
            Node("right", "lungs", {"x": 4}),
        ),
    )


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _map(fill: int, *boxes: tuple[int, tuple[slice, ...]]) -> torch.Tensor:
    """Node map (1, 1, *SHAPE) of ``fill`` with boxes of other nodes."""
    nodes = torch.full((1, 1, *SHAPE), fill, dtype=torch.uint8)
    for node, box in boxes:
        nodes[(0, 0, *box)] = node
    return nodes


def _box(x: int, y: int, *, wide: int = 4) -> tuple[slice, ...]:
    return slice(x, x + wide), slice(y, y + wide), slice(1, 5)


def _partner() -> torch.Tensor:
    """A heart whose left half is myocardium and whose right half is left ventricle."""
    return _map(0, (MYO, _box(6, 6)), (LV, (slice(8, 10), slice(6, 10), slice(1, 5))))


def _images(count: int = 1, value: float = 0.0) -> torch.Tensor:
    return torch.full((count, 1, *SHAPE), value)


def _random_case(tree: Taxonomy, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A known map of random nodes and a random pseudo label that obeys it."""
    known = torch.randint(tree.num_nodes, (2, 1, *SHAPE), generator=generator)
    odds = tree.contains[known[:, 0]].float()
    pseudo = torch.multinomial(odds.flatten(0, -2), 1, generator=generator).view(known.shape)
    return known.to(torch.uint8), pseudo.to(torch.uint8)


def test_a_matching_region_is_pasted_where_the_query_has_it(acdc_tree: Taxonomy) -> None:
    known = _map(0, (HEART, _box(1, 2)))
    mixed = HierarchicalMix(acdc_tree)(_images(), known, known, _images(value=1.0), _partner(), _generator())
    expected = _map(0, (MYO, _box(1, 2)), (LV, (slice(3, 5), slice(2, 6), slice(1, 5))))
    assert torch.equal(mixed.pasted, expected)
    assert torch.equal(mixed.base, known)
    assert torch.equal(mixed.mask, known == HEART)
    torch.testing.assert_close(mixed.image, mixed.mask.float())
    assert mixed.alpha.tolist() == [1.0]


def test_a_hole_in_the_paste_keeps_the_pseudo_label(acdc_tree: Taxonomy) -> None:
    # The published target says background in such holes (defect 3).
    known = _map(0, (HEART, _box(1, 2, wide=8)))
    pseudo = _map(0, (HEART, _box(1, 2, wide=8)), (RV, _box(1, 2, wide=1)))
    mixed = HierarchicalMix(acdc_tree, max_scale=1.0)(
        _images(), known, pseudo, _images(value=1.0), _partner(), _generator()
    )
    hole = (known == HEART) & ~mixed.mask
    assert hole.sum() == 8 * 8 * 4 - 4 * 4 * 4
    assert set(mixed.pasted[hole].tolist()) == {HEART, RV}


def test_nothing_is_pasted_outside_the_region_or_from_outside_the_partners(acdc_tree: Taxonomy) -> None:
    known = _map(0, (HEART, _box(1, 2, wide=2)))
    mixed = HierarchicalMix(acdc_tree, max_scale=1.0)(
        _images(), known, known, _images(value=1.0), _partner(), _generator()
    )
    assert torch.equal(mixed.mask, known == HEART)
    assert (mixed.image[~mixed.mask] == 0).all()


@pytest.mark.parametrize("options", [{}, {"direction": "both"}, {"max_scale": 2.0}])
def test_a_target_never_leaves_what_is_known(
    acdc_tree: Taxonomy, two_organs: Taxonomy, brats_tree: Taxonomy, options: dict[str, object]
) -> None:
    for seed, tree in enumerate((acdc_tree, two_organs, brats_tree)):
        generator = _generator(seed)
        known, pseudo = _random_case(tree, generator)
        partner = torch.randint(tree.num_leaves, (3, 1, *SHAPE), generator=generator).to(torch.uint8)
        mix = HierarchicalMix(tree, **options)  # type: ignore[arg-type]
        mixed = mix(_images(2), known, pseudo, _images(3), partner, generator)
        assert tree.contains[known.long(), mixed.pasted[:2].long()].all()
        assert mixed.mask.any()
        assert torch.equal(mixed.pasted[~mixed.mask], mixed.base[~mixed.mask])
        assert torch.equal(mixed.base[:2], pseudo)


def test_a_partner_of_two_leaves_gives_no_third(acdc_tree: Taxonomy) -> None:
    # Interpolating labels would find 2 between 1 and 3 (defect 2).
    generator = _generator()
    partner = (1 + 2 * torch.randint(2, (1, 1, *SHAPE), generator=generator)).to(torch.uint8)
    known = _map(0, (HEART, _box(1, 2, wide=7)))
    mixed = HierarchicalMix(acdc_tree, max_scale=3.0)(_images(), known, known, _images(), partner, generator)
    assert set(mixed.pasted[mixed.mask].tolist()) == {RV, LV}


def test_several_superclasses_are_matched_each_on_its_own(two_organs: Taxonomy) -> None:
    known = _map(0, (5, _box(1, 1)), (6, _box(6, 6)))
    partner = _map(0, (2, _box(7, 1)), (3, _box(1, 7)))
    mixed = HierarchicalMix(two_organs)(_images(), known, known, _images(), partner, _generator())
    assert torch.equal(mixed.pasted, _map(0, (2, _box(1, 1)), (3, _box(6, 6))))


def test_only_the_chosen_superclasses_are_pasted(two_organs: Taxonomy) -> None:
    known = _map(0, (5, _box(1, 1)), (6, _box(6, 6)))
    partner = _map(0, (2, _box(7, 1)), (3, _box(1, 7)))
    mix = HierarchicalMix(two_organs, superclasses=["lungs"])
    mixed = mix(_images(), known, known, _images(), partner, _generator())
    assert torch.equal(mixed.pasted, _map(0, (5, _box(1, 1)), (3, _box(6, 6))))


def test_a_deeper_outline_is_filled_with_its_own_leaves_only(acdc_tree: Taxonomy) -> None:
    known = _map(0, (LEFT, _box(1, 2)))
    partner = _map(0, (RV, _box(6, 2)), (LV, _box(6, 6)))
    mixed = HierarchicalMix(acdc_tree)(_images(), known, known, _images(), partner, _generator())
    assert torch.equal(mixed.pasted, _map(0, (LV, _box(1, 2))))


def test_nested_outlines_are_aligned_as_wholes(acdc_tree: Taxonomy) -> None:
    # The left heart is outlined inside the heart: the rest of the heart is aligned by the whole heart, not by itself.
    inner = (slice(1, 3), slice(2, 6), slice(1, 5))
    known = _map(0, (HEART, _box(1, 2)), (LEFT, inner))
    pseudo = _map(0, (MYO, _box(1, 2)))  # is no guide to what has been outlined
    partner = _map(0, (RV, _box(6, 6)), (LV, (slice(6, 8), slice(6, 10), slice(1, 5))))
    mixed = HierarchicalMix(acdc_tree)(_images(), known, pseudo, _images(), partner, _generator())
    assert torch.equal(mixed.pasted, _map(0, (RV, _box(1, 2)), (LV, inner)))


def test_an_unlabelled_case_is_matched_by_its_pseudo_label(acdc_tree: Taxonomy) -> None:
    known, pseudo = _map(ROOT), _map(0, (LEFT, _box(1, 2)), (RV, _box(1, 2, wide=2)))
    mixed = HierarchicalMix(acdc_tree)(_images(), known, pseudo, _images(value=1.0), _partner(), _generator())
    assert torch.equal(mixed.mask, pseudo != 0)
    assert torch.equal(mixed.pasted, _map(0, (MYO, _box(1, 2)), (LV, (slice(3, 5), slice(2, 6), slice(1, 5)))))


def test_an_unlabelled_case_of_which_the_teacher_knows_nothing_is_unchanged(acdc_tree: Taxonomy) -> None:
    known, images = _map(ROOT), torch.randn(1, 1, *SHAPE)
    mixed = HierarchicalMix(acdc_tree)(images, known, known, _images(), _partner(), _generator())
    assert torch.equal(mixed.image, images)
    assert torch.equal(mixed.pasted, known)


def test_an_empty_region_leaves_the_image_unchanged(acdc_tree: Taxonomy) -> None:
    images, heart, empty = torch.randn(1, 1, *SHAPE), _map(0, (HEART, _box(1, 2))), _map(0)
    mix = HierarchicalMix(acdc_tree, direction="both")
    for known, partner in [(empty, _partner()), (heart, empty), (empty, empty), (heart, heart)]:
        mixed = mix(images, known, known, images, partner, _generator())
        assert torch.equal(mixed.image, images.repeat(2, 1, 1, 1, 1))
        assert torch.equal(mixed.pasted, torch.cat([known, partner]))
        assert not mixed.mask.any()


def test_a_flat_tree_has_nothing_to_paste_and_says_so_by_an_empty_mask(flat_tree: Taxonomy) -> None:
    nodes = torch.randint(3, (1, 1, *SHAPE), generator=_generator())
    assert not HierarchicalMix(flat_tree)(_images(), nodes, nodes, _images(), nodes, _generator()).mask.any()


def test_blending_is_the_weighted_mean_inside_the_mask(acdc_tree: Taxonomy) -> None:
    known = _map(0, (HEART, _box(1, 2))).repeat(3, 1, 1, 1, 1)
    mix = HierarchicalMix(acdc_tree, alpha_range=(0.5, 1.0))
    mixed = mix(_images(3, value=2.0), known, known, _images(value=10.0), _partner(), _generator())
    assert ((mixed.alpha >= 0.5) & (mixed.alpha <= 1)).all()
    assert len(mixed.alpha.unique()) == 3
    for image, mask, alpha in zip(mixed.image, mixed.mask, mixed.alpha, strict=True):
        torch.testing.assert_close(image[mask], torch.full((4 * 4 * 4,), 2 + 8 * float(alpha)))
        assert (image[~mask] == 2).all()


def test_both_directions_also_paste_what_the_teacher_is_confident_of_into_the_partner(acdc_tree: Taxonomy) -> None:
    known = _map(0, (HEART, _box(1, 2)))
    pseudo = _map(0, (HEART, _box(1, 2)), (RV, (slice(1, 3), slice(2, 6), slice(1, 5))))
    mix = HierarchicalMix(acdc_tree, direction="both")
    mixed = mix(_images(), known, pseudo, _images(value=1.0), _partner(), _generator())
    assert len(mixed.image) == len(mixed.alpha) == 2
    assert torch.equal(mixed.base[1:], _partner())
    # The myocardium half of the partner becomes right ventricle; where the teacher is not confident, nothing is pasted.
    confident = (slice(6, 8), slice(6, 10), slice(1, 5))
    assert torch.equal(mixed.pasted[1:], _map(0, (LV, _box(6, 6)), (RV, confident)))
    assert torch.equal(mixed.mask[1:], _map(0, (1, confident)).bool())
    torch.testing.assert_close(mixed.image[1:], (~mixed.mask[1:]).float())


def test_the_generator_alone_decides(acdc_tree: Taxonomy) -> None:
    known = _map(0, (HEART, _box(1, 2))).repeat(4, 1, 1, 1, 1)
    partners = _partner().repeat(5, 1, 1, 1, 1)
    images = torch.arange(5.0).view(5, 1, 1, 1, 1).expand(5, 1, *SHAPE) + 1
    mix = HierarchicalMix(acdc_tree, alpha_range=(0.5, 1.0))

    def run(seed: int) -> torch.Tensor:
        return mix(_images(4), known, known, images, partners, _generator(seed)).image

    torch.manual_seed(1)
    first = run(0)
    torch.manual_seed(2)
    assert torch.equal(first, run(0))
    assert not torch.equal(first, run(1))


def test_impossible_options_are_refused(acdc_tree: Taxonomy) -> None:
    with pytest.raises(TaxonomyError, match="myocardium"):
        HierarchicalMix(acdc_tree, superclasses=["myocardium"])
    with pytest.raises(TaxonomyError, match="root"):
        HierarchicalMix(acdc_tree, superclasses=["root"])
    with pytest.raises(ValueError, match="sideways"):
        HierarchicalMix(acdc_tree, direction="sideways")
    with pytest.raises(ValueError, match="alpha_range"):
        HierarchicalMix(acdc_tree, alpha_range=(0.5, 1.5))
    with pytest.raises(ValueError, match="max_scale"):
        HierarchicalMix(acdc_tree, max_scale=0.5)
    with pytest.raises(ValueError, match="partners"):
        empty = _images(0)
        HierarchicalMix(acdc_tree)(_images(), _map(0), _map(0), empty, empty.byte(), _generator())


def test_it_pickles(acdc_tree: Taxonomy) -> None:
    mix = pickle.loads(pickle.dumps(HierarchicalMix(acdc_tree)))
    known = _map(0, (HEART, _box(1, 2)))
    assert mix(_images(), known, known, _images(), _partner(), _generator()).mask.any()


class _MarginalLoss(nn.Module):
    """-log p(node), averaged; the shortest loss on node maps."""

    def __init__(self, tree: Taxonomy) -> None:
        super().__init__()
        self.tree, self.calls = tree, 0

    def forward(self, output: TreeOutput, nodes: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return -node_log_probs(output.leaf, self.tree).gather(1, nodes.long()).mean()


@pytest.mark.parametrize("form", ["flat", "factorised"])
@pytest.mark.parametrize("alpha_range", [(1.0, 1.0), (0.5, 0.9)])
def test_the_mix_loss_reaches_every_parameter(acdc_tree: Taxonomy, form: str, alpha_range: tuple[float, float]) -> None:
    # The published code predicts the mixed image under no_grad: nothing is learnt (defect 1).
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1, bias=False), HierarchicalHead(4, acdc_tree, form=form))
    known = _map(0, (HEART, _box(1, 2)))
    mix = HierarchicalMix(acdc_tree, alpha_range=alpha_range)
    mixed = mix(torch.randn(1, 1, *SHAPE), known, known, torch.randn(1, 1, *SHAPE), _partner(), _generator())
    MixLoss(TreeLoss(acdc_tree))(network(mixed.image), mixed).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def _mixed(alpha: list[float], pasted: torch.Tensor, base: torch.Tensor) -> MixedBatch:
    return MixedBatch(_images(len(alpha)), pasted, base, torch.tensor(alpha), torch.ones_like(base, dtype=torch.bool))


def test_the_mix_loss_weighs_each_sample_by_its_own_alpha(acdc_tree: Taxonomy) -> None:
    generator = _generator()
    leaf = torch.randn(2, 4, *SHAPE, generator=generator).log_softmax(1)
    pasted, base = (torch.randint(7, (2, 1, *SHAPE), generator=generator) for _ in range(2))
    loss = _MarginalLoss(acdc_tree)
    top = torch.randn(2, 2, *SHAPE)
    value = MixLoss(loss)(TreeOutput(leaf, top), _mixed([0.25, 1.0], pasted, base))
    on_paste = [loss(TreeOutput(leaf[i, None]), pasted[i, None]) for i in range(2)]
    on_base = [loss(TreeOutput(leaf[i, None]), base[i, None]) for i in range(2)]
    torch.testing.assert_close(value, (0.25 * on_paste[0] + 0.75 * on_base[0] + on_paste[1]) / 2)


def test_hard_pastes_cost_one_loss_call(acdc_tree: Taxonomy) -> None:
    loss, nodes = _MarginalLoss(acdc_tree), _map(HEART).repeat(2, 1, 1, 1, 1)
    output = TreeOutput(torch.zeros(2, 4, *SHAPE).log_softmax(1))
    value = MixLoss(loss)(output, _mixed([1.0, 1.0], nodes, _map(0).repeat(2, 1, 1, 1, 1)))
    assert loss.calls == 1
    torch.testing.assert_close(value, -torch.tensor(0.75).log())


# ---- what is pasted fits its surroundings ----------------------------------------------------------------------------


def _disc(tree: Taxonomy, shift: int = 0) -> torch.Tensor:
    """Left ventricle round the middle, myocardium round it, on 24 × 24 × 4."""
    x, y, _ = torch.meshgrid(*(torch.arange(n) for n in (24, 24, 4)), indexing="ij")
    radius = ((x - 11 - shift) ** 2 + (y - 11) ** 2).float().sqrt()
    nodes = torch.where(radius < 4, tree.index("left_ventricle"), tree.index("myocardium"))
    return torch.where(radius < 7, nodes, tree.background)[None, None].to(torch.uint8)


def _step_at_label_borders(image: torch.Tensor, nodes: torch.Tensor) -> float:
    """Mean step of the image between in-plane neighbours with different labels."""
    steps = []
    for axis in (2, 3):
        n = image.shape[axis]
        differ = nodes.narrow(axis, 1, n - 1) != nodes.narrow(axis, 0, n - 1)
        steps.append((image.narrow(axis, 1, n - 1) - image.narrow(axis, 0, n - 1)).abs()[differ])
    return float(torch.cat(steps).mean())


def _smooth_image(gain: float, offset: float, shift: int = 0) -> torch.Tensor:
    """Brightness falls off smoothly from the middle of the disc, in the scale of one scanner."""
    x, y, _ = torch.meshgrid(*(torch.arange(n) for n in (24, 24, 4)), indexing="ij")
    return (offset + gain * torch.exp(-((x - 11 - shift) ** 2 + (y - 11) ** 2) / 60))[None, None]


def test_a_matched_and_feathered_paste_leaves_no_seam_on_label_borders(acdc_tree: Taxonomy) -> None:
    host, guest = _smooth_image(1.0, 0.0), _smooth_image(3.0, 2.0, shift=1)
    known = (_disc(acdc_tree) != 0).to(torch.uint8) * HEART
    steps = {}
    for name, options in {"hard": {}, "repaired": {"match": True, "feather": (1, 1, 0)}}.items():
        mix = HierarchicalMix(acdc_tree, **options)  # type: ignore[arg-type]
        mixed = mix(host, known, known, guest, _disc(acdc_tree, shift=1), _generator())
        steps[name] = _step_at_label_borders(mixed.image, mixed.pasted)
        assert acdc_tree.contains[known.long(), mixed.pasted.long()].all()
    real = _step_at_label_borders(guest, _disc(acdc_tree, shift=1)) / 3  # in the host's scale
    assert steps["repaired"] < 1.3 * real
    assert steps["hard"] > 2 * real


def test_a_feathered_paste_goes_on_beyond_the_border_where_both_are_outside(acdc_tree: Taxonomy) -> None:
    known = _map(0, (HEART, _box(2, 4)))
    guest = _map(0, (MYO, _box(2, 4)))
    guest[:, :, 6:10, 4:8, 1:5] = MYO  # the guest's heart goes on to one side, where the host has none
    mix = HierarchicalMix(acdc_tree, feather=(1, 1, 0), max_scale=1.0)
    mix._align = lambda s, target, source: (source.image, source.source)  # type: ignore[method-assign]
    mixed = mix(_images(), known, known, _images(value=1.0), guest, _generator())
    profile = mixed.image[0, 0, :, 6, 2]
    # Beyond the border at 1 and 2 both are outside: the paste is whole in the region's first voxel and fades outside.
    torch.testing.assert_close(profile[:3], torch.tensor([1 / 3, 2 / 3, 1.0]))
    # At 5 and 6 the two disagree: it fades from inside.
    torch.testing.assert_close(profile[4:8], torch.tensor([1.0, 2 / 3, 1 / 3, 0.0]))
    assert torch.equal(mixed.mask, known == HEART)


def test_voxels_that_are_no_image_are_neither_pasted_nor_pasted_into(acdc_tree: Taxonomy) -> None:
    known = pseudo = _map(ROOT)
    pseudo = _map(0, (LEFT, _box(1, 2)))
    valid = torch.ones_like(known, dtype=torch.bool)
    valid[:, :, :3] = False
    mix = HierarchicalMix(acdc_tree)
    mixed = mix(_images(), known, pseudo, _images(value=1.0), _partner(), _generator(), valid=valid)
    assert mixed.mask.any()
    assert not mixed.mask[~valid].any()
    nowhere = torch.zeros_like(valid)
    mixed = mix(_images(), known, pseudo, _images(value=1.0), _partner(), _generator(), partner_valid=nowhere)
    assert not mixed.mask.any()


def test_no_value_is_read_back_from_the_device(acdc_tree: Taxonomy) -> None:
    # On the meta device tensors have no values: whatever branches on one raises.
    known, images = _map(0, (HEART, _box(1, 2))).to("meta"), _images(value=1.0).to("meta")
    mix = HierarchicalMix(acdc_tree, axes="principal", match=True, feather=(1, 1, 0), direction="both")
    mixed = mix(images, known, known, images, known, _generator(), valid=known == 0, partner_valid=known == 0)
    leaf = torch.zeros(2, 4, *SHAPE, device="meta", requires_grad=True)
    MixLoss(TreeLoss(acdc_tree))(leaf.log_softmax(1), mixed).backward()
    assert mixed.image.device.type == "meta"


def test_impossible_blends_are_named(acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match="axes 'oblique'"):
        HierarchicalMix(acdc_tree, axes="oblique")
    with pytest.raises(ValueError, match="feather"):
        HierarchicalMix(acdc_tree, feather=(1, -1, 0))
