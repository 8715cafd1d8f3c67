"""What is learnt from views, how gradients are balanced, and when features have collapsed."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_pretraining import NETWORK, generator, images, network, seen_by, views_of

from cladeseg.pretraining.losses import MultiViewLoss, Places
from cladeseg.pretraining.tasks import (
    LOSSES,
    CollapseError,
    MaskedReconstruction,
    PlaceContrast,
    PretrainingStep,
    StopOnCollapse,
    SuperclassSegmentation,
    alignment,
    build_contrast_loss,
    effective_rank,
    projected_gradients,
    restored_views,
    surgery,
    uniformity,
)
from cladeseg.pretraining.views import MakeViews
from cladeseg.segmentation.engines import StepInput
from cladeseg.segmentation.mixing import EmaTeacher
from cladeseg.segmentation.networks import build_network
from cladeseg.taxonomy import Node, Taxonomy

TREE = Taxonomy(
    "heart",
    (Node("background", values={"x": 0}), Node("heart"), Node("v", "heart", {"x": 1}), Node("m", "heart", {"x": 2})),
)


def outlined() -> torch.Tensor:
    """Node maps of three cases: the superclass in one half of the region, background in the other."""
    nodes = torch.full((3, 1, 10, 10, 10), TREE.background, dtype=torch.uint8)
    nodes[:, :, 5:] = TREE.index("heart")
    return nodes


# ---- network ---------------------------------------------------------------------------------------------------------


def test_the_backbone_is_that_of_the_segmentation_network() -> None:
    """Names, shapes and, under one seed, values."""
    own = network(seed=3).backbone.state_dict()
    other = build_network(TREE, **NETWORK, seed=3).backbone.state_dict()
    assert list(own) == list(other)
    assert all(torch.equal(own[name], other[name]) for name in own)


def test_a_modalitys_stem_is_its_slice_of_the_first_convolution() -> None:
    """Without one modality, the other modality's stem alone decides."""
    net, alone = network().eval(), images()[..., :8, :8, :8]
    alone[:, 1] = 0
    before = net(alone)
    stem = next(value for value in net.backbone.parameters() if value.ndim == 5 and value.shape[1] == 2)
    with torch.no_grad():
        stem[:, 1] += 5
    torch.testing.assert_close(net(alone), before)
    with torch.no_grad():
        stem[:, 0] += 5
    assert not torch.allclose(net(alone), before)


# ---- contrast --------------------------------------------------------------------------------------------------------


def test_contrast_is_the_loss_of_the_features_at_the_places() -> None:
    views, net = views_of(images()), network()
    seen = seen_by(views, net)
    task = PlaceContrast(MultiViewLoss(0.1), min_distance=3.0)
    picked = [
        torch.stack([seen.features[(v, b, slice(None), *views.in_view[v, b, p])] for b in range(3) for p in range(6)])
        for v in range(2)
    ]
    places = Places(torch.arange(3).repeat_interleave(6), views.places.flatten(0, 1).float(), 3.0)
    torch.testing.assert_close(task(seen), MultiViewLoss(0.1)(net.project(torch.stack(picked)), None, places))


def test_places_of_a_missing_view_are_dropped_and_counted() -> None:
    batch = images()
    batch[1] = 0
    task = PlaceContrast(MultiViewLoss(0.1))
    assert torch.isfinite(task(seen_by(views_of(batch), network())))
    assert task.skipped == 6


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_reaches_the_backbone(name: str) -> None:
    loss = build_contrast_loss(name, temperature=0.1, taxonomy=TREE, features=8, queue=32)
    net, task = network(), PlaceContrast(loss, min_distance=1.0)
    for seed in range(2):  # the first step of a queue teaches nothing
        value = task(seen_by(views_of(images(), outlined(), seed=seed), net))
    value.backward()
    gradients = [p.grad for p in net.backbone.parameters() if p.grad is not None]
    assert torch.isfinite(value)
    assert sum(float(grad.abs().sum()) for grad in gradients) > 0


# ---- reconstruction --------------------------------------------------------------------------------------------------


def test_only_hidden_voxels_are_restored() -> None:
    views, net = views_of(images(), mask_ratio=0.5), network()
    seen = seen_by(views, net)
    restored = restored_views(seen)
    distance = (restored - views.targets).abs()
    expected = torch.where(distance < 1, distance.square() / 2, distance - 0.5)[views.hidden].mean()
    torch.testing.assert_close(MaskedReconstruction()(seen), expected)


def test_nothing_hidden_costs_nothing() -> None:
    value = MaskedReconstruction()(seen_by(views_of(images(), mask_ratio=0.0, modality_dropout=0.0), network()))
    assert value.item() == 0


def test_a_dropped_modality_is_restored_from_the_other() -> None:
    views = views_of(images(), mask_ratio=0.0, modality_dropout=1.0, views=8)
    assert bool((views.hidden.flatten(3).all(3) == ~views.shown).all())


# ---- superclasses ----------------------------------------------------------------------------------------------------


