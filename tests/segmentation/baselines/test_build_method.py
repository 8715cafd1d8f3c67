"""Methods by name: each arrives with its options, and what does not exist is refused by name."""

from __future__ import annotations

import pytest
from tiny_batches import tiny_net

from cladeseg.segmentation.baselines import BcpStep, CrossPseudoStep, MeanTeacherStep, UniMatchStep, build_method
from cladeseg.segmentation.engines import HierarchicalMixStep, SupervisedStep
from cladeseg.segmentation.losses import build_loss
from cladeseg.segmentation.losses.label_set_loss import LabelSetLoss


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("supervised", SupervisedStep),
        ("label_set", SupervisedStep),
        ("mean_teacher", MeanTeacherStep),
        ("bcp", BcpStep),
        ("unimatch", UniMatchStep),
        ("hierarchical_mix", HierarchicalMixStep),
    ],
)
def test_a_name_gives_its_method(acdc_tree, name, kind):
    assert type(build_method(name, acdc_tree, build_loss(acdc_tree))) is kind


def test_cps_gets_the_student_to_redraw(acdc_tree):
    step = build_method("cps", acdc_tree, build_loss(acdc_tree), network=tiny_net(acdc_tree), seed=4)
    assert isinstance(step, CrossPseudoStep)
    with pytest.raises(ValueError, match="'cps' needs the option 'network'"):
        build_method("cps", acdc_tree, build_loss(acdc_tree))


def test_only_label_set_replaces_the_loss(acdc_tree):
    loss = build_loss(acdc_tree)
    assert build_method("supervised", acdc_tree, loss).loss is loss
    replaced = build_method("label_set", acdc_tree, loss, lambda_ce=0.5).loss
    assert isinstance(replaced, LabelSetLoss) and replaced.marginal.lambda_ce == 0.5


def test_options_arrive(acdc_tree):
    loss = build_loss(acdc_tree)
    mix = build_method("hierarchical_mix", acdc_tree, loss, alpha_range=[0.5, 0.75])
    assert mix.mixer.mix.alpha_range == (0.5, 0.75)
    bcp = build_method("bcp", acdc_tree, loss, start=3, ramp=40, weight=0.5, pseudo_weight=0.1, respect_nodes=True)
    assert (bcp.ramp.start, bcp.ramp.length, bcp.ramp.maximum) == (3, 40, 0.5)
    assert (bcp.pseudo_weight, bcp.respect_nodes) == (0.1, True)


def test_an_unknown_method_is_refused_with_the_list(acdc_tree):
    with pytest.raises(ValueError, match=r"'fixmatch'.*'mean_teacher', 'cps', 'bcp', 'unimatch', 'hierarchical_mix'"):
        build_method("fixmatch", acdc_tree, build_loss(acdc_tree))


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("bcp", {"threshold": 0.9}, r"'bcp'.*'threshold'.*'pseudo_weight'"),
        ("supervised", {"weight": 1.0}, r"'supervised'.*'weight'"),
        ("hierarchical_mix", {"mix": False}, "'mix'"),
        ("bcp", {"box": 1.5}, "box 1.5"),
        ("bcp", {"pseudo_weight": -1.0}, "pseudo_weight -1.0"),
        ("unimatch", {"threshold": 1.5}, "threshold 1.5"),
        ("unimatch", {"dropout": -0.5}, "dropout -0.5"),
        ("mean_teacher", {"noise": -0.1}, "noise -0.1"),
        ("mean_teacher", {"start": -1}, "ramp"),
        ("label_set", {"lambda_dice": -1}, "lambda_dice"),
    ],
)
def test_an_impossible_option_is_named(acdc_tree, name, options, named):
    with pytest.raises(ValueError, match=named):
        build_method(name, acdc_tree, build_loss(acdc_tree), **options)
