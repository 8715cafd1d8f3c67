"""What the command leaves behind: patients for a training, and a page with pictures for the expert."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from cladeseg.report import structure_colours
from cladeseg.segmentation.data import build_datalist, store_datalist
from cladeseg.segmentation.selection import SuperclassView, outline_picture, run_selection, training_patients


def run(folder, tree, out, **options):
    chosen = {"layout": "msd", "label_convention": "auto", "budget": 2, "workers": 1, "progress": False, **options}
    return run_selection(folder, tree, out, **chosen)


def test_the_result_is_a_list_of_patients_and_a_page_with_pictures(phantoms, tmp_path, hippocampus_tree):
    proposals = run(phantoms, hippocampus_tree, tmp_path / "S")
    stored = json.loads((tmp_path / "S" / "selection.json").read_text())
    patients = [proposal.patient for proposal in proposals]
    assert stored["patients"] == patients
    assert (stored["superclass"], stored["label_convention"], stored["budget"]) == ("hippocampus", "msd", 2)
    assert str(phantoms) not in json.dumps(stored)
    page = (tmp_path / "S" / "selection.md").read_text()
    assert f"--fine_patients \"['{patients[0]}','{patients[1]}']\"" in page
    for proposal, row in zip(proposals, stored["proposals"], strict=True):
        assert row["reason"] == proposal.reason
        assert f"]({row['picture']})" in page
        assert Image.open(tmp_path / "S" / row["picture"]).mode == "RGB"


def test_with_a_stored_split_only_training_patients_are_proposed(phantoms, tmp_path, hippocampus_tree):
    settings = {
        "layout": "msd",
        "label_convention": "msd",
        "fine_patients": 0,
        "test_fraction": 0.34,
        "validation_fraction": 0.2,
    }
    datalist = build_datalist(phantoms, hippocampus_tree, workers=1, progress=False, **settings)
    store_datalist(datalist, tmp_path / "datalist.json")
    training = training_patients(tmp_path / "datalist.json")
    assert 0 < len(training) < 6
    found = run(phantoms, hippocampus_tree, tmp_path / "S", budget=len(training), datalist=tmp_path / "datalist.json")
    assert sorted(proposal.patient for proposal in found) == training


def test_the_picture_shows_the_outline_and_no_filling(acdc_tree):
    inside = np.zeros((12, 10, 4), bool)
    inside[3:9, 2:8, 1:3] = True
    heart = acdc_tree.index("heart")
    nodes = np.where(inside, heart, 0).astype(np.uint8)
    picture = outline_picture(
        SuperclassView(np.ones((1, 12, 10, 4), np.float32), nodes, inside, np.diag([1.0, 2.0, 4.0, 1.0])), acdc_tree, 2
    )
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    assert width / height == pytest.approx(12 * 1.0 / (10 * 2.0), rel=0.02), "the proportions of the body"
    upper = picture[30 : height // 2]  # a letter is above, the scale bar below
    plain, outlined = upper[:, 30:width], upper[:, width:]
    grey = (plain == plain[..., :1]).all()
    assert grey
    assert not plain.any()
    coloured = (outlined == structure_colours(acdc_tree)[heart]).all(axis=-1)
    assert coloured.any()
    assert not outlined[-1, width // 2].any(), "no filling"
