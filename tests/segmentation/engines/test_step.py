"""The training methods: where the gradient goes, and what happens when there is nothing to mix."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_training import SUPERVISIONS, Balls, tiny_net
from torch import nn

from cladeseg.segmentation.engines import (
    HierarchicalMixStep,
    MixInPlaceStep,
    RegionMixer,
    StepInput,
    SupervisedStep,
    build_step,
    step_generator,
)
from cladeseg.segmentation.losses import build_loss
from cladeseg.segmentation.mixing import EmaTeacher, HierarchicalMix, PseudoLabeller, SigmoidRamp
from cladeseg.segmentation.networks import build_network
from cladeseg.taxonomy import Taxonomy

FINE, COARSE, UNLABELLED = 0, 2, 4


def tiny_hierarchical(tree: Taxonomy, **options: Any) -> nn.Module:
    kernels, strides = [[3, 3, 1], [3, 3, 3], [3, 3, 3]], [[1, 1, 1], [2, 2, 1], [2, 2, 2]]
    return build_network(tree, filters=[4, 4, 8], kernels=kernels, strides=strides, seed=0, **options)


def batch(tree: Taxonomy, cases: tuple[int, ...], *, network: nn.Module | None = None, step: int = 0) -> StepInput:
    network = tiny_net(tree) if network is None else network
    samples = [Balls(tree)[i, 11 + i] for i in cases]
    return StepInput(
        images=torch.stack([sample["image"] for sample in samples]),
        nodes=(nodes := torch.stack([sample["nodes"] for sample in samples])),
        propagated=nodes,
        supervisions=[SUPERVISIONS[i] for i in cases],
        array_axes=torch.stack([sample["array_axes"] for sample in samples]),
        network=network.train(),
        teacher=EmaTeacher(network),
        step=step,
        generator=step_generator(0, step),
    )


def mix_step(tree: Taxonomy, *, weight: float = 1.0, start: int = 0, **options: Any) -> HierarchicalMixStep:
    step = build_step(tree, build_loss(tree), ramp=0, threshold=0.3, weight=weight, start=start, **options)
    assert isinstance(step, HierarchicalMixStep)
    return step


class CountCalls(nn.Module):
    """Passes everything on to a network and remembers how many images each call had."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.sizes: list[int] = []

    def forward(self, images: torch.Tensor) -> Any:
        self.sizes.append(len(images))
        return self.network(images)


# ---- supervised ------------------------------------------------------------------------------------------------------


def test_the_supervised_step_is_the_loss_of_the_batch(acdc_tree):
    given, loss = batch(acdc_tree, (FINE, COARSE, UNLABELLED)), build_loss(acdc_tree)
    losses = SupervisedStep(loss)(given)
    assert set(losses) == {"loss"}
    torch.testing.assert_close(losses["loss"], loss(given.network(given.images), given.nodes))


# ---- mixing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["flat", "factorised", "two_head"])
def test_the_mix_loss_reaches_every_parameter_of_the_student_and_none_of_the_teacher(acdc_tree, head):
    """The published code predicts mixed images under no_grad and learns nothing from them."""
    given = batch(acdc_tree, (FINE, 1, COARSE, UNLABELLED), network=tiny_hierarchical(acdc_tree, head=head))
    step = build_step(acdc_tree, build_loss(acdc_tree, head=head), ramp=0, threshold=0.3)
    step(given)["mix"].backward()
    assert [name for name, p in given.network.named_parameters() if p.grad is None or not p.grad.any()] == []
    assert all(p.grad is None and not p.requires_grad for p in given.teacher.network.parameters())


def test_the_total_is_supervised_plus_weighted_mix_loss(acdc_tree):
    given = batch(acdc_tree, (FINE, COARSE))
    losses = mix_step(acdc_tree, weight=0.25)(given)
    assert set(losses) == {"loss", "supervised", "mix"}
    torch.testing.assert_close(losses["loss"], losses["supervised"] + 0.25 * losses["mix"])
    assert losses["mix"] > 0


