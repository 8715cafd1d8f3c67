"""Claims that hold, that do not, and that nobody can judge yet."""

from __future__ import annotations

from typing import Any

import pytest
from grids import case_row, grid, key

from cladeseg.benchmark.claims import Claim, claims, claims_markdown
from cladeseg.benchmark.grid import GridMethod
from cladeseg.benchmark.store import CaseRow

BASE = {"full": 0.9, "long": 0.9, "alone": 0.5, "rival": 0.8, "ours": 0.89, "less": 0.89, "chosen": 0.89}


def verdicts(rows: list[CaseRow], **changes: Any) -> dict[str, Claim]:
    """The claims at n = 1 by their first different word."""
    everywhere = {
        "methods": (
            *grid().methods,
            GridMethod(name="long", n=("all",), overrides={"epochs": 9}),
            GridMethod(name="rival", overrides={"mix": False}),
            GridMethod(name="less", overrides={"prior": "off"}),
            GridMethod(name="chosen", patients="select", overrides={"epochs": 1}),
            GridMethod(name="drawn", n=(1,), overrides={"epochs": 1}),
        ),
        "n": (1,),
        "converged": "long",
        "ablations": ("less", "drawn"),
    }
    found = claims(grid(**{**everywhere, **changes}), rows)
    names = {"closes": "gap", "reaches": "converged", "draw": "worst", "chosen": "select", "beats": "beats"}
    return {names[claim.text.split()[1]]: claim for claim in found}


def rows(changes: dict[str, float] | None = None, *, spread: float = 0.0) -> list[CaseRow]:
    """Two patients; three draws, the first of them lower by ``spread``."""
    found: list[CaseRow] = []
    for name, dice in {**BASE, "drawn": 0.88, **(changes or {})}.items():
        n, draws = ("all", 1) if name in ("full", "long") else (1, 1 if name == "chosen" else 3)
        low = 0.0 if draws == 1 else spread
        for draw in range(draws):
            score = dice - (low if draw == 0 else 0.0)
            found += [case_row(key(name, n, draw), case, score + e) for case, e in (("a1", 0.05), ("b1", -0.05))]
    return found


def test_all_claims_can_hold() -> None:
    found = verdicts(rows({"ours": 0.895}))
    assert {name: claim.holds for name, claim in found.items()} == dict.fromkeys(
        ("gap", "converged", "worst", "select", "beats"), True
    )
    assert found["gap"].found.startswith("99% [99%, 99%], 3 draws")
    assert found["beats"].found == "so against 2 of 2"
    assert found["select"].found.startswith("chosen: Dice 0.890, not below 3 of 3 draws")


@pytest.mark.parametrize(
    ("changes", "spread", "fails", "says"),
    [
        ({"ours": 0.75, "rival": 0.7}, 0.0, {"gap", "converged", "worst"}, "62%"),
        ({"ours": 0.885}, 0.0, {"converged"}, "98.3%"),
        ({"ours": 0.905, "chosen": 0.95}, 0.04, {"worst"}, "worst draw 96.1%"),
        ({"chosen": 0.875}, 0.01, {"select", "converged"}, "not below 1 of 3 draws"),
        ({"rival": 0.89}, 0.0, {"beats", "converged"}, "so against 1 of 2; not against rival (-0.000"),
    ],
)
def test_each_claim_fails_by_its_own_rule(changes: dict[str, float], spread: float, fails: set[str], says: str) -> None:
    found = verdicts(rows(changes, spread=spread))
    assert {name for name, claim in found.items() if claim.holds is False} == fails
    assert says in " ".join(claim.found for claim in found.values()).replace("(+0.000", "(-0.000")


def test_one_draw_of_one_patient_beats_nobody() -> None:
    alone = [row for row in rows({"ours": 0.895}) if row.draw == 0 and row.case == "a1"]
    assert verdicts(alone)["beats"].holds is None


def test_an_ablation_that_is_as_good_refutes_nothing() -> None:
    assert verdicts(rows({"ours": 0.895, "less": 0.9}))["beats"].holds is True
    assert verdicts(rows({"ours": 0.895, "less": 0.9}), ablations=("drawn",))["beats"].holds is False


def test_what_has_no_scores_is_open() -> None:
    missing = [row for row in rows({"ours": 0.895}) if row.method in ("ours", "alone", "full")]
    found = verdicts(missing)
    assert {name: claim.holds for name, claim in found.items()} == {
        "gap": True,
        "converged": None,
        "worst": None,
        "select": None,
        "beats": None,
    }
    assert "without scores: rival" in found["beats"].found
    assert [claim.holds for claim in verdicts([]).values()] == [None] * 5
    assert verdicts(rows(), converged=None)["worst"].found == "the grid names no method `converged`"


def test_no_gap_is_no_gap_to_close() -> None:
    found = verdicts(rows({"full": 0.5}))
    assert (found["gap"].holds, "there is no gap" in found["gap"].found) == (None, True)


def test_convergence_is_asked_about_at_one_patient_only() -> None:
    assert "converged" not in verdicts([], n=(2,))
    assert claims(grid(ours=None), rows()) == []


def test_the_table_says_the_verdict_in_words() -> None:
    text = claims_markdown([Claim(f"c{holds}", 1, "f", holds) for holds in (True, False, None)])
    assert "| cTrue | 1 | holds | f |" in text
    assert "| cFalse | 1 | **does not hold** | f |" in text
    assert "| cNone | 1 | open | f |" in text
