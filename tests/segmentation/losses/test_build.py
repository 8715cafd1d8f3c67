"""Each head gets its loss."""

from __future__ import annotations

import pytest

from cladeseg.segmentation.losses import TreeLoss, TwoHeadLoss, build_loss
from cladeseg.segmentation.networks.tree_output import HEADS
from cladeseg.taxonomy import Taxonomy


def test_every_head_has_a_loss(acdc_tree: Taxonomy) -> None:
    built = {head: type(build_loss(acdc_tree, head=head)) for head in HEADS}
    assert built == {"flat": TreeLoss, "factorised": TreeLoss, "two_head": TwoHeadLoss}


def test_options_reach_the_loss(acdc_tree: Taxonomy) -> None:
    loss = build_loss(acdc_tree, head="flat", lambda_dice=0.4, lambda_ce=0.2)
    assert (loss.lambda_dice, loss.lambda_ce) == (0.4, 0.2)


def test_two_heads_share_the_weight_of_one(acdc_tree: Taxonomy) -> None:
    loss = build_loss(acdc_tree, head="two_head", lambda_dice=0.8, lambda_ce=0.6)
    assert [(half.lambda_dice, half.lambda_ce) for half in (loss.top_loss, loss.leaf_loss)] == [(0.4, 0.3)] * 2


def test_an_unknown_head_is_refused_with_the_choices(acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match=r"'head' is 'three'.*'flat', 'factorised', 'two_head'"):
        build_loss(acdc_tree, head="three")