def test_the_supervised_part_is_that_of_the_batch_without_mixing(acdc_tree):
    given, loss = batch(acdc_tree, (COARSE, FINE, UNLABELLED)), build_loss(acdc_tree)
    plain = SupervisedStep(loss)(given)["loss"]
    torch.testing.assert_close(mix_step(acdc_tree)(given)["supervised"], plain)


def test_the_mix_loss_is_that_of_the_mixed_images(acdc_tree):
    """One way, threshold 1: the target is the known node with the partner's leaves pasted in."""
    given, loss = batch(acdc_tree, (FINE, COARSE)), build_loss(acdc_tree)
    mix, labeller = HierarchicalMix(acdc_tree), PseudoLabeller(acdc_tree, threshold=1.0)
    measured = HierarchicalMixStep(loss, RegionMixer(mix, labeller), SigmoidRamp(length=0))(given)["mix"]
    (fine_image, coarse_image), (fine_nodes, coarse_nodes) = given.images.split(1), given.nodes.split(1)
    mixed = mix(coarse_image, coarse_nodes, coarse_nodes, fine_image, fine_nodes, step_generator(0, 0))
    assert mixed.mask.any()
    torch.testing.assert_close(measured, loss(given.network(mixed.image), mixed.pasted))


@pytest.mark.parametrize(("direction", "images"), [("one_way", 3 + 2), ("both", 3 + 4)])
def test_plain_and_mixed_images_pass_in_one_call(acdc_tree, direction, images):
    given = batch(acdc_tree, (FINE, COARSE, UNLABELLED))
    given = given._replace(network=CountCalls(given.network).train())
    mix_step(acdc_tree, direction=direction)(given)
    assert given.network.sizes == [images]


def test_the_independent_superclass_head_is_cut_like_the_leaves(acdc_tree):
    given = batch(acdc_tree, (FINE, COARSE), network=tiny_hierarchical(acdc_tree, head="two_head"))
    loss = build_loss(acdc_tree, head="two_head")
    losses = build_step(acdc_tree, loss, ramp=0)(given)
    torch.testing.assert_close(losses["supervised"], SupervisedStep(loss)(given)["loss"])


@pytest.mark.parametrize(
    ("cases", "options"),
    [
        ((FINE, 1), {}),
        ((COARSE, UNLABELLED), {}),
        ((FINE, COARSE), {"weight": 0.0}),
        ((FINE, COARSE), {"start": 1}),
    ],
    ids=["only fine", "no fine", "weight 0", "before the start"],
)
def test_with_nothing_to_mix_it_is_the_supervised_step(acdc_tree, cases, options):
    given = batch(acdc_tree, cases)
    given = given._replace(network=CountCalls(given.network).train())
    losses = mix_step(acdc_tree, **options)(given)
    assert set(losses) == {"loss"}
    torch.testing.assert_close(losses["loss"], SupervisedStep(build_loss(acdc_tree))(given)["loss"])
    assert given.network.sizes[0] == len(cases)


def test_the_start_counts_optimiser_steps(acdc_tree):
    assert "mix" not in mix_step(acdc_tree, start=3)(batch(acdc_tree, (FINE, COARSE), step=2))
    assert "mix" in mix_step(acdc_tree, start=3)(batch(acdc_tree, (FINE, COARSE), step=3))


