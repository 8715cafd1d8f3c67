"""A bundle whose network predicts in a blink: what is studied is everything around it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from cladeseg.bundle.shipped import find_bundle
from cladeseg.segmentation.workflow import network_from, promote, store_weights
from cladeseg.taxonomy import load_taxonomy

_NETWORK: dict[str, Any] = {
    "filters": [4, 4, 8],
    "kernels": [[3, 3, 3]] * 3,
    "strides": [[1, 1, 1], [2, 2, 2], [2, 2, 2]],
    "seed": 0,
}
_INFERENCE = {"spacing": [1.0, 1.0, 1.0], "patch_size": [32, 48, 32]}


def small_bundle(folder: Path) -> Path:
    """The hippocampus' bundle with a small network of random weights, in a folder.

    Returns:
        The bundle's folder; one that is there already is taken as it is.
    """
    source = find_bundle("hippocampus")
    bundle = folder / source.name
    if (bundle / "models" / "model.pt").is_file():
        return bundle
    shutil.copytree(source, bundle, ignore=shutil.ignore_patterns("models"), dirs_exist_ok=True)
    tree = load_taxonomy(bundle / "configs" / "taxonomy.json")
    state = network_from(_NETWORK, tree).state_dict()
    store_weights(
        state, folder / "run", network=_NETWORK, inference=_INFERENCE, taxonomy=tree, validation={"score": None}
    )
    promote(folder / "run", bundle / "models", force=True)
    return bundle
