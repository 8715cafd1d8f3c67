"""Missing omics: what a linear map planted is found again, and gaps alone are filled."""

from __future__ import annotations

import numpy as np

from cladeseg.omics.model.completion import completed, fit_completion

KEYS = ((0, "standardised"), (1, "standardised"), (1, "raw"))


def planted(patients: int = 60) -> dict[tuple[int, str], np.ndarray]:
    random = np.random.default_rng(0)
    given = random.normal(size=(patients, 4))
    return {
        KEYS[0]: given,
        KEYS[1]: given @ random.normal(size=(4, 3)) + 1,
        KEYS[2]: given @ random.normal(size=(4, 2)),
    }


def test_a_planted_linear_map_is_found_again() -> None:
    scores = planted()
    completion = fit_completion({key: table[:50] for key, table in scores.items()}, (0,), "standardised")
    assert completion is not None
    new = {key: table[50:] if key[0] == 0 else np.full_like(table[50:], np.nan) for key, table in scores.items()}
    assert all(np.allclose(table, scores[key][50:], atol=0.01) for key, table in completion(new).items())


def test_what_is_there_stays() -> None:
    scores = planted()
    completion = fit_completion(scores, (0,), "standardised")
    filled = completed(scores, np.zeros(60, dtype=int), [completion, None])
    assert all(np.array_equal(filled[key], table) for key, table in scores.items())


def test_a_head_of_everything_needs_none_and_too_few_patients_give_none() -> None:
    assert fit_completion(planted(), (0, 1), "standardised") is None
    assert fit_completion(planted(2), (0,), "standardised") is None


def test_patients_without_anything_keep_their_gaps() -> None:
    nobody = {key: np.full_like(table, np.nan) for key, table in planted().items()}
    completion = fit_completion(planted(), (0,), "standardised")
    assert all(np.isnan(table).all() for table in completed(nobody, np.full(60, -1), [completion, None]).values())
