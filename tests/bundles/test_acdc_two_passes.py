"""Two passes through the bundle's commands: training, resuming, evaluation, prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import (
    EVALUATE,
    INFERENCE,
    LEARNT,
    TINY,
    Place,
    Trained,
    command,
    differences,
    json_of,
    rows_of,
    state_of,
    train,
    weights_of,
)

from cladeseg.segmentation.networks import TwoPassNet
from cladeseg.segmentation.workflow import load_predictor

TWO: dict[str, Any] = {
    "settings#first_pass#enabled": True,
    "settings#first_pass#spacing": [10.0, 10.0, 9.0],
    "settings#first_pass#patch_size": [16, 16, 4],
    "settings#first_pass#filters": 4,
    "settings#first_pass#levels": 3,
    "settings#first_pass#margin_mm": 10.0,
    "settings#data#patch_size": [16, 16, 4],
    "settings#network#levels": 3,
}


@pytest.fixture(scope="module")
def two(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    longer = {"settings#optimizer#steps_per_epoch": 80, "settings#method": "supervised"}
    return Trained(*place, train(place, tmp_path_factory.mktemp("two") / "R", **{**LEARNT, **TWO, **longer}))


def evaluation_of(trained: Trained) -> list[dict[str, str]]:
    options = {**TINY, **TWO, "dataset_dir": str(trained.data), "output_dir": str(trained.run)}
    command(trained.bundle, "evaluating", EVALUATE, **options)
    return rows_of(trained.run / "eval" / "metrics.csv")


def test_one_training_learns_both_passes(two: Trained) -> None:
    rows = rows_of(two.run / "history.csv")
    assert float(rows[-1]["train_first"]) < float(rows[0]["train_first"])
    assert {name.split(".")[0] for name in weights_of(two.run)} == {"first", "second"}
    assert float(rows[-1]["validation_dice_heart"]) > 0.7
    assert json_of(two.run / "models" / "model.json")["first_pass"]["ratios"] == [2.0, 2.0, 1.0]


def test_the_evaluation_scores_what_both_passes_find(two: Trained) -> None:
    dice = [float(row["value"]) for row in evaluation_of(two) if (row["metric"], row["node"]) == ("dice", "heart")]
    assert len(dice) == 4
    assert np.mean(dice) > 0.7


def test_the_inference_config_predicts_in_two_passes(two: Trained, tmp_path: Path) -> None:
    image = next(two.data.rglob("patient001_frame01.nii.gz"))
    weights = str(two.run / "models" / "model.pt")
    command(
        two.bundle, "inference", INFERENCE, dataset_dir=str(image), output_dir=str(tmp_path / "out"), weights=weights
    )
    predictor = load_predictor(two.bundle, weights=weights, device="cpu")
    assert isinstance(predictor.network, TwoPassNet)
    written = np.asanyarray(nib.load(tmp_path / "out" / "predictions" / image.name).dataobj)
    np.testing.assert_array_equal(written, predictor(image)[0].numpy())
    assert written.any()
    assert nib.load(image).shape == written.shape


#: All that labels a coarse region: place, intensity, the teacher half-way, and mixed cases in the place of coarse ones.
REGIONS: dict[str, Any] = {
    "settings#propagation#intensity": True,
    "settings#propagation#refresh": [0.5],
    "settings#mix#in_place": True,
    "settings#mix#direction": "one_way",
    "settings#mix#axes": "principal",
    "settings#mix#match": True,
    "settings#mix#feather": 1,
}


@pytest.mark.parametrize(
    ("method", "regions"),
    [("supervised", {}), ("hierarchical_mix", {}), ("unimatch", {}), ("hierarchical_mix", REGIONS)],
    ids=["supervised", "mix", "unimatch", "region labels"],
)
def test_a_stopped_training_of_two_passes_resumes_bit_for_bit(
    place: Place, tmp_path: Path, method: str, regions: dict[str, Any]
) -> None:
    options = {**TWO, "epochs": 2, "settings#method": method, "settings#propagation#enabled": True, **regions}
    whole = train(place, tmp_path / "whole", **options)
    halves = train(place, tmp_path / "halves", **options, stop_after=1)
    train(place, halves, **options, resume=True)
    assert differences(weights_of(whole), weights_of(halves)) == []
    states = [state_of(run) for run in (whole, halves)]
    for state in states:
        state.pop("random", None)
    assert differences(*states) == []
    refreshed = [path.name for path in (halves / "propagation").glob("*.npz")]
    assert refreshed == (["epoch_00002.npz"] if regions else [])
