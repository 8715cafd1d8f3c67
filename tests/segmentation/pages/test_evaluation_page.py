"""The page of an evaluation, from its folder alone."""

from __future__ import annotations

import re

import numpy as np
import pytest
from page_runs import AFFINE, NASTY, SHIFTS, evaluated_run, truth

from cladeseg.files import DataError, read_json
from cladeseg.segmentation.pages import write_evaluation_page, write_report
from cladeseg.segmentation.pages.calibration import Calibration, expected_calibration_error
from cladeseg.segmentation.pages.stored_case import keep_case, read_case, structure_box, write_case


def text_of(run) -> str:
    return write_evaluation_page(run).read_text(encoding="utf-8")


def test_the_page_lies_beside_the_scores_and_shows_every_part(tmp_path, acdc_tree):
    run = evaluated_run(tmp_path / "R", acdc_tree, SHIFTS, history=True)
    page = text_of(run)
    assert (run.evaluation / "report.html").is_file()
    heads = re.findall(r"<h2[^>]*>([^<]*)", page)
    assert heads == [
        "What this is",
        "Scores per structure",
        "Distribution over cases",
        "Cases",
        "Volume viewer",
        "Every case",
        "Training curves",
    ]
    assert "Trained on none of these." in page


def test_a_case_called_script_is_shown_as_its_name(tmp_path, acdc_tree):
    page = text_of(evaluated_run(tmp_path / "R", acdc_tree, SHIFTS))
    assert NASTY not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_failed_the_worst_the_median_and_the_best_are_kept_and_no_other(tmp_path, acdc_tree):
    run = evaluated_run(tmp_path / "R", acdc_tree, SHIFTS, missed="b")
    shown = {case["name"]: case["why"] for case in read_json(run.evaluation / "report.json")["cases"]}
    assert shown["b"] == "failed: left_ventricle missed"
    assert shown[NASTY] == "worst"
    assert {case for case, why in shown.items() if why == "best"} == {"a", "f"}
    assert len(list((run.evaluation / "cases").iterdir())) == len(shown) < len(SHIFTS)


def test_the_page_can_be_made_again_and_elsewhere(tmp_path, acdc_tree):
    run = evaluated_run(tmp_path / "R", acdc_tree, SHIFTS)
    first = text_of(run)
    page = write_report([run.root], tmp_path / "page.html")
    assert page.read_text(encoding="utf-8") == first


def test_a_folder_without_evaluation_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(DataError, match=r"report\.json: there is no such file; evaluate"):
        write_report([tmp_path])


def test_a_damaged_case_is_named(tmp_path, acdc_tree):
    run = evaluated_run(tmp_path / "R", acdc_tree, {"a": 0})
    (kept,) = (run.evaluation / "cases").iterdir()
    kept.write_bytes(b"no zip")
    with pytest.raises(DataError, match=rf"{kept.name}: cannot be read"):
        write_evaluation_page(run)


def test_a_kept_case_lies_where_it_lay(tmp_path, acdc_tree):
    """World positions of a structure, before and after cutting and turning."""
    nodes, v = truth(acdc_tree), acdc_tree.index("left_ventricle")
    box = structure_box([nodes], AFFINE, acdc_tree)
    kept = keep_case(nodes.astype(float), nodes, AFFINE, acdc_tree, box=box, truth=nodes)
    write_case(kept, tmp_path / "case.npz")
    again = read_case(tmp_path / "case.npz")
    places = [np.argwhere(n == v) @ a[:3, :3].T + a[:3, 3] for n, a in ((nodes, AFFINE), (again.truth, again.affine))]
    assert {tuple(p) for p in places[0]} == {tuple(p) for p in places[1]}
    assert (np.diag(again.affine)[:3] > 0).all()
    assert again.uncertainty is None


def test_calibration_counts_structures_only(flat_tree):
    probabilities = np.zeros((3, 4, 1, 1), np.float32)
    probabilities[:, :, 0, 0] = [[0.9, 0.25, 0.25, 0.1], [0.1, 0.75, 0.75, 0.1], [0.0, 0.0, 0.0, 0.8]]
    true = np.array([0, 1, 2, flat_tree.root], np.uint8).reshape(4, 1, 1)  # the last one nobody knows
    calibration = Calibration(flat_tree)
    calibration.add(probabilities, true)
    assert calibration.points() == [{"voxels": 2, "probability": 0.75, "right": 0.5}]
    assert expected_calibration_error(calibration.points()) == 0.25
    assert expected_calibration_error([]) is None
