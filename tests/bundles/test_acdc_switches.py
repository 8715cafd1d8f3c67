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
    copy_bundle,
    differences,
    initial_weights,
    json_of,
    rows_of,
    state_of,
    train,
    weights_of,
)

from cladeseg.files import write_json

#: Pseudo labels of little confidence count and stand in scattered places: so mixing has something to decide.
UNLABELLED = {
    "coarse_patients": 1,
    "settings#batch#fine": 1,
    "settings#batch#coarse": 1,
    "settings#batch#unlabelled": 1,
    "settings#pseudo_label#threshold": 0.1,
}

#: (switch, what it is compared with): the switch must train, and must make a difference.
SWITCHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "prior off": ({"settings#network#prior": False}, {}),
    "one norm for all": ({"settings#network#separate_norm": False}, {}),
    "no mix": ({"settings#method": "supervised"}, {}),
    "flat": ({"settings#network#head": "flat"}, {}),
    "two_head": ({"settings#network#head": "two_head"}, {}),
    "two_head, prior off": (
        {"settings#network#head": "two_head", "settings#network#prior": False},
        {"settings#network#head": "two_head"},
    ),
    "two_head, one norm": (
        {"settings#network#head": "two_head", "settings#network#separate_norm": False},
        {"settings#network#head": "two_head"},
    ),
    "two_head, plain": (
        {"settings#network#head": "two_head", "settings#network#separate_norm": False, "settings#network#prior": False},
        {"settings#network#head": "two_head"},
    ),
    "unet": ({"settings#network#backbone": "unet"}, {}),
    "cosine": ({"settings#optimizer#schedule": "cosine"}, {}),
    "constant": ({"settings#optimizer#schedule": "constant"}, {}),
    "one way": ({"settings#mix#direction": "one_way"}, {}),
    "blend": ({"settings#mix#alpha_range": [0.5, 1.0]}, {}),
    "no scaling": ({"settings#mix#max_scale": 1.0}, {}),
    "unlabelled": (UNLABELLED, {}),
    "propagation": ({"settings#propagation#enabled": True, "settings#propagation#sigma": 0.0}, {}),
    "propagation, blurred": (
        {"settings#propagation#enabled": True, "settings#propagation#sigma": 0.3},
        {"settings#propagation#enabled": True, "settings#propagation#sigma": 0.0},
    ),
    "propagation, principal axes": (
        {
            "settings#propagation#enabled": True,
            "settings#propagation#sigma": 0.0,
            "settings#propagation#axes": "principal",
        },
        {
            "settings#propagation#enabled": True,
            "settings#propagation#sigma": 0.0,
            "settings#propagation#axes": "volume",
        },
    ),
    "amp": ({"amp": True}, {}),
    "no augmentation": ({"settings#augmentation#enabled": False}, {}),
    "no dice": ({"settings#loss#lambda_dice": 0.0}, {}),
    "seed": ({"seed": 1}, {}),
    "label_set": ({"settings#method": "label_set"}, {"settings#method": "supervised"}),
    "mean_teacher": (
        {**UNLABELLED, "settings#method": "mean_teacher"},
        {**UNLABELLED, "settings#method": "supervised"},
    ),
    "cps": ({**UNLABELLED, "settings#method": "cps"}, {**UNLABELLED, "settings#method": "supervised"}),
    "bcp": ({**UNLABELLED, "settings#method": "bcp"}, {**UNLABELLED, "settings#method": "supervised"}),
    "unimatch": (
        {**UNLABELLED, "settings#method": "unimatch", "settings#baseline#threshold": 0.1},
        {**UNLABELLED, "settings#method": "supervised"},
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
    assert bool(row.get("train_mix")) is ("settings#method" not in overrides)
    assert unmoved(place, run) == []
    assert all(bool(torch.isfinite(value).all()) for value in weights_of(run).values())
    assert differences(state_of(run)["network"], state_of(run_of(base))["network"]), "nobody reads this override"


@pytest.mark.parametrize("group", ["augmentation", "pseudo_label"])
def test_flips_that_the_tree_allows_are_used_unless_they_are_switched_off(
    place: Place, tmp_path: Path, group: str
) -> None:
    sided = Place(copy_bundle(tmp_path / "bundle", place.bundle), place.data)
    tree = json_of(sided.bundle / "configs" / "taxonomy.json")
    write_json({**tree, "allowed_flips": ["left-right"]}, sided.bundle / "configs" / "taxonomy.json")
    flips, off = f"settings#{group}#flips", {"settings#augmentation#flips": [], "settings#pseudo_label#flips": []}
    changed = train(sided, tmp_path / "on", **{**UNLABELLED, **off, flips: "allowed"})
    plain = train(sided, tmp_path / "off", **{**UNLABELLED, **off})
    assert differences(state_of(changed)["network"], state_of(plain)["network"])


def test_the_gradient_test_would_notice_a_kernel_that_learns_nothing(place: Place, tmp_path: Path) -> None:
    run = train(place, tmp_path / "R", optimizer__learning_rate=0.0)
    assert unmoved(place, run) == [name for name, value in weights_of(run).items() if value.ndim > 1]


def test_mixing_alone_changes_what_is_learnt(run_of: Callable[[dict[str, Any]], Path]) -> None:
    """With weight 0 the mixed images cost nothing and the training is the one without mixing."""
    silent, off = run_of({"settings#mix#weight": 0.0}), run_of({"settings#method": "supervised"})
    assert differences(weights_of(silent), weights_of(off)) == []


def test_unlabelled_patients_reach_the_batch_only_through_their_share(
    place: Place, run_of: Callable[[dict[str, Any]], Path]
) -> None:
    datalist = json_of(run_of(UNLABELLED) / "datalist.json")
    patients = {case["patient"]: case["supervision"] for case in datalist["training"]}
    assert sorted(patients.values()) == ["fine", "fine", "heart", "unlabelled", "unlabelled"]


@pytest.mark.parametrize(
    "overrides",
    [{"settings#network#head": "two_head"}, {"settings#network#head": "flat", "settings#network#prior": False}],
    ids=str,
)
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
