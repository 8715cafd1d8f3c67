from __future__ import annotations

import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.data.datalist_settings import DatalistSettings, resolve_settings
from cladeseg.segmentation.data.supervision import assign_supervision, without_hidden_labels

CASES = [
    {
        "case": f"p{i}_{f}",
        "patient": f"p{i}",
        "group": "ab"[i % 2],
        "image": f"p{i}_{f}.nii",
        "label": f"p{i}_{f}_gt.nii",
    }
    for i in range(12)
    for f in (1, 2)
]
SIDES = {"training": [f"p{i}" for i in range(8)], "validation": ["p8", "p9"], "test": ["p10", "p11"]}


def _assign(cases=CASES, **settings):
    assigned = assign_supervision(
        cases, SIDES, DatalistSettings(label_convention="acdc", superclass="heart", **settings)
    )
    return {case["case"]: case["supervision"] for members in assigned.values() for case in members}


def _fine(**settings):
    return {
        case[:2]
        for case, supervision in _assign(fine_patients=2, **settings).items()
        if supervision == "fine" and case[:2] in SIDES["training"]
    }


def test_both_frames_of_a_patient_have_one_supervision():
    assigned = _assign(fine_patients=2, coarse_patients=3)
    assert all(assigned[f"p{i}_1"] == assigned[f"p{i}_2"] for i in range(12))
    assert [sum(assigned[f"p{i}_1"] == name for i in range(8)) for name in ("fine", "heart", "unlabelled")] == [2, 3, 3]


def test_the_seed_decides_who_is_fine():
    assert len({frozenset(_fine(seed=seed)) for seed in range(20)}) > 5


def test_growing_the_fine_budget_takes_coarse_patients_first():
    before, after = _assign(fine_patients=2, coarse_patients=3), _assign(fine_patients=5, coarse_patients=0)
    promoted = {case for case in after if after[case] == "fine" and before[case] != "fine"}
    assert all(before[case] == "heart" for case in promoted)


def test_fine_patients_may_be_named():
    assigned = _assign(fine_patients=["p5", "p2"], coarse_patients=3)
    assert [i for i in range(8) if assigned[f"p{i}_1"] == "fine"] == [2, 5]
    assert [assigned[f"p{i}_1"] for i in range(8)].count("heart") == 3
    assert "fine" not in {_assign(fine_patients=[])[f"p{i}_1"] for i in range(8)}


@pytest.mark.parametrize("patient", ["p8", "p10", "nobody"])
def test_a_named_patient_must_be_one_to_train_on(patient):
    with pytest.raises(DataError, match=f"fine_patients: '{patient}' is no training patient"):
        _assign(fine_patients=["p1", patient])


@pytest.mark.parametrize("names", [["p1", "p1"], ["p1", 2]])
def test_names_are_texts_and_each_is_given_once(names, acdc_tree):
    with pytest.raises(DataError, match="should name patients, each once"):
        resolve_settings(DatalistSettings(label_convention="acdc", fine_patients=names), acdc_tree)


def test_a_patient_with_one_label_counts_with_that_frame():
    cases = [{k: v for k, v in case.items() if k != "label" or case["case"] != "p0_2"} for case in CASES]
    assigned = _assign(cases, allow_missing_labels=True)
    assert (assigned["p0_1"], assigned["p0_2"]) == ("fine", "unlabelled")


def test_the_label_of_an_unlabelled_case_is_not_even_named():
    assert "label" not in without_hidden_labels({**CASES[0], "supervision": "unlabelled"})
    assert without_hidden_labels({**CASES[0], "supervision": "heart"})["label"] == CASES[0]["label"]
