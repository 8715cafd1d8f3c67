"""The strategy proposes the least certain unlabelled image, and predicts each one once per state of the weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from monai.data import MetaTensor

from cladeseg.files import DataError
from cladeseg.segmentation.label import strategy
from cladeseg.segmentation.label.strategy import ConditionalEntropy, strategies_of

BUNDLE = Path(__file__).parents[3] / "bundles" / "acdc_subclass_segmentation"
SCORES = {"a": 0.1, "b": 0.7, "c": 0.3}


class Store:
    """A datastore in memory, with the four calls that a strategy uses."""

    def __init__(self, *images: str) -> None:
        self.unlabelled = list(images)
        self.info: dict[str, dict[str, Any]] = {image: {} for image in images}

    def get_unlabeled_images(self, label_tag: str | None, labels: Any) -> list[str]:
        return self.unlabelled

    def get_image_uri(self, image_id: str) -> str:
        return f"{image_id}.nii.gz"

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        return self.info[image_id]

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        self.info[image_id].update(info)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    shutil.copytree(BUNDLE / "configs", folder / "configs")
    (folder / "models").mkdir()
    (folder / "models" / "model.pt").write_bytes(b"first")
    return folder


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files that were predicted; their scores are :data:`SCORES`, and any other file cannot be used."""
    seen: list[str] = []

    def predict(image: str) -> MetaTensor:
        seen.append(Path(image).name.split(".")[0])
        if seen[-1] not in SCORES:
            raise DataError(f"{image}: is empty")
        return MetaTensor(torch.full((4, 2, 2, 2), SCORES[seen[-1]], dtype=torch.float64))

    def score(log_probs: torch.Tensor, tree: Any) -> float:
        assert (type(log_probs), log_probs.shape) == (torch.Tensor, (4, 2, 2, 2))
        return round(float(log_probs.mean()), 6)

    monkeypatch.setattr(strategy, "load_predictor", lambda *a, **k: SimpleNamespace(log_probs=predict))
    monkeypatch.setattr(strategy, "case_uncertainty", score)
    return seen


def test_the_least_certain_image_is_proposed(bundle: Path, predicted: list[str]) -> None:
    assert ConditionalEntropy(bundle)({"strategy": "conditional_entropy"}, Store("a", "b", "c")) == {
        "id": "b",
        "score": 0.7,
    }


def test_nothing_is_proposed_when_all_is_labelled(bundle: Path, predicted: list[str]) -> None:
    assert ConditionalEntropy(bundle)({}, Store()) is None
    assert predicted == []


def test_an_image_is_predicted_once_per_state_of_the_weights(bundle: Path, predicted: list[str]) -> None:
    propose, store = ConditionalEntropy(bundle), Store("a", "b")
    propose({}, store)
    store.unlabelled.remove("b")
    assert propose({}, store) == {"id": "a", "score": 0.1}
    assert predicted == ["a", "b"]
    (bundle / "models" / "model.pt").write_bytes(b"better")
    propose({}, store)
    assert predicted == ["a", "b", "a"]


def test_an_image_that_cannot_be_used_is_passed_over_and_said(
    bundle: Path, predicted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert ConditionalEntropy(bundle)({}, Store("broken", "c")) == {"id": "c", "score": 0.3}
    assert "broken.nii.gz: is empty" in caplog.text


def test_only_broken_images_give_no_proposal(bundle: Path, predicted: list[str]) -> None:
    assert ConditionalEntropy(bundle)({}, Store("broken")) is None


def test_it_describes_itself_to_its_clients(bundle: Path) -> None:
    assert ConditionalEntropy(bundle).info() == {"description": "Most uncertain leaves within their superclass"}


def test_several_bundles_have_a_strategy_each(bundle: Path) -> None:
    assert list(strategies_of({"one": bundle})) == ["conditional_entropy"]
    assert list(strategies_of({"one": bundle, "two": bundle})) == ["conditional_entropy_one", "conditional_entropy_two"]
