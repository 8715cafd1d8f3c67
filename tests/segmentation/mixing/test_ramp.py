from __future__ import annotations

import math

import pytest

from cladeseg.segmentation.mixing.ramp import SigmoidRamp


def test_the_ramp_follows_its_closed_form() -> None:
    ramp = SigmoidRamp(start=10, length=20, maximum=0.5)
    assert ramp(9) == 0
    assert ramp(10) == pytest.approx(0.5 * math.exp(-5))
    assert ramp(20) == pytest.approx(0.5 * math.exp(-1.25))
    assert ramp(30) == ramp(1000) == 0.5


def test_no_length_switches_the_full_weight_on_at_once() -> None:
    ramp = SigmoidRamp(start=3, length=0)
    assert [ramp(step) for step in (2, 3, 4)] == [0, 1, 1]


def test_negative_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        SigmoidRamp(start=-1)
