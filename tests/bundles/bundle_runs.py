"""Commands of a bundle in this process, small enough for a test, and what they leave behind."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import monai.bundle
import pytest
import torch
from monai.bundle import ConfigParser

from cladeseg.bundle.failure import root_cause
from cladeseg.segmentation.phantoms import write_acdc_phantoms
from cladeseg.segmentation.workflow import network_from
from cladeseg.taxonomy import Taxonomy, load_taxonomy

REPOSITORY = Path(__file__).parents[2]
ACDC = REPOSITORY / "bundles" / "acdc_subclass_segmentation"
TRAIN = "configs/train.json"
EVALUATE = [TRAIN, "configs/evaluate.json"]
INFERENCE = "configs/inference.json"

SPACING = (5.0, 5.0, 9.0)
#: Overrides that make a training a matter of a second.  Without weight decay a weight moves only if it has a gradient.
TINY: dict[str, Any] = {
    "device": "cpu",
    "fine_patients": 2,
    "epochs": 1,
    "settings#optimizer#steps_per_epoch": 2,
    "settings#batch#fine": 1,
    "settings#batch#coarse": 1,
    "settings#batch#unlabelled": 0,
    "settings#network#filters": 4,
    "settings#network#levels": 4,
    "settings#data#patch_size": [32, 32, 4],
    "settings#data#spacing": [5.0, 5.0, 9.0],
    "settings#data#resample_slices": False,
    "settings#first_pass#enabled": False,
    "settings#optimizer#weight_decay": 0.0,
    "settings#optimizer#warmup_steps": 0,
    "settings#mix#start": 0,
    "settings#mix#ramp": 1,
    "settings#optimizer#validation_interval": 1,
    "settings#inference#keep_largest": [],
    "promote": False,
}
#: The parts that a bundle may leave out, so that a test of one does not change its meaning with a default.
PARTS: dict[str, Any] = {
    "settings#network#prior": True,
    "settings#network#separate_norm": True,
    "settings#optimizer#ema_decay": 0.99,
    "settings#propagation#enabled": False,
    "settings#propagation#intensity": False,
    "settings#propagation#refresh": [],
    "settings#method": "hierarchical_mix",
}
#: On top of it: eighty steps, after which a network finds the phantoms' hearts.
LEARNT: dict[str, Any] = {
    "epochs": 2,
    "settings#optimizer#steps_per_epoch": 40,
    "settings#optimizer#learning_rate": 0.02,
    "settings#augmentation#enabled": False,
    "settings#optimizer#ema_decay": 0.9,
    "settings#mix#start": 76,
}


class Place(NamedTuple):
    """Where a command runs and what it reads."""

    bundle: Path
    data: Path


class Trained(NamedTuple):
    """A finished training."""

    bundle: Path
    data: Path
    run: Path


def copy_bundle(target: Path, source: Path = ACDC) -> Path:
    """A bundle without weights, whether shipped or promoted by a person at work."""

    def no_weights(folder: str, names: list[str]) -> list[str]:
        return names if Path(folder) == source / "models" else []

    return Path(shutil.copytree(source, target, ignore=no_weights))


def write_phantoms(folder: Path, patients: int, seed: int = 0) -> Path:
    write_acdc_phantoms(folder, patients=patients, seed=seed, shape=(40, 40, 5), spacing=SPACING)
    return folder


def command(bundle: Path, run_id: str, config_file: str | list[str], **overrides: Any) -> None:
    """``python -m monai.bundle run RUN_ID --config_file … --NAME VALUE …`` with the bundle as working directory.

    ``mix__weight=0.5`` stands for ``--settings#mix#weight 0.5``.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bundle)
        patch.setattr(sys, "excepthook", sys.excepthook)  # the bundle replaces it
        monai.bundle.run(run_id=run_id, config_file=config_file, **spelt_out(overrides))


def spelt_out(overrides: dict[str, Any]) -> dict[str, Any]:
    """``mix__weight`` as ``settings#mix#weight``, which is no Python name."""
    return {f"settings#{key}".replace("__", "#") if "__" in key else key: value for key, value in overrides.items()}


def train(place: Place | Trained, run: Path, **overrides: Any) -> Path:
    settings = {**TINY, **PARTS, **spelt_out(overrides)}
    command(place.bundle, "training", TRAIN, dataset_dir=str(place.data), output_dir=str(run), **settings)
    return run


def refusal(place: Place | Trained, run: Path, **overrides: Any) -> str:
    """The one message in which a training must end."""
    with pytest.raises(Exception) as caught:
        train(place, run, **overrides)
    return str(root_cause(caught.value))


def parsed(place: Place, run: Path, **overrides: Any) -> ConfigParser:
    """The training config with its overrides, to look at single components; the working directory is the caller's."""
    parser = ConfigParser()
    parser.read_config(str(place.bundle / TRAIN))
    paths = {"bundle_root": str(place.bundle), "dataset_dir": str(place.data), "output_dir": str(run)}
    parser.update({**TINY, **PARTS, **spelt_out(overrides), **paths})
    return parser


def json_of(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    return torch.load(run / "models" / "model.pt", weights_only=True)


def state_of(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints" / "last.pt", weights_only=True)


def tree_of(place: Place | Trained) -> Taxonomy:
    return load_taxonomy(place.bundle / "configs" / "taxonomy.json")


def initial_weights(place: Place | Trained, run: Path) -> dict[str, torch.Tensor]:
    """What the student of a run was before its first step."""
    options = json_of(run / "models" / "model.json")["network"]
    return network_from(options, tree_of(place)).state_dict()


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Places at which two nested structures of tensors and plain values differ; tensors bit by bit."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [*one, *(key for key in other if key not in one)]
        return [d for k in keys for d in differences(one.get(k), other.get(k), f"{where}/{k}")]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [d for i, pair in enumerate(zip(one, other, strict=True)) for d in differences(*pair, f"{where}/{i}")]
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return [] if one.dtype == other.dtype and torch.equal(one, other) else [where]
    return [] if one == other else [where]
