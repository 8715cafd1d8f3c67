"""A study of kinds that no training saw: who is on which side, what is resumed, and what its page says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cladeseg.clustering.descriptors import channels_of
from cladeseg.clustering.model import ModelOptions, PqapOptions, fit_model
from cladeseg.clustering.model.pair_methods import Comparison
from cladeseg.clustering.objects import ClusteredObject, KeyPoints, ObjectPoints, ObjectSet
from cladeseg.clustering.pqap import PqapParameters
from cladeseg.clustering.study import (
    Draw,
    StudyPlan,
    candidate_page,
    read_study_objects,
    run_study,
    study_draws,
    study_page,
    study_table,
)
from cladeseg.clustering.study.candidates import candidate_rows
from cladeseg.clustering.study.draw import _sides, measure_all
from cladeseg.clustering.study.intervals import mean_intervals
from cladeseg.files import DataError

PLAN = StudyPlan(
    ModelOptions.model_validate({"pqap": {"enabled": False}, "zero": {"folds": 2, "batches": 3}}), test=0.3
)


def one(name: str, kind: int, rng: np.random.Generator) -> ClusteredObject:
    """An object whose two numbers lie about those of its kind."""
    points = KeyPoints(rng.uniform(0, 360, 5), np.zeros(5, dtype=int), rng.random(5), rng.random(5))
    place = np.array([kind % 3, kind // 3]) * 3.0 + rng.normal(0, 0.3, 2)
    return ClusteredObject(name, ObjectPoints(points, points), shape=place)


def objects(kinds: int = 6, each: int = 10) -> ObjectSet:
    """Two objects of a kind from each source, and now and then one of another kind beside them."""
    rng = np.random.default_rng(0)
    names = [(f"{kind}_{n}", kind, f"s{kind}_{n // 2}") for kind in range(kinds) for n in range(each)]
    held = [one(name, kind, rng) for name, kind, _ in names]
    classes = {name: f"k{kind}" for name, kind, _ in names}
    return ObjectSet(held, classes, {name: source for name, _, source in names} | {"0_0": "s5_0"})


# ---- sides -----------------------------------------------------------------------------------------------------------


def test_no_source_is_on_two_sides_and_unseen_classes_never_train() -> None:
    held = objects()
    for number in range(4):
        training, validation, parts = _sides(held, Draw(number, ("k4", "k5")), PLAN)
        sides = [training, validation, parts["seen"], parts["unseen"]]
        sources = [{held.sources[name] for name in side} for side in sides]
        assert all(not one & other for at, one in enumerate(sources) for other in sources[at + 1 :])
        assert {held.classes[name] for name in parts["unseen"]} == {"k4", "k5"}
        assert not {held.classes[name] for name in [*training, *validation, *parts["seen"]]} & {"k4", "k5"}


def test_named_classes_take_no_part_in_drawn_ones() -> None:
    drawn, named = study_draws("abcdef", unseen=[["f"]], seeds=1, draws=1, left_out=2)
    assert named.unseen == ("f",)
    assert drawn.absent == ("f",)
    training, _, parts = _sides(objects(), Draw(0, ("k1",), absent=("k5",)), PLAN)
    assert not any(name.startswith("5_") for name in [*training, *parts["unseen"], *parts["seen"]])


def test_a_class_that_is_not_there_and_too_many_that_are_kept_back_are_refused() -> None:
    with pytest.raises(DataError, match="there is no class 'z'; there are a, b"):
        study_draws("ab", unseen=[["z"]])
    with pytest.raises(DataError, match="left_out: is 3 of 4 classes"):
        study_draws("abcd", draws=1, left_out=3)
    with pytest.raises(DataError, match="k0: no object of these classes"):
        _sides(ObjectSet([]), Draw(0, ("k0",)), PLAN)


# ---- runs ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("study")
    return folder, run_study(objects(), PLAN, [Draw(0, ("k4", "k5")), Draw(1, ("k4", "k5"))], folder, device="cpu")


def test_kinds_that_are_apart_are_found_and_each_row_says_whose_clusters_it_scores(
    finished: tuple[Path, pd.DataFrame],
) -> None:
    _, rows = finished
    assert set(rows["part"]) == {"unseen", "seen", "both"}
    unseen = rows[(rows["part"] == "unseen") & (rows["zero"] == "centred")]
    assert (unseen["pair_auc"] > 0.9).all()
    for row in rows.to_dict("records"):
        assert len(row["numbers"]) == len(row["labels"]) == len(row["sources"]) == row["objects"]


def test_a_finished_draw_is_not_computed_again_and_one_of_other_settings_is_refused(
    finished: tuple[Path, pd.DataFrame],
) -> None:
    folder, rows = finished
    file = folder / "k4+k5_0.json"
    held = json.loads(file.read_text())
    held["rows"][0]["rand"] = 0.123
    file.write_text(json.dumps(held))
    draws = [Draw(0, ("k4", "k5")), Draw(1, ("k4", "k5"))]
    again = run_study(objects(), PLAN, draws, folder, device="cpu")
    assert again["rand"].tolist() == [0.123, *rows["rand"].tolist()[1:]]
    with pytest.raises(DataError, match=r"k4\+k5_0\.json: was made with other settings"):
        run_study(objects(), StudyPlan(test=0.5), draws, folder, device="cpu")


# ---- table -----------------------------------------------------------------------------------------------------------


def row(method: str, seed: int, numbers: list[int], *, vi: float, zero: str = "centred") -> dict[str, object]:
    scores = dict.fromkeys(("rand", "ari", "f1_join", "pair_auc", "clusters", "classes"), 1.0)
    about = {"kept_back": "a + b", "part": "unseen", "objects": 4, "chosen": False, "vi_chosen_on": 0.0}
    held = {"numbers": numbers, "labels": ["a", "a", "b", "b"], "sources": list("wxyz")}
    return {**about, **scores, **held, "method": method, "zero": zero, "seed": seed, "vi_bits": vi}


def test_the_gain_is_paired_and_a_method_that_loses_is_called_so() -> None:
    right, joined = [0, 0, 1, 1], [0, 0, 0, 0]
    rows = [row("descriptors", seed, right, vi=0.0) for seed in (0, 1)]
    rows += [row("twin", seed, joined, vi=1.0) for seed in (0, 1)]
    table = study_table(pd.DataFrame(rows))
    twin = table.set_index("method").loc["twin"]
    assert (twin["vi_gain"], twin["better"], twin["worse"]) == (-1.0, 0, 2)
    assert twin["vi_gain_low"] < -0.8
    page = study_page(table)
    assert (
        "twin **loses to** the descriptors here: VI 1.00 bits worse on average. It is better in 0 and worse in 2"
        in page
    )
    assert "| descriptors, centred | 0.00 [0.00, 0.00]" in page


def test_an_interval_has_no_width_where_every_resample_is_right_and_some_where_not() -> None:
    right = pd.DataFrame([row("descriptors", 0, [0, 0, 1, 1], vi=0.0)])
    wrong = pd.DataFrame([row("twin", 0, [0, 1, 1, 1], vi=1.19)])
    assert mean_intervals(right, right) == {"vi_bits": (0, 0), "rand": (1, 1), "vi_gain": (0, 0)}
    low, high = mean_intervals(wrong, right)["vi_gain"]
    assert -2 < low < -1.19 < high < 0.5


# ---- fewer pairs -----------------------------------------------------------------------------------------------------


def test_fewer_matched_pairs_are_compared_with_all_of_them() -> None:
    held = objects(kinds=5, each=6)
    options = ModelOptions.model_validate({"zero": {"folds": 2, "batches": 3}})
    measured = measure_all(held, options.model_copy(update={"pqap": PqapOptions(enabled=False)}), None)
    classes = held.labels()
    noise = np.random.default_rng(0).normal(0, 0.02, (30, 30))
    similarity = np.where(classes[:, None] == classes, 0.8, 0.6) + (noise + noise.T) / 2
    measured = replace(measured, similarity=similarity.astype(np.float32))
    comparison = Comparison(tuple(channels_of(held)), PqapParameters(), options)
    model = fit_model(measured, classes, comparison, validation=np.zeros(30, dtype=bool), seed=0)
    rows = candidate_rows(model, measured, classes, [60, 150, 9999])
    assert [row["max_pairs"] for row in rows if row["method"] == "pqap"] == [60, 150, 435]
    few, all_of_them = rows[0], rows[2]
    assert few["pairs"] <= 60
    assert few["recall"] < 1.0
    assert few["recall"] > few["share"]  # those most alike by descriptors are chosen
    assert (all_of_them["share"], all_of_them["recall"], all_of_them["vi_to_all"]) == (1.0, 1.0, 0.0)
    page = candidate_page(pd.DataFrame(rows))
    assert "| pqap | 435 | 1.00 | 1.00 |" in page
    assert candidate_page(pd.DataFrame()) == ""


# ---- blood cells -----------------------------------------------------------------------------------------------------


def test_crops_of_blood_cells_are_read_by_subtype_and_rare_ones_are_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 40, (25, 64, 64, 3), dtype=np.uint8)
    images[:, 16:48, 16:48] += 180
    kind = np.array(["RBC"] * 10 + ["WBC"] * 15)
    subtype = np.array([""] * 11 + ["NEUTROPHIL"] * 12 + ["BASOPHIL"] * 2)
    np.savez(
        tmp_path / "crops64.npz", images=images, cell_type=kind, wbc_subtype=subtype, source_image=np.arange(25) // 5
    )
    found = read_study_objects(tmp_path)
    assert sorted(set(found.labels())) == ["NEUTROPHIL", "RBC"]
    assert len(found) == 22
    assert (found.sources["0"], found.sources["22"]) == ("0", "4")


def test_a_damaged_file_of_crops_is_named(tmp_path: Path) -> None:
    (tmp_path / "crops64.npz").write_bytes(b"torn")
    with pytest.raises(DataError, match=r"crops64\.npz: cannot be read as crops of blood cells"):
        read_study_objects(tmp_path)
