"""Plain config values arrive where they belong, and impossible ones are refused."""

from __future__ import annotations

import dataclasses

import pytest

from cladeseg.segmentation.engines import HierarchicalMixStep, build_step
from cladeseg.segmentation.losses import build_loss
from cladeseg.taxonomy import TaxonomyError


def test_every_option_arrives(acdc_tree):
    tree = dataclasses.replace(acdc_tree, allowed_flips=("left-right", "posterior-anterior"))
    step = build_step(
        tree,
        build_loss(tree),
        start=3,
        ramp=40,
        weight=0.5,
        alpha_range=[0.5, 0.75],
        direction="both",
        max_scale=1.5,
        axes="principal",
        match=True,
        feather=(2, 2, 0),
        threshold={"left_ventricle": 0.95},
        flips=["posterior-anterior"],
    )
    assert isinstance(step, HierarchicalMixStep)
    assert (step.ramp.start, step.ramp.length, step.ramp.maximum) == (3, 40, 0.5)
    assert (step.mixer.mix.alpha_range, step.mixer.mix.direction) == ((0.5, 0.75), "both")
    assert (step.mixer.mix.max_scale, step.mixer.mix.axes) == (1.5, "principal")
    assert (step.mixer.mix.match, step.mixer.mix.feather) == (True, (2, 2, 0))
    assert step.mixer.labeller.thresholds[acdc_tree.index("left_ventricle")] == 0.95
    assert step.mixer.views == ((), ("posterior-anterior",))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"alpha_range": (0.5, 1.5)}, "alpha_range"),
        ({"direction": "there"}, "direction"),
        ({"max_scale": 0.5}, "max_scale"),
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": {"liver": 0.5}}, "liver"),
        ({"start": -1}, "ramp"),
    ],
)
def test_an_impossible_option_is_named(acdc_tree, options, named):
    with pytest.raises(ValueError, match=named):
        build_step(acdc_tree, build_loss(acdc_tree), **options)


def test_a_flip_that_the_tree_does_not_allow_is_refused(acdc_tree):
    tree = dataclasses.replace(acdc_tree, allowed_flips=("posterior-anterior",))
    with pytest.raises(TaxonomyError, match="left-right"):
        build_step(tree, build_loss(tree), flips=["left-right"])
    assert build_step(tree, build_loss(tree)).mixer.views == ((), ("posterior-anterior",))
    assert build_step(tree, build_loss(tree), flips=[]).mixer.views == ((),)
    assert build_step(acdc_tree, build_loss(acdc_tree)).mixer.views == ((),)
