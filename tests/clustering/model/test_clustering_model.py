"""Methods, their candidates, and the stored model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cladeseg.clustering.descriptors import DescriptorModel, channels_of, fit_descriptors, object_vectors
from cladeseg.clustering.metrics import pair_auc
from cladeseg.clustering.model import (
    ClusteringModel,
    Measured,
    ModelOptions,
    beside,
    check_classes,
    choose_references,
    load_model,
    save_model,
)
from cladeseg.clustering.model.candidate_pairs import candidate_pairs, fill_in
from cladeseg.clustering.model.fit import LEFT_OUT, VALIDATION, fit_model
from cladeseg.clustering.model.pair_methods import Comparison
from cladeseg.clustering.objects import ClusteredObject, KeyPoints, ObjectPoints, ObjectSet
from cladeseg.clustering.pqap import PqapParameters
from cladeseg.files import DataError

OPTIONS = ModelOptions.model_validate({"zero": {"folds": 2, "batches": 4}})
COMPARISON = Comparison((0,), PqapParameters(), OPTIONS)


def measured(kinds: int, each: int = 5, seed: int = 0) -> tuple[Measured, np.ndarray]:
    """Objects whose numbers and similarities go with their classes."""
    rng = np.random.default_rng(seed)
    classes = np.repeat([f"k{kind}" for kind in range(kinds)], each)
    vectors = np.repeat(rng.normal(size=(kinds, 6)) * 3, each, axis=0) + rng.normal(size=(kinds * each, 6)) * 0.3
    similarity = np.where(classes[:, None] == classes, 0.8, 0.6) + rng.normal(size=(len(classes),) * 2) * 0.02
    return Measured(vectors, ((similarity + similarity.T) / 2).astype(np.float32), None), classes


def beside_training(new: Measured, kept: np.ndarray) -> Measured:
    """New objects, then training objects as references, to which nothing is alike."""
    old = measured(6)[0].subset(kept)
    n, among = len(new.vectors), np.full((len(new.vectors) + len(kept),) * 2, 0.6, dtype=np.float32)
    among[:n, :n], among[n:, n:] = new.similarity, old.similarity
    return Measured(np.concatenate([new.vectors, old.vectors]), among, None)


@pytest.fixture(scope="module")
def model() -> ClusteringModel:
    seen, classes = measured(6)
    return fit_model(seen, classes, COMPARISON, validation=np.zeros(30, dtype=bool), seed=0)


# ---- descriptors -----------------------------------------------------------------------------------------------------


def test_descriptors_learn_which_numbers_matter_and_give_the_same_in_blocks() -> None:
    seen, classes = measured(6)
    found = fit_descriptors(seen.vectors, classes)
    logits = found.logits(seen.vectors)
    assert pair_auc(logits, classes) == pytest.approx(1.0, abs=0.02)
    assert logits == pytest.approx(logits.T, abs=1e-4)
    many = np.tile(seen.vectors, (10, 1))
    assert found.logits(many)[:30, :30] == pytest.approx(logits, abs=1e-4)


def test_a_histogram_holds_shares_numbers_and_heights_of_a_channel() -> None:
    points = KeyPoints([0.0] * 4, [0, 0, 0, 5], [0.05, 0.05, 0.99, 0.5], [0.1, 0.9, 0.5, 1.0])
    objects = ObjectSet([ClusteredObject("a", ObjectPoints(points, points))])
    assert channels_of(objects) == [0, 5]
    [row] = object_vectors(objects, [0])
    assert row[0] == pytest.approx(2 / 3)
    assert row[11] == pytest.approx(1 / 3)
    assert row[16] == pytest.approx(np.log(4))
    assert row[17] == pytest.approx(0.5)


# ---- candidates ------------------------------------------------------------------------------------------------------


def test_all_pairs_are_candidates_unless_they_are_too_many_and_then_the_nearest() -> None:
    vectors = np.repeat(np.eye(5) * 9, 4, axis=0) + np.random.default_rng(0).normal(size=(20, 5)) * 0.1
    assert len(candidate_pairs(vectors, 190)) == 190
    few = candidate_pairs(vectors, 60)
    assert len(few) <= 60
    assert (few[:, 0] // 4 == few[:, 1] // 4).all()


def test_a_baseline_says_which_pairs_are_alike() -> None:
    baseline = DescriptorModel(np.zeros(2), np.ones(2), np.array([0.0, -1.0]), 0.0)
    vectors = np.array([[0.0, 1], [0, 2], [5, 1], [5, 2], [9, 1], [9, 2]])
    pairs = candidate_pairs(vectors, 1, baseline)
    assert all(vectors[one, 1] == vectors[other, 1] for one, other in pairs)


def test_unmatched_pairs_follow_the_line_of_the_matched_ones() -> None:
    baseline = np.array([[0.0, 1, 2], [1, 0, 3], [2, 3, 0]])
    known = 2 * baseline + 1
    holes = known.copy()
    holes[0, 2] = holes[2, 0] = np.nan
    assert fill_in(holes, baseline)[0, 2] == pytest.approx(known[0, 2])
    assert fill_in(known, baseline) is known


# ---- training --------------------------------------------------------------------------------------------------------


def test_training_leaves_every_variant_with_both_zeros(model: ClusteringModel) -> None:
    assert set(model.variants) == {"descriptors", "pqap", "combination"}
    assert all(set(variant.zeros) == {"raw", "centred"} for variant in model.variants.values())
    assert model.zero_source == LEFT_OUT
    assert model.variants[model.chosen].zeros["centred"].vi_bits < 0.3


def test_the_model_groups_kinds_that_it_never_saw(model: ClusteringModel) -> None:
    seen, classes = measured(3, seed=5)
    kept = choose_references(measured(6)[1], 12, seed=0)
    weights = model.weights(model.methods.logits(beside_training(seen, kept), references=12))
    rows, columns = np.triu_indices(len(classes), 1)
    assert ((weights > 0)[rows, columns] == (classes[rows] == classes[columns])).mean() > 0.95


def test_with_few_classes_the_zero_comes_from_objects_that_were_kept_back() -> None:
    seen, classes = measured(3, each=8)
    validation = np.tile([True, False, False, False], 6)
    found = fit_model(seen, classes, COMPARISON, validation=validation, seed=0)
    assert found.zero_source == VALIDATION


@pytest.mark.parametrize("classes", [["a", "a", "a"], ["a", "b", "c"], ["a", "a", "b"]])
def test_too_few_labels_are_refused(classes: list[str]) -> None:
    with pytest.raises(DataError, match="have two training objects or more"):
        check_classes(np.array(classes))


# ---- references ------------------------------------------------------------------------------------------------------


def test_references_are_of_as_many_classes_as_possible() -> None:
    classes = np.array(["a"] * 20 + ["b"] * 3 + ["c"])
    counts = dict(zip(*np.unique(classes[choose_references(classes, 7, seed=1)], return_counts=True), strict=True))
    assert counts == {"a": 3, "b": 3, "c": 1}
    assert len(choose_references(classes, 99, seed=1)) == 24
    assert len(choose_references(classes, 0, seed=1)) == 0


def spotted(name: str) -> ClusteredObject:
    points = KeyPoints([10.0, 20.0], [0, 1], [0.1, 0.9], [1.0, 0.5])
    crop = np.random.default_rng(len(name)).random((4, 4, 2), dtype=np.float32)
    return ClusteredObject(name, ObjectPoints(points, points), crop, np.arange(3.0), f"digest of {name}")


def test_few_objects_get_references_behind_them_and_many_get_none() -> None:
    references = [spotted("a"), spotted("b")]
    objects, number = beside(ObjectSet([spotted("c"), spotted("b")]), references)
    assert (objects.ids, number) == (["c", "b", "reference a"], 1)
    many = ObjectSet([spotted(f"o{at}") for at in range(60)])
    assert beside(many, references) == (many, 0)


def test_references_are_stored_with_their_pictures_and_points(model: ClusteringModel, tmp_path: Path) -> None:
    held = replace(model, references=(spotted("a"), ClusteredObject("v", None, shape=np.ones(5), digest="d")))
    save_model(held, tmp_path, more={})
    first, second = load_model(tmp_path)[0].references
    assert (first.id, first.digest, second.id, second.points, second.crop) == ("a", "digest of a", "v", None, None)
    assert (first.crop == spotted("a").crop).all()
    assert (second.shape == np.ones(5)).all()
    assert first.points.candidates.value.tolist() == [1.0, 0.5]
    assert first.points.features.channel.tolist() == [0, 1]


# ---- store -----------------------------------------------------------------------------------------------------------


def test_a_stored_model_says_the_same(model: ClusteringModel, tmp_path: Path) -> None:
    save_model(model, tmp_path, more={"trained_on": ["x"]})
    again, description = load_model(tmp_path)
    seen, _ = measured(3, seed=5)
    assert (again.weights(again.methods.logits(seen)) == model.weights(model.methods.logits(seen))).all()
    assert (description["trained_on"], again.chosen) == (["x"], model.chosen)


def test_a_model_that_was_changed_is_not_used(model: ClusteringModel, tmp_path: Path) -> None:
    save_model(model, tmp_path, more={})
    text = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(text.replace('"chosen": "', '"chosen": "x'))
    with pytest.raises(DataError, match=r"model\.json: was changed"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text(text)
    (tmp_path / "model.safetensors").write_bytes(b"x" + (tmp_path / "model.safetensors").read_bytes())
    with pytest.raises(DataError, match=r"model\.safetensors: is damaged"):
        load_model(tmp_path)
    assert json.loads(text)["kind"] == "cladeseg clustering model"