def test_superclasses_are_learnt_where_there_are_outlines() -> None:
    net = network(taxonomy=TREE)
    nothing = torch.full((3, 1, 10, 10, 10), TREE.root, dtype=torch.uint8)
    task = SuperclassSegmentation(TREE)
    assert task(seen_by(views_of(images(), outlined()), net)).item() > 0
    assert task(seen_by(views_of(images(), nothing), net)).item() == 0


def test_leaves_are_not_told_apart() -> None:
    net, task = network(taxonomy=TREE), SuperclassSegmentation(TREE)
    fine = outlined()
    fine[fine == TREE.index("heart")] = TREE.index("v")
    losses = [task(seen_by(views_of(images(), nodes), net)) for nodes in (fine, outlined())]
    torch.testing.assert_close(*losses)


# ---- balance ---------------------------------------------------------------------------------------------------------


def test_gradients_that_agree_are_summed() -> None:
    one, other = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0])
    torch.testing.assert_close(projected_gradients([one, other], [[1], [0]]), one + other)


def test_a_gradient_loses_its_part_against_another() -> None:
    one, other = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])
    combined = projected_gradients([one, other], [[1], [0]])
    torch.testing.assert_close(combined, torch.tensor([0.5, 0.5]) + torch.tensor([0.0, 1.0]))
    assert combined @ one >= 0
    assert combined @ other >= 0


def test_surgery_keeps_the_value_and_each_heads_own_gradient() -> None:
    weight, heads = torch.tensor([2.0, 1.0], requires_grad=True), torch.tensor([1.0, 3.0], requires_grad=True)
    features = weight * torch.tensor([1.0, -1.0])
    shared = features.detach().requires_grad_()
    losses = {"a": heads[0] * shared[0], "b": heads[1] * (shared[1] - shared[0])}
    total = surgery(losses, shared, features, generator())
    assert total.item() == pytest.approx(sum(value.item() for value in losses.values()))
    total.backward()
    assert heads.grad is not None
    assert heads.grad.tolist() == [2.0, -3.0]
    # Gradients of the features: (1, 0) and (-3, 3) conflict.
    combined = projected_gradients([torch.tensor([1.0, 0.0]), torch.tensor([-3.0, 3.0])], [[1], [0]])
    torch.testing.assert_close(weight.grad, combined * torch.tensor([1.0, -1.0]))


# ---- diagnostics -----------------------------------------------------------------------------------------------------


def test_diagnostics_have_their_closed_forms() -> None:
    assert alignment(torch.eye(3), 2 * torch.eye(3)).item() == pytest.approx(0)
    opposite = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert uniformity(opposite).item() == pytest.approx(-8.0)  # one pair at squared distance 4
    assert effective_rank(opposite).item() == pytest.approx(1.0)
    square = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert effective_rank(square).item() == pytest.approx(2.0)
    assert effective_rank(torch.ones(4, 3)).item() == pytest.approx(1.0, abs=1e-3)


def test_a_collapse_ends_the_run_with_a_message() -> None:
    handler = StopOnCollapse(1.5, "R")
    engine: Any = SimpleNamespace(state=SimpleNamespace(epoch=7, epoch_losses={"effective_rank": 1.2}))
    with pytest.raises(CollapseError, match=r"^R: the features have collapsed in epoch 7.*1\.20.*lower"):
        handler._check(engine)
    engine.state.epoch_losses = {"effective_rank": 1.6}
    handler._check(engine)
    engine.state.epoch_losses = {}
    handler._check(engine)


# ---- step ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("balance", ["sum", "pcgrad"])
def test_a_step_adds_weighted_tasks_and_diagnoses(balance: str) -> None:
    net = network()
    batch = StepInput(
        images=images(),
        nodes=outlined(),
        propagated=outlined(),
        supervisions=["unlabelled"] * 3,
        array_axes=torch.arange(3).expand(3, 3),
        network=net,
        teacher=EmaTeacher(net),
        step=0,
        generator=generator(),
    )
    tasks = {"contrast": (PlaceContrast(MultiViewLoss(0.1)), 0.5), "reconstruction": (MaskedReconstruction(), 2.0)}
    maker = MakeViews(size=(8, 8, 8), points=6, mask_ratio=0.5, block=(4, 4, 4))
    losses = PretrainingStep(maker, tasks, balance=balance)(batch)
    torch.testing.assert_close(losses["loss"], losses["contrast"] + losses["reconstruction"])
    losses["loss"].backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in net.parameters())
    assert {"alignment", "uniformity", "effective_rank", "missing_views", "skipped_anchors"} <= set(losses)
    assert all(math.isfinite(float(value.detach())) for value in losses.values())


def test_no_task_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to learn"):
        PretrainingStep(MakeViews(size=(8, 8, 8)), {})


def test_the_queue_is_part_of_the_state() -> None:
    loss = build_contrast_loss("mask_con", temperature=0.1, taxonomy=TREE, features=8, queue=32)
    step = PretrainingStep(MakeViews(size=(8, 8, 8)), {"contrast": (PlaceContrast(loss), 1.0)})
    assert {"queue", "queue_labels", "position"} <= set(step.state_dict())
    step.load_state_dict(step.state_dict())
