"""Fusion takes from each modality what it tells, does without either, and looks at training patients alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from phantom_cohort import bag_of, cohort_of

from cladeseg.files import DataError
from cladeseg.fusion.data import FusionCohort
from cladeseg.fusion.fitting import (
    FitSettings,
    FusionModel,
    GeneSettings,
    NetworkSettings,
    TrainingSettings,
    fit_fusion,
)
from cladeseg.fusion.fitting.pool import pool_weights
from cladeseg.taxonomy import Node, Taxonomy

SMALL = FitSettings(
    genes=GeneSettings(groups=3),
    network=NetworkSettings(width=16, image_components=6, dropout=0.0),
    training=TrainingSettings(inner_folds=2, epochs=15, batch_size=16, learning_rate=5e-3),
)


def accuracy(model: FusionModel, cohort: FusionCohort, among: tuple[int, ...] = (0, 1, 2)) -> float:
    """Share of right predictions among patients of some classes, other classes left out of the choice."""
    rows = np.isin(cohort.classes, among)
    log_p = model.predict(cohort).log_p[torch.from_numpy(rows)][:, list(among)]
    return float((np.array(among)[log_p.argmax(dim=1)] == cohort.classes[rows]).mean())


@pytest.fixture(scope="module")
def both() -> FusionModel:
    """Images tell a from the others, genes b from the others: only together they tell all."""
    return fit_fusion(cohort_of(150, images_tell=(0, 1, 1), genes_tell=(0, 1, 0)), SMALL)


def test_what_each_modality_holds_a_part_of_is_solved_together(both: FusionModel) -> None:
    new = cohort_of(90, seed=1, images_tell=(0, 1, 1), genes_tell=(0, 1, 0))
    assert accuracy(both, new) >= 0.9
    assert accuracy(both, new.without("images")) < 0.8
    assert accuracy(both, new.without("expression")) < 0.8


@pytest.mark.parametrize(("tells", "other"), [("images", "expression"), ("expression", "images")])
def test_two_subtypes_that_only_one_modality_tells_apart(tells: str, other: str) -> None:
    groups = {"images_tell": (0, 1, 2), "genes_tell": (0, 1, 1)}
    if tells == "expression":
        groups = {"images_tell": (0, 1, 1), "genes_tell": (0, 1, 2)}
    model = fit_fusion(cohort_of(120, **groups), SMALL)
    new = cohort_of(150, seed=1, **groups)
    assert accuracy(model, new, (1, 2)) >= 0.9
    # 100 patients at chance: below .65 with probability .998
    assert 0.35 < accuracy(model, new.without(tells), (1, 2)) < 0.65
    assert accuracy(model, new.without(other), (1, 2)) >= 0.9


def test_shuffled_labels_end_at_chance() -> None:
    cohort = cohort_of(120)
    shuffled = replace(cohort, labels=np.random.default_rng(3).permutation(cohort.labels))
    assert accuracy(fit_fusion(shuffled, SMALL), cohort_of(120, seed=1)) < 0.55


def test_images_of_other_patients_change_the_prediction(both: FusionModel) -> None:
    cohort = cohort_of(30, seed=2)
    turned = dict(zip(cohort.patients, np.roll([cohort.bags[n] for n in cohort.patients], 1), strict=True))
    before, after = both.predict(cohort).log_p, both.predict(replace(cohort, bags=turned)).log_p
    assert (before - after).abs().amax(dim=1).median() > 0.1


def test_weights_of_modalities_add_to_one_and_a_missing_one_has_none(both: FusionModel) -> None:
    cohort = cohort_of(6, seed=4)
    cohort.expression[0] = np.nan
    found = both.predict(replace(cohort, bags={n: b for n, b in cohort.bags.items() if n != "P001"}))
    assert torch.allclose(found.modalities.sum(dim=1), torch.ones(6))
    assert found.modalities[0].tolist() == [1, 0]
    assert found.modalities[1].tolist() == [0, 1]
    assert torch.isfinite(found.log_p).all()


def test_a_patient_with_nothing_has_no_prediction(both: FusionModel) -> None:
    cohort = cohort_of(3, seed=4)
    cohort.expression[1] = np.nan
    found = both.predict(replace(cohort, bags={n: b for n, b in cohort.bags.items() if n != "P001"}))
    assert found.log_p.isnan().any(dim=1).tolist() == [False, True, False]


def test_scaling_comes_from_training_patients(both: FusionModel) -> None:
    """Whoever else is predicted along, and however they are scaled, nobody's own prediction changes."""
    cohort = cohort_of(12, seed=5)
    alone = both.predict(cohort.take(np.array([0]))).log_p
    cohort.expression[1:] = cohort.expression[1:] * 50 + 900
    assert torch.allclose(both.predict(cohort).log_p[:1], alone, atol=1e-5)
    training = cohort_of(150, images_tell=(0, 1, 1), genes_tell=(0, 1, 0))
    assert np.allclose(both.scaling.gene_mean, training.expression.mean(axis=0))


