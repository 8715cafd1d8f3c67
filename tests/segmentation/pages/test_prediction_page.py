"""Quality control of masks without truth: what stands out, beside the training cases and not beside one another."""

from __future__ import annotations

import re

import pytest
from page_runs import NASTY, predicted_folder

from cladeseg.files import DataError, read_json
from cladeseg.segmentation.pages import write_report
from cladeseg.segmentation.pages.volume_reference import VolumeReference

#: ml of the left ventricle of page_runs.truth: 5 x 3 x 3 voxels of 1.5 x 2 x 8 mm.
USUAL = 5 * 3 * 3 * 1.5 * 2 * 8 / 1000
AROUND = [USUAL * factor for factor in (0.8, 0.9, 1.0, 1.1, 1.25)]


def page_of(folder) -> str:
    return write_report([folder]).read_text(encoding="utf-8")


def reasons(page: str) -> dict[str, str]:
    table = re.search(r'<table id="every-case-table".*?</table>', page, re.DOTALL)
    assert table is not None
    rows = re.findall(r"<tr><th.*?</tr>", table[0], re.DOTALL)
    cells = [[re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]
    return {row[0]: row[1] for row in cells if row[0] != "case"}


def test_a_volume_stands_out_beside_the_training_cases(tmp_path, acdc_tree):
    folder = predicted_folder(tmp_path, acdc_tree, {"usual": 0, "large": 6}, {"left_ventricle": AROUND})
    found = reasons(page_of(folder))
    assert found == {"large": "left_ventricle is unusually large", "usual": "–"}
    assert next(iter(found)) == "large", "what stands out comes first"


def test_cases_that_are_all_alike_stand_out_if_training_had_others(tmp_path, acdc_tree):
    """A distance to the cases' own median would find nothing here."""
    alike = dict.fromkeys("abcdef", 6)
    found = reasons(page_of(predicted_folder(tmp_path, acdc_tree, alike, {"left_ventricle": AROUND})))
    assert set(found.values()) == {"left_ventricle is unusually large"}


def test_without_volumes_of_the_training_the_page_says_so(tmp_path, acdc_tree):
    page = page_of(predicted_folder(tmp_path, acdc_tree, {"usual": 0, "large": 6}))
    assert "Nothing beside the weights says how large the structures of their training cases were" in page
    assert reasons(page) == {"usual": "", "large": "–"}
    assert "left_ventricle distance" not in page


def test_structures_that_few_training_cases_show_are_named(tmp_path, acdc_tree):
    volumes = {"left_ventricle": AROUND, "heart": AROUND[:4]}
    page = page_of(predicted_folder(tmp_path, acdc_tree, {"usual": 0}, volumes))
    assert "Unusual volumes are not found of heart, right_ventricle, left_heart, myocardium: fewer than 5" in page
    assert "left_ventricle distance" in page
    assert "heart distance" not in page.replace("left_heart", "")


def test_an_empty_leaf_stands_out_unless_training_had_it_empty(tmp_path, acdc_tree):
    found = reasons(page_of(predicted_folder(tmp_path / "a", acdc_tree, {"a": -1}, {"left_ventricle": AROUND})))
    assert found["a"] == "left_ventricle is empty"
    often = {"left_ventricle": [0.0, *AROUND]}
    assert reasons(page_of(predicted_folder(tmp_path / "b", acdc_tree, {"a": -1}, often)))["a"] == ""


def test_a_case_called_script_is_shown_as_its_name(tmp_path, acdc_tree):
    page = page_of(predicted_folder(tmp_path, acdc_tree, {NASTY: 0}))
    assert NASTY not in page
    assert f'data-case="{NASTY.replace("<", "&lt;").replace(">", "&gt;")}"' in page


def test_measures_are_those_of_the_mask(tmp_path, acdc_tree):
    folder = predicted_folder(tmp_path, acdc_tree, {"usual": 0})
    (case,) = read_json(folder / "qc" / "report.json")["cases"]
    assert case["nodes"]["left_ventricle"] == {"volume_ml": pytest.approx(USUAL), "components": 1}
    assert case["nodes"]["heart"]["components"] == 1
    assert case["uncertainty"] == pytest.approx(1 - 0.9 / (0.9 + 0.3), abs=1e-6)


def test_a_folder_without_predictions_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"report\.json: there is no such file"):
        write_report([tmp_path])


def test_distances_are_those_of_the_logarithm_in_robust_deviations():
    """Symmetric on the logarithm: twice as large is as far as half as large."""
    reference = VolumeReference.of([1.0, 2.0, 4.0, 8.0, 16.0])
    assert reference.distance(8.0) == pytest.approx(-reference.distance(2.0))
    assert reference.distance(8.0) == pytest.approx(1 / 1.4826)
    assert reference.distance(0.0) is None
    assert VolumeReference.of([1.0, 2.0, 4.0, 8.0]).distance(2.0) is None, "four cases say nothing"
    assert VolumeReference.of([2.0] * 9).distance(4.0) is None, "nor do cases that are all alike"
    assert VolumeReference.of([0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0]).empty == 2
