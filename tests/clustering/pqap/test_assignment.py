"""The partial quadratic assignment: closed forms, the published similarities, and what the solver reaches."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from cladeseg.clustering.objects import KeyPoints, ObjectPoints
from cladeseg.clustering.pqap import (
    PqapParameters,
    best_threshold,
    learn_parameters,
    pair_similarities,
    probability_of,
    similarity,
    solve,
)
from cladeseg.clustering.pqap.objective import angular_distance, sum_of_distances
from cladeseg.files import DataError

PUBLISHED = Path(__file__).parents[4] / "shared" / "data" / "organoids"


def random_points(n: int, seed: int, channels: int = 2) -> KeyPoints:
    rng = np.random.default_rng(seed)
    return KeyPoints(rng.uniform(0, 360, n), rng.integers(0, channels, n), rng.random(n), rng.random(n))


def by_definition(features: KeyPoints, candidates: KeyPoints, assignment: np.ndarray, p: PqapParameters) -> float:
    """The objective over the ideal, term by term as in the paper."""
    n = features.count
    used = [(i, int(j)) for i, j in enumerate(assignment) if j >= 0]
    total = 0.0
    for i, j in used:
        heights = abs(features.value[i] - candidates.value[j]) - p.value_gain
        radii = abs(features.radius[i] - candidates.radius[j]) - p.radius_gain
        total += (1 - p.angle_share) / n * (p.value_share * heights + (1 - p.value_share) * radii)
    for (i, j), (k, other) in product(used, used):
        if i < k:
            turn = (features.angle[i] - features.angle[k]) - (candidates.angle[j] - candidates.angle[other])
            wrapped = abs((turn + 180) % 360 - 180)
            total += p.angle_share / (n * (n - 1) / 2) * (wrapped / 180 - p.angle_gain)
    return total / p.ideal


# ---- objective -------------------------------------------------------------------------------------------------------


def test_the_objective_is_that_of_the_paper_term_by_term() -> None:
    parameters = PqapParameters()
    features, candidates = random_points(7, 0), random_points(9, 1)
    assignment = np.array([3, -1, 0, 8, -1, 2, 5])
    wanted = by_definition(features, candidates, assignment, parameters)
    assert similarity(features, candidates, assignment, parameters) == pytest.approx(wanted)


def test_the_sum_of_distances_is_that_of_all_pairs_opposite_and_equal_ones_too() -> None:
    rng = np.random.default_rng(0)
    for degrees in (rng.uniform(-500, 500, 60), np.arange(0, 360, 0.1), np.array([0.3, 180.3, 0.3, 90.0]), np.zeros(0)):
        wanted = angular_distance(degrees[:, None] - degrees).sum() / 2
        assert sum_of_distances(degrees) == pytest.approx(wanted, rel=1e-9, abs=1e-6)


def test_an_object_is_wholly_like_itself_however_it_is_turned() -> None:
    points = random_points(20, 2)
    turned = KeyPoints((points.angle + 77) % 360, points.channel, points.radius, points.value)
    assert similarity(points, turned, np.arange(20)) == pytest.approx(1.0)
    assert solve(points, turned).similarity == pytest.approx(1.0, abs=1e-6)


def test_points_of_different_channels_are_never_matched() -> None:
    blue, red = (KeyPoints([0.0, 90.0], [channel] * 2, [0.5, 0.2], [1.0, 1.0]) for channel in (0, 1))
    assert solve(blue, red).similarity == 0.0
    assert solve(blue, red).assignment.tolist() == [-1, -1]


def test_one_point_has_no_pairs_and_is_like_itself() -> None:
    point = KeyPoints([10.0], [0], [0.3], [0.4])
    assert solve(point, point).similarity == pytest.approx(1.0)


def test_no_point_is_matched_twice_and_the_similarity_is_that_of_the_assignment() -> None:
    for seed in range(5):
        features, candidates = random_points(15, seed), random_points(12, 50 + seed)
        found = solve(features, candidates)
        used = found.assignment[found.assignment >= 0]
        assert len(set(used.tolist())) == used.size
        assert (features.channel[found.assignment >= 0] == candidates.channel[used]).all()
        assert found.similarity == pytest.approx(similarity(features, candidates, found.assignment))


def test_the_solver_is_close_to_the_best_of_all_assignments() -> None:
    ratios = []
    for seed in range(6):
        features, candidates = random_points(4, seed, channels=1), random_points(4, 20 + seed, channels=1)
        options = [
            a for a in product(range(-1, 4), repeat=4) if len({x for x in a if x >= 0}) == sum(x >= 0 for x in a)
        ]
        best = max(similarity(features, candidates, np.array(option)) for option in options)
        found = solve(features, candidates).similarity
        assert found <= best + 1e-9
        ratios.append(found / best)
    assert np.mean(ratios) > 0.99


# ---- published values ------------------------------------------------------------------------------------------------


def published_points() -> dict[int, ObjectPoints]:
    with np.load(PUBLISHED / "keypoints_unseen.npz") as table:
        held = {name: table[name] for name in table.files}
    columns = [list(held["columns"]).index(name) for name in ("angle_deg", "channel", "r_max", "norm_peak")]

    def points(kind: str, one: int) -> KeyPoints:
        return KeyPoints(*held[kind][held[f"{kind}_id"] == one][:, columns].astype(float).T)

    return {int(one): ObjectPoints(points("features", one), points("candidates", one)) for one in held["ids"]}


@pytest.mark.real_data
@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="../shared/data/organoids is absent")
def test_the_published_similarities_are_those_of_the_published_assignments() -> None:
    points = published_points()
    with np.load(PUBLISHED / "pqap_similarity_unseen.npz") as table:
        ids, wanted = table["ids"].tolist(), table["similarity"]
    with np.load(PUBLISHED / "pqap_assignments_unseen.npz") as table:
        pairs, ends, flat = table["pairs"], np.cumsum(table["lengths"]), table["flat"]
    assert len(pairs) == 380
    for (left, right), begin, end in zip(pairs, [0, *ends[:-1]], ends, strict=True):
        found = similarity(points[left].features, points[right].candidates, flat[begin:end].astype(int))
        assert found == pytest.approx(wanted[ids.index(left), ids.index(right)], abs=1e-3)


@pytest.mark.real_data
@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="../shared/data/organoids is absent")
def test_the_solver_reaches_the_published_similarity_of_every_tenth_pair() -> None:
    points = published_points()
    with np.load(PUBLISHED / "pqap_similarity_unseen.npz") as table:
        ids, wanted = table["ids"].tolist(), table["similarity"]
    rows, columns = np.where(~np.eye(len(ids), dtype=bool))
    for row, column in zip(rows[::10], columns[::10], strict=True):
        found = solve(points[ids[row]].features, points[ids[column]].candidates)
        assert found.similarity >= wanted[row, column]


# ---- many pairs ------------------------------------------------------------------------------------------------------


def objects(n: int = 4) -> list[ObjectPoints]:
    return [ObjectPoints(random_points(6, seed), random_points(8, 30 + seed)) for seed in range(n)]


PAIRS = np.array([[0, 1], [0, 2], [1, 3], [2, 3]])


def test_pairs_are_the_mean_of_both_directions_for_any_number_of_workers() -> None:
    points = objects()
    found = pair_similarities(points, PAIRS, show_progress=False)
    forth = solve(points[0].features, points[1].candidates).similarity
    back = solve(points[1].features, points[0].candidates).similarity
    assert found[0] == pytest.approx((forth + back) / 2)
    assert (pair_similarities(points, PAIRS, workers=2, show_progress=False) == found).all()


def test_finished_pairs_are_not_computed_again_and_those_of_other_objects_are(tmp_path: Path) -> None:
    store, points = tmp_path / "pairs.npz", objects()
    found = pair_similarities(points, PAIRS, store=store, show_progress=False)
    with np.load(store) as table:
        half = {"key": table["key"], "similarity": np.array([0.123, np.nan, np.nan, found[3]])}
    np.savez(store, **half)
    assert pair_similarities(points, PAIRS, store=store, show_progress=False).tolist() == [0.123, *found[1:]]
    points[3] = objects(5)[4]
    assert pair_similarities(points, PAIRS, store=store, show_progress=False)[0] == found[0]
    store.write_bytes(b"torn")
    assert pair_similarities(objects(), PAIRS, store=store, show_progress=False).tolist() == found.tolist()


def test_an_object_without_key_points_is_refused() -> None:
    with pytest.raises(DataError, match="object 1: has no key points"):
        pair_similarities([objects()[0], None], PAIRS[:1], show_progress=False)  # type: ignore[list-item]


# ---- learning --------------------------------------------------------------------------------------------------------


def test_the_threshold_becomes_one_half_and_ends_stay() -> None:
    assert probability_of(np.array([0.0, 0.7, 1.0]), 0.7).tolist() == [0.0, 0.5, 1.0]
    assert 0.6 < best_threshold(np.array([0.6, 0.8, 0.5, 0.9]), np.array([False, True, False, True])) < 0.8


def test_learning_does_not_end_below_where_it_began_and_keeps_its_bounds() -> None:
    rng = np.random.default_rng(0)
    kinds = [random_points(8, 1), random_points(8, 2)]
    points = []
    for kind in kinds * 4:
        radius = np.clip(kind.radius + rng.normal(0, 0.1, 8), 0, 1)
        one = KeyPoints(kind.angle + rng.normal(0, 20, 8), kind.channel, radius, rng.random(8))
        points.append(ObjectPoints(one, one))
    start = PqapParameters(value_share=0.9, radius_gain=0.05)
    found = learn_parameters(points, np.array([0, 1] * 4), steps=12, most_pairs=20, start=start)
    assert found.f1 >= found.first_f1
    assert (found.parameters.as_array() >= 0).all()
    assert found.parameters.angle_share <= 0.6
