"""The bundle end to end on a phantom, through MONAI's own command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import own_process
from cladeseg.omics.phantoms import write_omics_phantom

BUNDLE = Path(__file__).parents[3] / "bundles" / "omics_subtype_classification"
CONFIGS = {
    "training": "configs/train.json",
    "evaluating": "['configs/train.json','configs/evaluate.json']",
    "inference": "configs/inference.json",
}
CONTRACT = ["--label_share", "0.5", "--draw", "3", "--seed", "3"]


def command(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "monai.bundle", "run", name, "--config_file", CONFIGS[name], *options]
    return own_process.run(line, cwd=BUNDLE)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("omics")
    write_omics_phantom(folder / "data", 80)
    options = ["--dataset_dir", str(folder / "data"), "--output_dir", str(folder / "R"), *CONTRACT]
    small = ["--settings#features#components", "10", "--settings#heads#folds", "2"]
    for name, more in {"training": small, "evaluating": ["--baselines", "['lr','pca_lr']"]}.items():
        done = command(name, *options, *more)
        assert done.returncode == 0, done.stderr[-2000:]
    return folder


def test_the_draw_is_stored(run: Path) -> None:
    draw = json.loads((run / "R" / "datalist.json").read_text())
    assert draw["settings"] == {"test": 0.25, "label_share": 0.5, "coarse_share": 0.0, "seed": 3, "draw": 3}
    assert not set(draw["training"]) & set(draw["test"])


def test_the_evaluation_scores_ours_and_the_baselines(run: Path) -> None:
    metrics = json.loads((run / "R" / "eval" / "metrics.json").read_text())
    assert {"accuracy", "macro_f1", "ece", "heads", "reliability"} <= set(metrics)
    assert set(metrics["baselines"]) == {"lr", "pca_lr"}
    assert metrics["held_out"]["seen"] == 0
    assert "<html" in (run / "R" / "eval" / "report.html").read_text()


def test_predictions_have_the_columns_of_the_contract(run: Path) -> None:
    table = pd.read_csv(run / "R" / "predictions.csv")
    nodes = ["LumA", "LumB", "Normal-like", "Basal", "HER2", "luminal", "non_luminal"]
    assert [f"p_{name}" for name in nodes] == [name for name in table if name.startswith("p_")]
    assert {"patient", "predicted", "confidence_mrna", "confidence_meth", "confidence_mirna", "uncertain"} <= set(table)
    assert np.allclose(table["p_luminal"], table["p_LumA"] + table["p_LumB"], atol=1e-5)
    draw = json.loads((run / "R" / "datalist.json").read_text())
    assert sorted(table["patient"]) == draw["test"]


def test_inference_predicts_new_patients_without_an_omics(run: Path, tmp_path: Path) -> None:
    write_omics_phantom(tmp_path / "new", 20, seed=5)
    (tmp_path / "new" / "mrna.csv").unlink()
    (tmp_path / "new" / "labels.csv").unlink()
    done = command("inference", "--dataset_dir", str(tmp_path / "new"), "--output_dir", str(run / "R"), *CONTRACT)
    assert done.returncode == 0, done.stderr[-2000:]
    table = pd.read_csv(run / "R" / "predictions.csv")
    assert len(table) == 20
    assert table["confidence_mrna"].isna().all()
    assert table["predicted"].notna().all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--lable_share", "0.1"], ["lable_share", "label_share"]),
        (["--settings#heads#folds", "1"], ["settings#heads#folds"]),
        (["--dataset_dir", "nowhere"], ["nowhere", "no such folder"]),
    ],
)
def test_a_wrong_command_ends_in_one_line(options: list[str], words: list[str], tmp_path: Path) -> None:
    done = command("training", "--output_dir", str(tmp_path / "R"), *options)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert all(word in last for word in words), done.stderr[-800:]


def test_a_second_training_into_the_folder_is_refused(run: Path) -> None:
    done = command("training", "--dataset_dir", str(run / "data"), "--output_dir", str(run / "R"), *CONTRACT)
    assert done.returncode != 0
    assert "already holds a training" in done.stderr
