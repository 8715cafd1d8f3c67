from __future__ import annotations

import numpy as np
import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.metrics import (
    LESION_METRICS,
    STRUCTURE_METRICS,
    HierarchyRecord,
    Record,
    evaluate_case,
    summarise,
)
from cladeseg.taxonomy import TaxonomyError

PATIENTS = {"p_ed": "p", "p_es": "p", "q_ed": "q", "unused": "r"}


def summary_of(records, tree, **changes):
    options = {"patients": PATIENTS, "nesting_violations": 0, "tolerance_mm": 2.0, "resamples": 50}
    return summarise(records, tree, **(options | changes))


def row(tree, *names) -> np.ndarray:
    return np.array([tree.index(name) for name in names], dtype=np.uint8).reshape(-1, 1, 1)


def evaluated(tree, case: str, predicted, truth) -> list[Record]:
    return evaluate_case(case, row(tree, *predicted), row(tree, *truth), tree, affine=np.eye(4))


@pytest.fixture
def flat_records(flat_tree) -> list[Record]:
    return [
        *evaluated(flat_tree, "p_ed", ["a", "background"], ["a", "background"]),  # a found, b in neither
        *evaluated(flat_tree, "p_es", ["background", "b"], ["a", "b"]),  # a missed, b found
        *evaluated(flat_tree, "q_ed", ["a", "b"], ["a", "a"]),  # a half found, b spurious
    ]


def test_the_summary_has_the_promised_keys(flat_tree, flat_records):
    summary = summary_of(flat_records, flat_tree, nesting_violations=3)
    assert list(summary) == [
        "nodes",
        "mean_leaf",
        "status_counts",
        "nesting_violations",
        "nsd_tolerance_mm",
        "cases",
        "patients",
    ]
    assert (summary["cases"], summary["patients"]) == (3, 2)
    assert (summary["nesting_violations"], summary["nsd_tolerance_mm"]) == (3, 2.0)
    assert list(summary["nodes"]) == ["a", "b"]
    assert list(summary["nodes"]["a"]) == [*STRUCTURE_METRICS, "status_counts"]
    assert list(summary["nodes"]["a"]["dice"]) == ["mean", "ci95", "n"]


def test_means_are_over_defined_values_with_their_number(flat_tree, flat_records):
    nodes = summary_of(flat_records, flat_tree)["nodes"]
    assert nodes["a"]["dice"]["mean"] == pytest.approx((1 + 0 + 2 / 3) / 3)
    assert nodes["a"]["dice"]["n"] == 3
    assert nodes["a"]["hd95_mm"]["n"] == 2  # the missed one has no distance: it must not improve the mean as 0 mm
    assert nodes["a"]["hd95_mm"]["mean"] == pytest.approx((0 + 0.95) / 2)
    assert nodes["b"]["dice"] == {"mean": 0.5, "ci95": [0.0, 1.0], "n": 2}


def test_mean_leaf_is_the_mean_of_the_leaves_means(flat_tree, flat_records):
    summary = summary_of(flat_records, flat_tree)
    for metric in ("dice", "iou"):
        means = [summary["nodes"][name][metric]["mean"] for name in ("a", "b")]
        assert summary["mean_leaf"][metric] == pytest.approx(sum(means) / 2)


def test_mean_leaf_ignores_superclasses(acdc_tree):
    records = evaluated(acdc_tree, "p_ed", ["myocardium", "right_ventricle"], ["left_ventricle", "right_ventricle"])
    summary = summary_of(records, acdc_tree)
    assert summary["nodes"]["heart"]["dice"]["mean"] == 1.0
    assert summary["mean_leaf"]["dice"] == pytest.approx(1 / 3)


def test_statuses_are_counted_once_for_each_case_and_structure(flat_tree, flat_records):
    summary = summary_of(flat_records, flat_tree)
    assert summary["status_counts"] == {"ok": 3, "both_empty": 1, "missed": 1, "spurious": 1}
    assert summary["nodes"]["a"]["status_counts"] == {"ok": 2, "both_empty": 0, "missed": 1, "spurious": 0}


