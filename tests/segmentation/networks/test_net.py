"""The whole network as a bundle config builds it; one contract for every option."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import pytest
import torch
from monai.data import MetaTensor, list_data_collate

from cladeseg.segmentation.losses import build_loss
from cladeseg.segmentation.networks import HierarchicalNet, TreeOutput, build_network
from cladeseg.taxonomy import Taxonomy

OPTIONS = [
    {"head": head, "prior": prior, "separate_norm": separate}
    for head, prior, separate in itertools.product(("flat", "factorised", "two_head"), (False, True), (False, True))
]


def small_net(tree: Taxonomy, **options: Any) -> HierarchicalNet:
    size = {"filters": [4, 6, 8], "kernels": [[3, 3, 1], 3, 3], "strides": [1, [2, 2, 1], 2], "seed": 0}
    return build_network(tree, **{**size, **options})


def batch(tree: Taxonomy) -> tuple[torch.Tensor, torch.Tensor]:
    """A finely labelled, a coarsely labelled and an unlabelled case."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(3, 1, 8, 8, 4, generator=generator)
    fine = torch.randint(tree.num_leaves, (3, 1, 8, 8, 4), generator=generator)
    label = torch.stack([tree.collapse_table(s)[f] for s, f in zip(("fine", "heart", "unlabelled"), fine, strict=True)])
    return image, label.to(torch.uint8)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_trains_a_step_on_a_mixed_batch(options: dict[str, Any], acdc_tree: Taxonomy) -> None:
    net, (image, label) = small_net(acdc_tree, **options), batch(acdc_tree)
    loss_function = build_loss(acdc_tree, head=options["head"])
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-3)
    before = loss_function(net(image), label)
    before.backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    optimiser.step()
    assert loss_function(net(image), label) < before


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_training_gives_a_tree_output_and_eval_its_leaves(options: dict[str, Any], acdc_tree: Taxonomy) -> None:
    net, (image, _) = small_net(acdc_tree, **options), batch(acdc_tree)
    output = net(image)
    assert isinstance(output, TreeOutput)
    assert (output.top is not None) == (options["head"] == "two_head")
    leaf = net.eval()(image)
    assert type(leaf) is torch.Tensor
    assert torch.equal(leaf, output.leaf)  # instance norm: both modes compute the same


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_weights_and_the_whole_network_survive_storage(options: dict[str, Any], acdc_tree: Taxonomy) -> None:
    net, (image, _) = small_net(acdc_tree, **options).eval(), batch(acdc_tree)
    other = small_net(acdc_tree, **options, seed=1)
    assert not torch.equal(other.eval()(image), net(image))
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(image), net(image))
    assert torch.equal(pickle.loads(pickle.dumps(net))(image), net(image))


@pytest.mark.parametrize("head", ["flat", "two_head"])
def test_bfloat16_autocast_gives_float32_log_probabilities_and_a_finite_loss(head: str, acdc_tree: Taxonomy) -> None:
    net, (image, label) = small_net(acdc_tree, head=head), batch(acdc_tree)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = net(image)
        loss = build_loss(acdc_tree, head=head)(output, label)
    assert output.leaf.dtype == loss.dtype == torch.float32
    loss.backward()
    assert loss.isfinite() and all(p.grad.isfinite().all() for p in net.parameters())


def test_under_autocast_a_branch_works_in_bfloat16_to_its_end(acdc_tree: Taxonomy) -> None:
    net, (image, _) = small_net(acdc_tree), batch(acdc_tree)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = net.head.branch_scores(net.backbone(image))
    assert {logits.dtype for logits in scores.values()} == {torch.bfloat16}


def test_a_seed_fixes_the_weights_and_leaves_the_global_generator_alone(acdc_tree: Taxonomy) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = small_net(acdc_tree)
    assert torch.equal(torch.rand(3), expected)
    second = small_net(acdc_tree)
    other = small_net(acdc_tree, seed=1)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_heads_under_one_seed_start_from_one_backbone(acdc_tree: Taxonomy) -> None:
    ours, theirs = small_net(acdc_tree).backbone, small_net(acdc_tree, head="two_head").backbone
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_without_a_seed_the_global_generator_decides(acdc_tree: Taxonomy) -> None:
    torch.manual_seed(3)
    first = small_net(acdc_tree, seed=None)
    torch.manual_seed(3)
    second = small_net(acdc_tree, seed=None)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_a_size_that_the_strides_do_not_divide_is_refused_with_both(acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match=r"size \(8, 10, 3\).*divisor \(4, 4, 2\)"):
        small_net(acdc_tree)(torch.zeros(1, 1, 8, 10, 3))


def test_an_image_without_a_batch_axis_is_refused(acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match=r"size \(8, 4\)"):
        small_net(acdc_tree)(torch.zeros(1, 8, 8, 4))


def test_several_modalities_go_in(brats_tree: Taxonomy) -> None:
    net = small_net(brats_tree, in_channels=4, backbone="unet", kernels=[3, 3, 3])
    assert net.eval()(torch.randn(1, 4, 8, 8, 4)).shape == (1, 4, 8, 8, 4)


def test_collated_meta_tensors_go_through_network_and_loss(acdc_tree: Taxonomy) -> None:
    image, label = batch(acdc_tree)
    items = [{"image": MetaTensor(i), "label": MetaTensor(t)} for i, t in zip(image, label, strict=True)]
    collated = list_data_collate(items)
    for head in ("flat", "two_head"):
        net = small_net(acdc_tree, head=head)
        loss = build_loss(acdc_tree, head=head)
        torch.testing.assert_close(
            loss(net(collated["image"]), collated["label"]), loss(net(image), label), check_dtype=True
        )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"head": "three_head"}, "'head' is 'three_head'.*'flat', 'factorised', 'two_head'"),
        ({"prior": "off"}, "'prior' is 'off'; it must be one of True, False"),
        ({"backbone": "resnet"}, "'backbone' is 'resnet'.*'dynunet', 'unet'"),
        ({"norm": "layer"}, "'norm' is 'layer'"),
    ],
)
def test_a_wrong_option_is_named_with_its_choices(wrong: dict[str, Any], message: str, acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match=message):
        small_net(acdc_tree, **wrong)
