"""How well weights divide their own fine training cases is told beside every score."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from cladeseg.files import write_json
from cladeseg.segmentation.data import scan
from cladeseg.segmentation.phantoms import write_msd_phantoms
from cladeseg.segmentation.workflow.training_fit import MAX_CASES, training_fit
from cladeseg.taxonomy import Taxonomy, load_taxonomy
from cladeseg.volumes import read_volume

BUNDLE = Path(__file__).parents[3] / "bundles" / "hippocampus_subclass_segmentation"


@pytest.fixture(scope="module")
def tree() -> Taxonomy:
    return load_taxonomy("configs/taxonomy.json", BUNDLE)


class Predictor:
    """Draws what the label of an image says, or nothing."""

    def __init__(self, run: Path, *, knows: bool) -> None:
        self.weights = run / "models" / "model.pt"
        self.knows = knows
        self.asked: list[str] = []

    def __call__(self, image: str) -> tuple[torch.Tensor, Any]:
        self.asked.append(Path(image).name)
        label = read_volume(Path(image.replace("imagesTr", "labelsTr"))).voxels
        return torch.as_tensor(np.asarray(label if self.knows else 0 * label, np.int64)), SimpleNamespace()


def folders(tmp_path: Path, fine: int, coarse: int = 1) -> tuple[Path, Path]:
    """Data, and a run that was trained on some of them finely."""
    data, run = tmp_path / "data", tmp_path / "run"
    write_msd_phantoms(data, cases=fine + coarse, shape=(20, 24, 18))
    cases = [{**case, "supervision": "fine"} for case in scan(data, "msd")]
    for case in cases[fine:]:
        case["supervision"] = "hippocampus"
    write_json({"format": 1, "training": cases, "validation": [], "test": []}, run / "datalist.json")
    return data, run


def test_the_first_fine_training_cases_are_scored_and_no_others(tmp_path: Path, tree: Taxonomy) -> None:
    data, run = folders(tmp_path, MAX_CASES + 1)
    predictor: Any = Predictor(run, knows=True)
    assert training_fit(predictor, data, tree, "msd") == {"cases": MAX_CASES, "dice": 1.0}
    assert predictor.asked == [f"hippocampus_{i:03d}.nii.gz" for i in range(1, MAX_CASES + 1)]


def test_weights_that_learnt_nothing_are_called_so(
    tmp_path: Path, tree: Taxonomy, caplog: pytest.LogCaptureFixture
) -> None:
    data, run = folders(tmp_path, 1)
    predictor: Any = Predictor(run, knows=False)
    with caplog.at_level(logging.WARNING):
        assert training_fit(predictor, data, tree, "msd") == {"cases": 1, "dice": 0.0}
    assert f"{predictor.weights}: mean leaf Dice 0.000 on its own fine training cases" in caplog.text


def test_without_the_split_or_its_files_nothing_is_said(tmp_path: Path, tree: Taxonomy) -> None:
    data, run = folders(tmp_path, 1)
    predictor: Any = Predictor(run, knows=True)
    assert training_fit(predictor, tmp_path / "elsewhere", tree, "msd") == {}
    (run / "datalist.json").unlink()
    assert training_fit(predictor, data, tree, "msd") == {}