def test_a_structure_without_any_value_is_null(flat_tree):
    summary = summary_of(evaluated(flat_tree, "p_ed", ["a"], ["a"]), flat_tree)
    assert summary["nodes"]["b"]["dice"] == {"mean": None, "ci95": [None, None], "n": 0}
    assert summary["mean_leaf"]["dice"] == 1.0


def test_no_records_summarise_to_nulls(flat_tree):
    summary = summary_of([], flat_tree)
    assert summary["mean_leaf"] == {"dice": None, "iou": None}
    assert summary["status_counts"] == {"ok": 0, "both_empty": 0, "missed": 0, "spurious": 0}
    assert (summary["cases"], summary["patients"]) == (0, 0)


def test_a_structure_that_a_truth_leaves_open_counts_in_the_other_cases_only(acdc_tree):
    records = [
        *evaluated(acdc_tree, "p_ed", ["myocardium"], ["myocardium"]),
        *evaluated(acdc_tree, "q_ed", ["myocardium"], ["heart"]),
    ]
    summary = summary_of(records, acdc_tree)
    assert summary["nodes"]["heart"]["dice"]["n"] == 2
    assert summary["nodes"]["myocardium"]["dice"]["n"] == 1
    assert sum(summary["nodes"]["myocardium"]["status_counts"].values()) == 1


def test_child_given_parent_stands_beside_the_other_metrics(acdc_tree):
    records = evaluated(acdc_tree, "p_ed", ["myocardium"], ["myocardium"])
    hierarchy = [
        HierarchyRecord("p_ed", "myocardium", 0.25, "ok"),
        HierarchyRecord("p_ed", "left_ventricle", None, "both_empty"),
    ]
    nodes = summary_of(records, acdc_tree, hierarchy_records=hierarchy)["nodes"]
    assert nodes["myocardium"]["dice_given_parent"] == {"mean": 0.25, "ci95": [0.25, 0.25], "n": 1}
    assert nodes["left_ventricle"]["dice_given_parent"]["mean"] is None
    assert "dice_given_parent" not in nodes["heart"]
    assert nodes["myocardium"]["status_counts"]["ok"] == 1


def test_lesions_are_summarised_only_where_they_were_measured(acdc_tree):
    lesions = [
        Record(case, "heart", metric, value, "ok")
        for case, values in {"p_ed": (0.5, 3.0, 1.0, 0.0), "q_ed": (None, None, 0.0, 0.0)}.items()
        for metric, value in zip(LESION_METRICS, values, strict=True)
    ]
    summary = summary_of([*evaluated(acdc_tree, "p_ed", ["myocardium"], ["myocardium"]), *lesions], acdc_tree)
    heart = summary["nodes"]["heart"]
    assert list(heart) == [*STRUCTURE_METRICS, *LESION_METRICS, "status_counts"]
    assert (heart["lesion_dice"]["mean"], heart["lesion_dice"]["n"]) == (0.5, 1)
    assert (heart["lesions_missed"]["mean"], heart["lesions_missed"]["n"]) == (0.5, 2)
    assert list(summary["nodes"]["myocardium"]) == [*STRUCTURE_METRICS, "status_counts"]
    assert heart["status_counts"]["ok"] == 2  # each case once, however many metrics it has


def test_the_interval_is_the_same_whatever_the_order_of_the_cases(flat_tree, flat_records):
    assert summary_of(flat_records, flat_tree) == summary_of(flat_records[::-1], flat_tree)


def test_a_case_without_patient_is_named(flat_tree):
    with pytest.raises(DataError, match=r"^stranger: "):
        summary_of([Record("stranger", "a", "dice", 1.0, "ok")], flat_tree)


def test_a_structure_of_another_tree_is_named(flat_tree):
    with pytest.raises(TaxonomyError, match="'liver'"):
        summary_of([Record("p_ed", "liver", "dice", 1.0, "ok")], flat_tree)
