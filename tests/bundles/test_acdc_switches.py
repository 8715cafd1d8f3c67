"""Every part of the method is switched by an override, and every form of it trains."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from bundle_runs import (
    EVALUATE,
    INFERENCE,
    Place,
    command,
    differences,
    initial_weights,
    json_of,
    rows_of,
    state_of,
    train,
    weights_of,
)

#: Doubtful pseudo labels count and stand in scattered places: so mixing has something to decide.
UNLABELLED = {"coarse_patients": 1, "per_batch": {"fine": 1, "coarse": 1, "unlabelled": 1}, "pseudo_threshold": 0.1}

#: (switch, what it is compared with): the switch must train, and must make a difference.
SWITCHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "prior off": ({"prior": "off"}, {}),
    "prior log_prob": ({"prior": "log_prob"}, {}),
    "prior detached": ({"detach_prior": True}, {}),
    "one norm for all": ({"separate_norm": False}, {}),
    "no mix": ({"mix": False}, {}),
    "flat": ({"head": "flat"}, {}),
    "two_head": ({"head": "two_head"}, {}),
    "two_head, prior off": ({"head": "two_head", "prior": "off"}, {"head": "two_head"}),
    "two_head, one norm": ({"head": "two_head", "separate_norm": False}, {"head": "two_head"}),
    "two_head, plain": ({"head": "two_head", "separate_norm": False, "prior": "off"}, {"head": "two_head"}),
    "unet": ({"backbone": "unet", "network_options#kernels": [[3, 3, 3]] * 4}, {}),
    "cosine": ({"schedule": "cosine"}, {}),
    "constant": ({"schedule": "constant"}, {}),
    "one way": ({"mix_direction": "one_way"}, {}),
    "blend": ({"mix_blend": [0.5, 1.0]}, {}),
    "no scaling": ({"mix_max_scale": 1.0}, {}),
    "unlabelled": (UNLABELLED, {}),
    "components": ({**UNLABELLED, "mix_components": True}, UNLABELLED),
    "flips": ({**UNLABELLED, "pseudo_flips": [[]]}, UNLABELLED),
    "keep": ({**UNLABELLED, "pseudo_threshold": 1.0, "pseudo_keep": 0.5}, {**UNLABELLED, "pseudo_threshold": 1.0}),
    "transfer": ({"transfer": True, "transfer_blur": 0.0}, {}),
    "transfer, blurred": ({"transfer": True, "transfer_blur": 0.3}, {"transfer": True, "transfer_blur": 0.0}),
    "transfer, principal": (
        {"transfer": True, "transfer_blur": 0.0, "transfer_axes": "principal"},
        {"transfer": True, "transfer_blur": 0.0, "transfer_axes": "volume"},
    ),
    "size prior": ({"size_prior": 1.0}, {}),
    "amp": ({"amp": True}, {}),
    "no augmentation": ({"augmentation": False}, {}),
    "level weights": ({"level_weights": [1.0, 0.5, 0.25]}, {}),
    "no dice": ({"lambda_dice": 0.0}, {}),
    "seed": ({"network_options#seed": 1}, {}),
    "label_set": ({"method": "label_set"}, {"mix": False}),
    "mean_teacher": ({**UNLABELLED, "method": "mean_teacher"}, {**UNLABELLED, "mix": False}),
    "cps": ({**UNLABELLED, "method": "cps"}, {**UNLABELLED, "mix": False}),
    "bcp": ({**UNLABELLED, "method": "bcp"}, {**UNLABELLED, "mix": False}),
    "unimatch": (
        {**UNLABELLED, "method": "unimatch", "method_options": {"threshold": 0.1}},
        {**UNLABELLED, "mix": False},
    ),
}


@pytest.fixture(scope="module")
def run_of(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], Path]:
    """Two steps with some overrides, trained once for all tests."""
    runs: dict[str, Path] = {}

    def run(overrides: dict[str, Any]) -> Path:
        key = json.dumps(overrides, sort_keys=True)
        if key not in runs:
            runs[key] = train(place, tmp_path_factory.mktemp("switch") / "R", **overrides)
        return runs[key]

    return run


def unmoved(place: Place, run: Path) -> list[str]:
    """Convolution kernels of the student that training left as they were: they got no gradient."""
    before, after = initial_weights(place, run), state_of(run)["network"]
    return [name for name, value in before.items() if value.ndim > 1 and torch.equal(value, after[name])]


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_trains_every_kernel_and_makes_a_difference(
    place: Place, run_of: Callable[[dict[str, Any]], Path], switch: str
) -> None:
    overrides, base = SWITCHES[switch]
    run = run_of(overrides)
    (row,) = rows_of(run / "history.csv")
    assert math.isfinite(float(row["train_loss"]))
    mixes = overrides.get("mix", True) and "method" not in overrides
    assert bool(row.get("train_mix")) is mixes
    assert unmoved(place, run) == []
    assert all(bool(torch.isfinite(value).all()) for value in weights_of(run).values())
    assert differences(state_of(run)["network"], state_of(run_of(base))["network"]), "nobody reads this override"


def test_the_gradient_test_would_notice_a_kernel_that_learns_nothing(place: Place, tmp_path: Path) -> None:
    run = train(place, tmp_path / "R", learning_rate=0.0)
    assert unmoved(place, run) == [name for name, value in weights_of(run).items() if value.ndim > 1]


def test_mixing_alone_changes_what_is_learnt(run_of: Callable[[dict[str, Any]], Path]) -> None:
    """With weight 0 the mixed images cost nothing and the training is the one without mixing."""
    silent, off = run_of({"mix_weight": 0.0}), run_of({"mix": False})
    assert differences(weights_of(silent), weights_of(off)) == []


def test_unlabelled_patients_reach_the_batch_only_through_their_share(
    place: Place, run_of: Callable[[dict[str, Any]], Path]
) -> None:
    datalist = json_of(run_of(UNLABELLED) / "datalist.json")
    patients = {case["patient"]: case["supervision"] for case in datalist["training"]}
    assert sorted(patients.values()) == ["fine", "fine", "heart", "unlabelled", "unlabelled"]


@pytest.mark.parametrize("overrides", [{"head": "two_head"}, {"head": "flat", "prior": "off"}], ids=str)
def test_evaluating_and_inference_need_no_flag_of_the_training(
    place: Place, run_of: Callable[[dict[str, Any]], Path], tmp_path: Path, overrides: dict[str, Any]
) -> None:
    """``model.json`` describes the network, its patch and its spacing."""
    run = run_of(overrides)
    command(place.bundle, "evaluating", EVALUATE, dataset_dir=str(place.data), output_dir=str(run))
    assert (run / "eval" / "metrics.json").is_file()
    image = place.data / "patient001" / "patient001_frame01.nii.gz"
    weights = str(run / "models" / "model.pt")
    command(place.bundle, "inference", INFERENCE, dataset_dir=str(image), output_dir=str(tmp_path), weights=weights)
    mask = np.asanyarray(nib.load(tmp_path / "predictions" / image.name).dataobj)
    assert mask.shape == nib.load(image).shape
