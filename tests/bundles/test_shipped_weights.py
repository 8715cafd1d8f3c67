"""The hippocampus bundle predicts out of the box, with the score that its documentation states."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import torch
from bundle_runs import EVALUATE, REPOSITORY, command, json_of
from safetensors.torch import load_file

from cladeseg.bundle.trained_tree import tree_record
from cladeseg.bundle.weights_record import digest_of
from cladeseg.segmentation.phantoms import write_msd_phantoms
from cladeseg.segmentation.workflow import load_predictor
from cladeseg.taxonomy import load_taxonomy

BUNDLE = REPOSITORY / "bundles" / "hippocampus_subclass_segmentation"
MODELS = BUNDLE / "models"
DATA = Path(os.environ.get("CLADESEG_DATA", REPOSITORY.parent / "shared" / "data")) / "hippocampus"
MEGABYTE = 1e6


def test_both_forms_of_the_weights_are_small_and_as_recorded() -> None:
    files = ["model.safetensors", "model.pt"]
    assert sum((MODELS / name).stat().st_size for name in files) <= 8 * MEGABYTE
    recorded = json_of(BUNDLE / "configs" / "metadata.json")["weights"]
    assert recorded == {name: digest_of(MODELS / name) for name in [*files, "model.json"]}
    assert recorded == json_of(MODELS / "model.json")["sha256"]


def test_the_weights_know_the_bundles_tree() -> None:
    tree = load_taxonomy(BUNDLE / "configs" / "taxonomy.json")
    assert json_of(MODELS / "model.json")["taxonomy"] == tree_record(tree)


def test_both_forms_hold_the_same_tensors() -> None:
    safe, plain = load_file(MODELS / "model.safetensors"), torch.load(MODELS / "model.pt", weights_only=True)
    assert set(safe) == set(plain)
    assert all(torch.equal(safe[name], plain[name]) for name in safe)


def test_the_licence_of_the_data_is_passed_on() -> None:
    text = (BUNDLE / "docs" / "data_license.txt").read_text(encoding="utf-8")
    assert "CC BY-SA 4.0" in text
    assert "Antonelli" in text


def test_the_bundle_predicts_without_any_training(tmp_path: Path) -> None:
    files = write_msd_phantoms(tmp_path / "d", cases=1, seed=0)
    image = next(file for file in files if "imagesTr" in file.parts)
    mask = load_predictor(BUNDLE, device="cpu")(image)
    assert set(mask.unique().tolist()) <= {0, 1, 2}


def test_the_split_that_the_weights_know_has_no_case_twice() -> None:
    split = json_of(MODELS / "datalist.json")
    cases = [case["case"] for part in ("training", "validation", "test") for case in split[part]]
    assert len(cases) == len(set(cases)) > 200
    assert len(split["test"]) >= 40


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA}; CLADESEG_DATA names their folder")
def test_the_documented_score_is_reached_by_the_documented_command(tmp_path: Path) -> None:
    command(BUNDLE, "evaluating", EVALUATE, dataset_dir=str(DATA), output_dir=str(tmp_path / "R"), device="cpu")
    dice = json_of(tmp_path / "R" / "eval" / "metrics.json")["mean_leaf"]["dice"]
    assert dice >= 0.88
    documented = re.search(r"\*\*mean of leaves\*\* \| ([\d.]+)", (BUNDLE / "docs" / "README.md").read_text("utf-8"))
    assert documented is not None
    assert float(documented[1]) == pytest.approx(dice, abs=0.002)
