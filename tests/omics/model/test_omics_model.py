"""The fitted model: independence of patients, every missing pattern, chance where labels say nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from cladeseg.omics.contrast import PretrainingOptions
from cladeseg.omics.model import ModelOptions, OmicsFit, OmicsModel, model_description, model_tensors, restore_model
from cladeseg.omics.phantoms import generate_omics
from cladeseg.omics.phantoms.omics_phantom import CLASSES
from cladeseg.statistics import class_scores

OPTIONS = ModelOptions(components=10, folds=3)
ALL_BLOCKS = ModelOptions(
    components=8, folds=3, blocks=("raw", "standardised", "contrastive"), contrast=PretrainingOptions(epochs=3)
)


def phantom(seed: int = 0, patients: int = 120) -> tuple[dict[str, np.ndarray], np.ndarray]:
    tables, labels = generate_omics(patients, seed=seed)
    names = list(CLASSES)
    return {name: tables[name].to_numpy() for name in sorted(tables)}, np.array([names.index(v) for v in labels])


def possible(classes: np.ndarray, shown: int) -> torch.Tensor:
    known = torch.ones(len(classes), len(CLASSES), dtype=torch.bool)
    known[:shown] = torch.nn.functional.one_hot(torch.from_numpy(classes[:shown]), len(CLASSES)).bool()
    return known


@pytest.fixture(scope="module")
def cohort() -> tuple[dict[str, np.ndarray], np.ndarray]:
    return phantom()


@pytest.fixture(scope="module")
def model(cohort: tuple[dict[str, np.ndarray], np.ndarray]) -> OmicsModel:
    values, classes = cohort
    return OmicsFit({n: x[:80] for n, x in values.items()}, possible(classes[:80], 40), OPTIONS).run()


def test_it_learns_what_was_planted(model: OmicsModel, cohort: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    values, classes = cohort
    scores = class_scores(np.exp(model.predict({n: x[80:] for n, x in values.items()}).log_p), classes[80:])
    assert scores["accuracy"] > 0.6
    assert model.omics[int(model.quality.argmax())] == "mrna"


@pytest.mark.parametrize("present", [p for p in product([False, True], repeat=3) if any(p)])
def test_every_missing_pattern_is_predicted(
    model: OmicsModel, cohort: tuple[dict[str, np.ndarray], np.ndarray], present: tuple[bool, ...]
) -> None:
    values = {
        n: x[80:] if here else np.full_like(x[80:], np.nan)
        for (n, x), here in zip(cohort[0].items(), present, strict=True)
    }
    found = model.predict(values)
    assert np.allclose(np.exp(found.log_p).sum(axis=1), 1)
    assert (np.isnan(found.confidence).all(axis=0) == ~np.array(present)).all()
    taught = np.nan_to_num(found.taught)
    assert (taught[:, ~np.array(present)] == 0).all()


def test_a_patient_without_any_omics_has_no_prediction(model: OmicsModel) -> None:
    found = model.predict({n: np.full((2, 60), np.nan) for n in model.omics})
    assert np.isnan(found.log_p).all()
    assert found.uncertain.all()


def test_patients_do_not_change_one_another(
    model: OmicsModel, cohort: tuple[dict[str, np.ndarray], np.ndarray]
) -> None:
    new = {n: x[80:] for n, x in cohort[0].items()}
    together = model.predict(new).log_p
    backwards = model.predict({n: x[::-1] for n, x in new.items()}).log_p[::-1]
    alone = model.predict({n: x[3:4] for n, x in new.items()}).log_p
    assert np.allclose(together, backwards, atol=1e-5)
    assert np.allclose(together[3:4], alone, atol=1e-5)


def test_new_patients_do_not_change_training_patients(
    model: OmicsModel, cohort: tuple[dict[str, np.ndarray], np.ndarray]
) -> None:
    before = model_tensors(model)
    before = {name: value.clone() for name, value in before.items()}
    training = model.predict({n: x[:80] for n, x in cohort[0].items()}).log_p
    beside = model.predict(cohort[0]).log_p[:80]
    assert np.allclose(training, beside, atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in model_tensors(model).items())


def test_a_patient_without_the_best_omics_is_also_judged_by_what_it_would_score(
    model: OmicsModel, cohort: tuple[dict[str, np.ndarray], np.ndarray]
) -> None:
    without = {n: np.full_like(x, np.nan) if n == "mrna" else x for n, x in cohort[0].items()}
    alone = replace(model, completions=[None] * len(model.subsets)).predict(without).log_p
    both = model.predict(without).log_p
    assert np.abs(np.exp(both) - np.exp(alone)).max() > 0.05
    whole = model.predict(cohort[0]).log_p
    near, far = (np.abs(np.exp(one) - np.exp(whole)).sum() for one in (both, alone))
    assert near < far  # what the others say of the missing omics is about what it says itself


def test_other_teaching_from_the_same_fit_to_labels_is_the_same_as_a_fit_of_its_own(
    cohort: tuple[dict[str, np.ndarray], np.ndarray],
) -> None:
    values, classes = {n: x[:60] for n, x in cohort[0].items()}, cohort[1]
    known = possible(classes[:60], 30)
    fit = OmicsFit(values, known, OPTIONS)
    fit.run()
    test = {n: x[80:] for n, x in cohort[0].items()}
    for other in (replace(OPTIONS, targets="soft"), replace(OPTIONS, rounds=2, complete=False)):
        own = OmicsFit(values, known, other).run().predict(test)
        assert np.allclose(fit.taught_otherwise(other).predict(test).log_p, own.log_p, atol=1e-5)
    with pytest.raises(ValueError, match="more than"):
        fit.taught_otherwise(replace(OPTIONS, penalty=2.0))


def test_superclasses_teach_more_than_nothing(cohort: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    values, classes = {n: x[:80] for n, x in cohort[0].items()}, cohort[1]
    hidden = possible(classes[:80], 25)
    coarse = hidden.clone()
    luminal = torch.from_numpy(classes[25:80] < 2)[:, None]
    coarse[25:] = torch.where(luminal, torch.tensor([1, 1, 0, 0, 0]), torch.tensor([0, 0, 1, 1, 1])).bool()
    test = {n: x[80:] for n, x in cohort[0].items()}
    true = np.arange(40), classes[80:]
    losses = [-OmicsFit(values, known, OPTIONS).run().predict(test).log_p[true].mean() for known in (coarse, hidden)]
    assert losses[0] < losses[1]


def test_the_order_of_training_patients_does_not_matter(cohort: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    values, classes = cohort
    values = {n: x[:60] for n, x in values.items()}
    options = ModelOptions(components=6, folds=2, rounds=0)
    order = np.concatenate([np.arange(30), np.random.default_rng(0).permutation(np.arange(30, 60))])
    known = possible(classes[:60], 30)
    one = OmicsFit(values, known, options).run()
    other = OmicsFit({n: x[order] for n, x in values.items()}, known[torch.from_numpy(order)], options).run()
    test = {n: x[80:] for n, x in cohort[0].items()}
    assert np.abs(np.exp(one.predict(test).log_p) - np.exp(other.predict(test).log_p)).max() < 0.02


def test_shuffled_labels_give_chance(cohort: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    values, classes = cohort
    scores = []
    for seed in range(3):
        shuffled = np.random.default_rng(seed).permutation(classes[:80])
        fit = OmicsFit({n: x[:80] for n, x in values.items()}, possible(shuffled, 80), OPTIONS)
        found = fit.run().predict({n: x[80:] for n, x in values.items()})
        scores.append(class_scores(np.exp(found.log_p), classes[80:])["macro_f1"])
    assert np.mean(scores) < 0.35


def test_it_is_the_same_model_after_storing(cohort: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    values, classes = cohort
    fit = OmicsFit({n: x[:60] for n, x in values.items()}, possible(classes[:60], 40), ALL_BLOCKS)
    model = fit.run()
    again = restore_model(model_tensors(model), model_description(model))
    test = {n: x[80:] for n, x in values.items()}
    assert np.allclose(model.predict(test).log_p, again.predict(test).log_p, atol=1e-6)


def test_superclass_labels_keep_predictions_inside_the_tree(cohort: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    values, classes = cohort
    known = possible(classes[:80], 30)
    luminal = torch.from_numpy(classes[30:80] < 2)
    known[30:80] = torch.where(luminal[:, None], torch.tensor([1, 1, 0, 0, 0]), torch.tensor([0, 0, 1, 1, 1])).bool()
    model = OmicsFit({n: x[:80] for n, x in values.items()}, known, OPTIONS).run()
    found = np.exp(model.predict({n: x[80:] for n, x in values.items()}).log_p)
    right = (found[:, :2].sum(axis=1) > 0.5) == (classes[80:] < 2)
    assert right.mean() > 0.8


def test_training_patients_may_lack_omics(cohort: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    values, classes = {n: x[:80].copy() for n, x in cohort[0].items()}, cohort[1]
    values["meth"][::3] = np.nan
    values["mrna"][1::5] = np.nan
    model = OmicsFit(values, possible(classes[:80], 60), OPTIONS).run()
    found = model.predict({n: x[80:] for n, x in cohort[0].items()})
    assert not np.isnan(found.log_p).any()
    assert class_scores(np.exp(found.log_p), classes[80:])["accuracy"] > 0.5
