"""What a page says of the clusters beside the baseline: better, worse, no difference, or maybe chance."""

from __future__ import annotations

from typing import Any

import pytest

from cladeseg.clustering.pages.score_blocks import score_blocks, verdict

KEYS = ("vi_bits", "vi_split", "vi_join", "rand", "ari", "f1_join", "f1_cut", "pair_auc")


def scores(own: float, base: float, ends: tuple[float, float], variant: str = "combination") -> dict[str, Any]:
    def intervals(vi: float) -> dict[str, Any]:
        return {key: {"mean": vi, "ci95": [vi - 0.1, vi + 0.1], "n": 40} for key in KEYS}

    each = dict.fromkeys(KEYS, 0.5) | {"clusters": 3}
    both = {"raw": each | {"vi_bits": own}, "centred": each | {"vi_bits": own}}
    left_out = {kind: {"vi_bits": 0.1, "rand": 0.9, "batches": 9} for kind in both}
    return {
        "vi_bits": own, "variant": variant, "classes": 3, "clusters": 3, "objects": 40, "unseen_classes": ["x"],
        "intervals": intervals(own), "descriptors": {"vi_bits": base, "intervals": intervals(base)},
        "vi_gain": {"mean": base - own, "ci95": list(ends), "n": 40},
        "variants": {variant: both, "twin": {kind: each | {"vi_bits": 0.9} for kind in both}},
        "left_out": {variant: left_out, "twin": left_out},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("own", "base", "ends", "said"),
    [
        (0.2, 0.8, (0.3, 0.9), "Better than descriptors alone"),
        (0.8, 0.2, (-0.9, -0.3), "Worse than descriptors alone"),
        (0.4, 0.402, (-0.1, 0.1), "No difference on these objects"),
    ],
)
def test_whichever_is_better_is_named(own: float, base: float, ends: tuple[float, float], said: str) -> None:
    found = verdict(scores(own, base, ends))
    assert found.startswith(said)
    assert "chance" not in found


def test_a_difference_whose_interval_holds_zero_may_be_chance() -> None:
    assert verdict(scores(0.4, 0.6, (-0.1, 0.5))).endswith(
        "The difference is +0.20 [−0.10, +0.50] bits. It may be chance."
    )


def test_the_baseline_is_not_compared_with_itself() -> None:
    alone = scores(0.4, 0.4, (0.0, 0.0), variant="descriptors")
    assert "which are the baseline" in verdict(alone)
    _, beside, _ = score_blocks(alone)
    assert len(beside.content["rows"][0]) == 2


def test_the_baseline_stands_beside_with_its_intervals_and_a_better_method_is_named() -> None:
    main, beside, methods = score_blocks(scores(1.2, 0.4, (-1.0, -0.6)))
    rows = beside.content["rows"]
    assert [cell.text for cell in rows[0]] == ["VI in bits", "1.200 [1.100, 1.300]", "0.400 [0.300, 0.500]"]
    assert len(rows) == len(KEYS)
    assert "'twin' alone is better here" in main.content["warnings"][0]
    assert len(methods.content["rows"]) == 4
