"""Claims that hold, that do not, and that nobody can judge yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pytest
from grids import case_row, cases_of, grid, key

from cladeseg.benchmark.claims import LEAST, Claim, claims
from cladeseg.benchmark.differences import differences_to_others
from cladeseg.benchmark.grid import Grid, GridMethod
from cladeseg.benchmark.method_scores import GridScores
from cladeseg.benchmark.page_templates import page_templates
from cladeseg.benchmark.select_arm import among_draws
from cladeseg.benchmark.store import CaseRow, RunRow, frame_of
from cladeseg.benchmark.table import GridRows, results_table

BASE = {"full": 0.9, "long": 0.9, "alone": 0.5, "other": 0.8, "ours": 0.89, "less": 0.89, "chosen": 0.89}


def claimed(one: Grid, rows: list[CaseRow], runs: Sequence[RunRow] = ()) -> list[Claim]:
    found = GridRows(frame_of(RunRow, runs), cases_of(rows), {})
    scores = GridScores(one, found.cases)
    table, differences = results_table(one, found, scores), differences_to_others(one, scores)
    return claims(one, scores, table=table, differences=differences, placed=among_draws(one, scores))


def claim_grid(**changes: Any) -> Grid:
    everywhere = {
        "methods": (
            *grid().methods,
            GridMethod(name="long", n=("all",), overrides={"epochs": 9}),
            GridMethod(name="other", overrides={"settings#method": "supervised"}),
            GridMethod(name="less", overrides={"settings#network#prior": False}),
            GridMethod(name="chosen", patients="select", overrides={"epochs": 1}),
            GridMethod(name="drawn", n=(1,), overrides={"epochs": 1}),
        ),
        "n": (1,),
        "converged": "long",
        "ablations": ("less", "drawn"),
    }
    return grid(**{**everywhere, **changes})


def verdicts(rows: list[CaseRow], runs: Sequence[RunRow] = (), **changes: Any) -> dict[str, bool | None]:
    """Whether the claims at n = 1 hold, by their kind."""
    return {claim.kind: claim.holds for claim in claimed(claim_grid(**changes), rows, runs)}


def words(rows: list[CaseRow], runs: Sequence[RunRow] = (), **changes: Any) -> dict[str, str]:
    """What the page says was found, by the claims' kind."""
    one = claim_grid(**changes)
    page = page_templates().get_template("claims.md.jinja")
    module: Any = page.make_module({"grid": one, "labels": one.labels, "least": LEAST})
    return {claim.kind: module.found(claim).strip() for claim in claimed(one, rows, runs)}


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
    good = rows({"ours": 0.895})
    assert verdicts(good) == dict.fromkeys(("gap", "converged", "worst_draw", "selection", "baselines"), True)
    found = words(good)
    assert found["gap"].startswith("99% [99%, 99%], 3 draws")
    assert found["baselines"] == "so against 2 of 2"
    assert found["selection"].startswith("chosen: Dice 0.890, not below 3 of 3 draws")


@pytest.mark.parametrize(
    ("changes", "spread", "fails", "says"),
    [
        ({"ours": 0.75, "other": 0.7}, 0.0, {"gap", "converged", "worst_draw"}, "62%"),
        ({"ours": 0.885}, 0.0, {"converged"}, "98.3%"),
        ({"ours": 0.905, "chosen": 0.95}, 0.04, {"worst_draw"}, "worst draw 96.1%"),
        ({"chosen": 0.875}, 0.01, {"selection", "converged"}, "not below 1 of 3 draws"),
        (
            {"other": 0.89},
            0.0,
            {"baselines", "converged"},
            "so against 1 of 2; difference to other not significant (-0.000, 95 % CI",
        ),
        (
            {"other": 0.9},
            0.0,
            {"baselines", "converged"},
            "so against 1 of 2; other is better (-0.010 [-0.010, -0.010])",
        ),
    ],
)
def test_each_claim_fails_by_its_own_rule(changes: dict[str, float], spread: float, fails: set[str], says: str) -> None:
    found = rows(changes, spread=spread)
    assert {kind for kind, holds in verdicts(found).items() if holds is False} == fails
    assert says in " ".join(words(found).values()).replace("(+0.000", "(-0.000")


def test_one_draw_of_one_patient_beats_nobody() -> None:
    alone = [row for row in rows({"ours": 0.895}) if row.draw == 0 and row.case == "a1"]
    assert verdicts(alone)["baselines"] is None
    assert words(alone)["baselines"] == "one draw of one patient has no interval"


def test_an_ablation_that_is_as_good_refutes_nothing() -> None:
    assert verdicts(rows({"ours": 0.895, "less": 0.9}))["baselines"] is True
    assert verdicts(rows({"ours": 0.895, "less": 0.9}), ablations=("drawn",))["baselines"] is False


def test_what_did_not_train_is_not_beaten() -> None:
    runs = [RunRow(**asdict(key("other", draw=draw)), status="finished", fine_dice=0.6) for draw in range(3)]
    good = rows({"ours": 0.895})
    assert verdicts(good, runs)["baselines"] is None
    assert words(good, runs)["baselines"] == "so against 2 of 2; untrained: other"
    assert verdicts(rows({"other": 0.95}), runs)["baselines"] is False, "it is not beaten the less"


def test_what_has_no_scores_is_open() -> None:
    missing = [row for row in rows({"ours": 0.895}) if row.method in ("ours", "alone", "full")]
    assert verdicts(missing) == {
        "gap": True,
        "converged": None,
        "worst_draw": None,
        "selection": None,
        "baselines": None,
    }
    assert words(missing)["baselines"] == "so against 1 of 2; without scores: other"
    assert words(missing)["worst_draw"] == "ours or `converged` has no scores"
    assert list(verdicts([]).values()) == [None] * 5
    assert words(rows(), converged=None)["worst_draw"] == "the grid names no method `converged`"


def test_no_gap_is_no_gap_to_close() -> None:
    flat = rows({"full": 0.5})
    assert (verdicts(flat)["gap"], words(flat)["gap"]) == (None, "there is no gap: upper is not above lower")


def test_convergence_is_asked_about_at_one_patient_only() -> None:
    assert "converged" not in verdicts([], n=(2,))
    assert claimed(grid(ours=None), rows()) == []


def test_a_verdict_is_said_in_words() -> None:
    module: Any = page_templates().get_template("claims.md.jinja").make_module()
    said = [module.verdict(Claim("gap", 1, holds)).strip() for holds in (True, False, None)]
    assert said == ["holds", "**does not hold**", "open"]
