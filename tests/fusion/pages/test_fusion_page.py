"""The page says what fusion is worth, and marks what is surely better or worse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cladeseg.classes import flat_class_tree
from cladeseg.fusion.pages import ExplainedPatient, write_fusion_page
from cladeseg.fusion.workflow.evaluation import score_summary
from cladeseg.statistics import class_reliability


def probabilities(truth: np.ndarray, sharpness: float, seed: int = 0) -> np.ndarray:
    p = np.random.default_rng(seed).random((len(truth), 2)) + sharpness * np.eye(2)[truth]
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("ours", "single", "words"),
    [
        (3.0, 0.0, "Fusion is better than the best single modality, genes: LR: F1 +"),
        (0.0, 3.0, "Fusion is worse than the best single modality, genes: LR: F1 −"),
        (3.0, 3.0, "Beside genes: LR alone, the images add nothing that these patients could show: F1 +0.000"),
    ],
)
def test_the_statement_follows_the_interval(ours: float, single: float, words: str) -> None:
    truth = np.arange(60) % 2
    rows = {"genes: LR": probabilities(truth, single), "images: LR": np.full((60, 2), 0.5)}
    summary = score_summary(probabilities(truth, ours), rows, truth, (np.arange(60) // 2 % 3).tolist())
    assert summary["statement"].startswith(words)
    assert set(summary["gene_only"]) == {"genes: LR"}


def test_scores_groups_and_pictures_are_on_the_page(tmp_path: Path) -> None:
    truth = np.arange(60) % 2
    p = probabilities(truth, 3.0)
    rows = {"genes: LR": probabilities(truth, 0.0), "images: LR": probabilities(truth, 0.1)}
    summary = score_summary(p, rows, truth, (np.arange(60) // 2 % 3).tolist())
    summary |= {"patients": 60, "weights": {"images": 0.25, "expression": 0.75}, "cohort": {"patients": 60}}
    summary["reliability"] = class_reliability(p, truth)
    Image.new("RGB", (8, 8)).save(tmp_path / "tiles.png")
    one = ExplainedPatient("P007", "a, probability 0.9", tmp_path / "tiles.png", None, 0.5)
    tree = flat_class_tree(["a", "b"])
    page = write_fusion_page(
        tmp_path / "page.html", summary, tree, groups={"cell <cycle>": 0.6, "rest": float("nan")}, explained=[one]
    ).read_text()
    for words in ("genes: LR", "cell &lt;cycle&gt;", "P007: a, probability 0.9; rank correlation", "0.75"):
        assert words in page
    assert page.count('class="good"') + page.count("good") > 0