def test_the_generator_decides_everything_random(acdc_tree):
    losses = []
    for number in (0, 0, 1):
        given = batch(acdc_tree, (FINE, 1, COARSE, UNLABELLED))._replace(generator=step_generator(5, number))
        losses.append(mix_step(acdc_tree, alpha_range=(0.2, 0.9))(given)["mix"].item())
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("head", ["flat", "factorised", "two_head"])
def test_bfloat16_gives_finite_losses_and_gradients(acdc_tree, head):
    given = batch(acdc_tree, (FINE, COARSE, UNLABELLED), network=tiny_hierarchical(acdc_tree, head=head))
    step = build_step(acdc_tree, build_loss(acdc_tree, head=head), ramp=0, threshold=0.3)
    exact = step(given)["loss"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = step(given._replace(generator=step_generator(0, 0)))
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    torch.testing.assert_close(losses["loss"], exact, rtol=0.05, atol=0.05)
    losses["loss"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in given.network.parameters())


# ---- what is no image ------------------------------------------------------------------------------------------------


def test_padding_of_an_unlabelled_case_is_neither_labelled_nor_pasted_into(acdc_tree):
    """The teacher is sure of a heart everywhere, padding included."""
    given = batch(acdc_tree, (FINE, UNLABELLED))
    valid = torch.ones_like(given.nodes, dtype=torch.bool)
    valid[1, :, :4] = False
    sure = torch.full((1, acdc_tree.num_leaves, *given.images.shape[2:]), -20.0)
    sure[:, acdc_tree.index("myocardium")] = 0.0
    given.teacher.predict = lambda images, views, axes: [sure]
    mixer = mix_step(acdc_tree).mixer
    mixed = mixer(given._replace(valid=valid), [0], [1])
    for target in (mixed.base[:1], mixed.pasted[:1]):
        assert (target[:, :, :4] == acdc_tree.root).all()
        assert (target[:, :, 4:] != acdc_tree.root).all()
    assert torch.equal(mixed.image[:1, :, :4], given.images[1:, :, :4])


# ---- in the place of coarse cases ------------------------------------------------------------------------------------


def in_place_step(tree: Taxonomy, **options: Any) -> MixInPlaceStep:
    step = build_step(tree, build_loss(tree), in_place=True, ramp=0, threshold=1.0, **options, direction="one_way")
    assert isinstance(step, MixInPlaceStep)
    return step


def test_mixed_cases_take_the_place_of_coarse_ones(acdc_tree):
    given = batch(acdc_tree, (FINE, COARSE, UNLABELLED))
    prepared = in_place_step(acdc_tree, flips=[]).prepare(given)
    assert len(prepared.images) == len(given.images)
    assert torch.equal(prepared.images[0], given.images[0])
    assert torch.equal(prepared.propagated[0], given.propagated[0])
    heart = given.nodes[1] == acdc_tree.index("heart")
    assert (prepared.propagated[1][heart] != acdc_tree.index("heart")).float().mean() > 0.5
    assert torch.equal(prepared.nodes, given.nodes)


def test_a_step_in_place_passes_no_more_images_than_a_plain_one(acdc_tree):
    given = batch(acdc_tree, (FINE, COARSE, UNLABELLED))
    given = given._replace(network=CountCalls(given.network).train())
    step = in_place_step(acdc_tree, flips=[])
    step(step.prepare(given))["loss"].backward()
    assert given.network.sizes == [3]


def test_the_weight_is_the_share_of_coarse_cases_that_is_mixed(acdc_tree):
    mixed = 0
    for number in range(40):
        given = batch(acdc_tree, (FINE, COARSE), step=number)
        prepared = in_place_step(acdc_tree, weight=0.25, flips=[]).prepare(given)
        mixed += not torch.equal(prepared.images, given.images)
    assert 4 <= mixed <= 17


def test_before_the_start_and_without_partners_the_batch_is_what_it_was(acdc_tree):
    for cases, options in (((FINE, COARSE), {"start": 1}), ((COARSE, UNLABELLED), {}), ((FINE, 1), {})):
        given = batch(acdc_tree, cases)
        prepared = in_place_step(acdc_tree, **options).prepare(given)
        assert prepared.images is given.images
        assert prepared.propagated is given.propagated


@pytest.mark.parametrize("options", [{"direction": "both"}, {"direction": "one_way", "alpha_range": (0.5, 1.0)}])
def test_in_place_is_one_way_and_hard(acdc_tree, options):
    with pytest.raises(ValueError, match="in place needs direction 'one_way'"):
        build_step(acdc_tree, build_loss(acdc_tree), in_place=True, **options)