def test_the_same_seed_gives_the_same_model() -> None:
    cohort, new = cohort_of(40), cohort_of(10, seed=1)
    brief = SMALL.model_copy(update={"training": SMALL.training.model_copy(update={"epochs": 2})})
    state = torch.get_rng_state()
    one = fit_fusion(cohort, brief).predict(new).log_p
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(7)
    assert torch.equal(fit_fusion(cohort, brief).predict(new).log_p, one)


def test_patients_of_unknown_class_may_take_part() -> None:
    cohort = cohort_of(60)
    cohort.labels[:10] = cohort.tree.root
    assert accuracy(fit_fusion(cohort, SMALL), cohort_of(60, seed=1)) > 0.8


def test_superclass_labels_take_part() -> None:
    """Nobody of class b is known by more than the superclass of a and b, yet b is possible and c is not."""
    values = {name: {"index": i} for i, name in enumerate(("background", "a", "b", "c"))}
    nodes = [Node("background", values=values["background"]), Node("ab")]
    nodes += [Node(name, "ab" if name != "c" else "root", values[name]) for name in ("a", "b", "c")]
    tree, plain = Taxonomy("tree", tuple(nodes)), cohort_of(90, genes_tell=(0, 0, 1), images_tell=(0, 0, 1))
    labels = np.array([tree.index(plain.tree.names[v]) for v in plain.labels])
    labels[labels == tree.index("b")] = tree.index("ab")
    model = fit_fusion(replace(plain, labels=labels, tree=tree), SMALL)
    p = model.predict(plain.take(np.flatnonzero(plain.classes == 1))).network.log_p.exp()
    assert p[:, :2].sum(dim=1).mean() > 0.8


@pytest.mark.parametrize("missing", ["images", "expression"])
def test_a_cohort_without_a_modality_is_fitted_on_the_other(missing: str) -> None:
    model = fit_fusion(cohort_of(60).without(missing), SMALL)
    assert accuracy(model, cohort_of(60, seed=1).without(missing)) > 0.8


def test_a_panel_takes_no_other_gene() -> None:
    panel = SMALL.model_copy(update={"genes": GeneSettings(panel=3, groups=2)})
    model = fit_fusion(cohort_of(60), panel)
    assert model.scaling.genes == ("g0", "g1", "g2")


def test_tables_and_tiles_of_another_kind_are_refused(both: FusionModel) -> None:
    cohort = cohort_of(4, seed=6)
    with pytest.raises(DataError, match=r"none of the 8 genes .* e\.g\. 'g0', but e\.g\. 'x'"):
        both.predict(replace(cohort, genes=("x",) * 8))
    wide = {name: bag_of(name, np.zeros((2, 9))) for name in cohort.patients}
    with pytest.raises(DataError, match="P000: tiles have 9 features, but the model was trained on 6"):
        both.predict(replace(cohort, bags=wide))


def test_genes_that_are_missing_count_as_average(both: FusionModel) -> None:
    cohort = cohort_of(5, seed=7)
    average = replace(cohort, expression=cohort.expression.copy())
    average.expression[:, 7] = both.scaling.gene_mean[7]
    less = replace(cohort, genes=cohort.genes[:7], expression=cohort.expression[:, :7])
    assert both.scaling.missing_genes(less) == ["g7"]
    assert torch.allclose(both.predict(less).log_p, both.predict(average).log_p, atol=1e-5)


def test_too_few_labels_are_refused() -> None:
    with pytest.raises(DataError, match="labels: 3 patients of 3 classes are too few"):
        fit_fusion(cohort_of(3), SMALL)


def test_a_pool_is_no_worse_than_its_best_member_on_what_chose_it() -> None:
    random = np.random.default_rng(0)
    possible = torch.eye(3, dtype=torch.bool)[torch.from_numpy(random.integers(0, 3, 200))]
    members = {
        name: torch.from_numpy(noise * random.normal(size=(200, 3)) + 1.5 * possible.numpy()).log_softmax(dim=1)
        for name, noise in (("good", 1.0), ("bad", 4.0))
    }
    weights = pool_weights(members, possible)

    def loss(chosen: dict[str, float]) -> float:
        fused = torch.stack([w * members[n] for n, w in chosen.items()]).sum(dim=0).log_softmax(dim=1)
        return float(-fused[possible].mean())

    assert loss(weights) <= min(loss({"good": 1.0, "bad": 0.0}), loss({"good": 0.0, "bad": 1.0}))
    assert weights["good"] > weights["bad"]
