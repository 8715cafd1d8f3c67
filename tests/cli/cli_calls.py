"""Commands in this process, and what they work on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from cladeseg.cli import app
from cladeseg.segmentation.workflow import network_from, promote
from cladeseg.segmentation.workflow.trained import store_weights
from cladeseg.taxonomy import load_taxonomy

REPOSITORY = Path(__file__).parents[2]
ACDC = REPOSITORY / "bundles" / "acdc_subclass_segmentation"
BRATS = REPOSITORY / "bundles" / "brats_subclass_segmentation"
TREE = ACDC / "configs" / "taxonomy.json"

#: A network that predicts a phantom in a blink.
NETWORK = {
    "filters": [4, 4, 8],
    "kernels": [[3, 3, 1], [3, 3, 1], [3, 3, 3]],
    "strides": [[1, 1, 1], [2, 2, 1], [2, 2, 1]],
    "seed": 0,
}


def call(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def in_own_process(*arguments: Any) -> list[str]:
    """The command line of a process that is started for it."""
    return [sys.executable, "-c", "from cladeseg.cli import app; app()", *map(str, arguments)]


def labels(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*_gt.nii.gz"))


def images(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.nii.gz") if "_gt" not in file.name)


def small_bundle(
    folder: Path, source: Path, network: dict[str, Any], *, decided: bool = False, **inference: Any
) -> Path:
    """A copy of a bundle whose promoted weights are those of a small random network.

    Args:
        folder: where to.
        source: the bundle.
        network: its options.
        decided: whether the network is sure of what it says, so that the background does not win everywhere.
        inference: what inference must know, e.g. ``spacing``.
    """
    copy = folder / source.name
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("models"))
    tree = load_taxonomy(copy / "configs" / "taxonomy.json")
    state = network_from(network, tree).state_dict()
    if decided:
        state = {name: tensor * (30 if "classifiers" in name else 1) for name, tensor in state.items()}
    store_weights(state, folder / "run", network=network, inference=inference, taxonomy=tree, validation={})
    promote(folder / "run", copy / "models", force=True)
    return copy
