"""Profiles of inference: what today's gives stays, and the others are coarse to fine."""

from __future__ import annotations

import pytest
from monai.inferers import SlidingWindowInferer

from cladeseg.segmentation.inferers import CoarseToFineInferer, TwoPassInferer
from cladeseg.segmentation.workflow.inference_profiles import PROFILES, profiled_inferer
from cladeseg.taxonomy import Taxonomy

FIRST = {"network": {}, "first_patch_size": [8, 8, 8], "ratios": [2, 2, 1], "margin": [2, 2, 1]}


def test_the_best_is_the_sliding_window_with_the_bundle_s_overlap(acdc_tree: Taxonomy) -> None:
    inferer = profiled_inferer("best", acdc_tree, first_pass=None, patch_size=[8, 8, 8], overlap=0.3)
    assert isinstance(inferer, SlidingWindowInferer)
    assert inferer.overlap == 0.3


@pytest.mark.parametrize(("profile", "overlap"), [("balanced", 0.3), ("fast", 0.15)])
def test_the_others_look_coarsely_first(profile: str, overlap: float, acdc_tree: Taxonomy) -> None:
    inferer = profiled_inferer(profile, acdc_tree, first_pass=None, patch_size=[8, 8, 8], overlap=0.3)
    assert isinstance(inferer, CoarseToFineInferer)
    assert inferer.window.overlap == overlap


@pytest.mark.parametrize("profile", list(PROFILES))
def test_two_passes_stay_two_passes(profile: str) -> None:
    assert isinstance(profiled_inferer(profile, None, first_pass=FIRST, patch_size=[8, 8, 8]), TwoPassInferer)


def test_an_unknown_profile_is_refused_with_the_known_ones(acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match=r"'slow'.*'fast', 'balanced', 'best'"):
        profiled_inferer("slow", acdc_tree, first_pass=None, patch_size=[8, 8, 8])


def test_without_a_tree_the_config_s_line_is_named() -> None:
    with pytest.raises(ValueError, match=r'profile: .*"taxonomy": "@taxonomy"'):
        profiled_inferer("fast", None, first_pass=None, patch_size=[8, 8, 8])
