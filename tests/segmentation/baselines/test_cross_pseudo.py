"""Two networks that start apart and teach each other."""

from __future__ import annotations

import copy

import torch
from tiny_batches import batch_of, tiny_net
from torch.nn.functional import cross_entropy

from cladeseg.segmentation.baselines import CrossPseudoStep
from cladeseg.segmentation.baselines.cross_pseudo import redrawn
from cladeseg.segmentation.losses import build_loss


def step_of(tree, network, **options):
    return CrossPseudoStep(tree, build_loss(tree), network=network, ramp=0, **options)


def test_each_network_learns_the_most_probable_leaves_of_the_other(acdc_tree):
    given = batch_of(acdc_tree, "fine", "heart", "unlabelled")
    step = step_of(acdc_tree, given.network, seed=1)
    losses = step(given)
    one, two = (net(given.images[1:]).leaf for net in (given.network, step.second))
    torch.testing.assert_close(
        losses["unsupervised"], cross_entropy(one, two.argmax(1)) + cross_entropy(two, one.argmax(1))
    )
    torch.testing.assert_close(losses["second"], build_loss(acdc_tree)(step.second(given.images), given.nodes))


def test_respected_nodes_change_the_labels(acdc_tree):
    given = batch_of(acdc_tree, "fine", "heart")
    free, bound = (step_of(acdc_tree, given.network, respect_nodes=r)(given)["unsupervised"] for r in (False, True))
    assert free != bound


def test_redrawn_weights_are_others_of_the_same_distribution(acdc_tree):
    network = tiny_net(acdc_tree)
    before = copy.deepcopy(network.state_dict())
    other = redrawn(network, 3)
    for (name, mine), theirs in zip(network.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(mine.flatten().sort().values, theirs.flatten().sort().values)
        assert mine.ndim == 1 or not torch.equal(mine, theirs), name
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())
    assert all(p.requires_grad and p.is_leaf for p in other.parameters())


def test_the_seed_decides_the_second_network_whatever_the_global_generator(acdc_tree):
    network, weights = tiny_net(acdc_tree), []
    for seed in (1, 1, 2):
        torch.manual_seed(len(weights))
        weights.append(torch.cat([p.detach().flatten() for p in redrawn(network, seed).parameters()]))
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_the_state_brings_the_second_network_back(acdc_tree):
    network = tiny_net(acdc_tree)
    old, new = (step_of(acdc_tree, network, seed=seed) for seed in (1, 2))
    new.load_state_dict(copy.deepcopy(old.state_dict()))
    pairs = list(zip(old.parameters(), new.parameters(), strict=True))
    assert pairs and all(torch.equal(a, b) for a, b in pairs)


def test_the_second_network_is_trained_in_training_mode(acdc_tree):
    given = batch_of(acdc_tree, "fine", "heart")
    step = step_of(acdc_tree, given.network)
    step.second.eval()
    step(given)
    assert step.second.training
