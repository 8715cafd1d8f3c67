"""``monai.bundle run inference`` of every bundle, as a command that may evaluate no ``$`` expression."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import INFERENCE, REPOSITORY, copy_bundle, json_of

import own_process
from cladeseg.segmentation.phantoms import (
    write_acdc_phantoms,
    write_brats_phantoms,
    write_msd_phantoms,
    write_myops_phantoms,
)
from cladeseg.segmentation.workflow import bundle_plan, network_from, promote
from cladeseg.segmentation.workflow.trained import store_weights
from cladeseg.taxonomy import load_taxonomy

PHANTOMS: dict[str, Callable[[Path], list[Path]]] = {
    "acdc": lambda folder: write_acdc_phantoms(folder, patients=1, shape=(32, 32, 4), spacing=(6.0, 6.0, 10.0)),
    "brats": lambda folder: write_brats_phantoms(folder, subjects=1, shape=(24, 24, 20), spacing=(8.0, 8.0, 8.0)),
    "hippocampus": lambda folder: write_msd_phantoms(folder, cases=1),
    "myops": lambda folder: write_myops_phantoms(folder, cases=1, shape=(24, 24, 3), spacing=(9.0, 9.0, 14.0)),
}


def give_weights(bundle: Path) -> None:
    """The weights of a network of few channels that has learnt nothing."""
    plan = bundle_plan(bundle)
    options = {**plan.network, "filters": [4] * len(plan.network["filters"])}
    tree = load_taxonomy(bundle / "configs" / "taxonomy.json")
    state = network_from(options, tree).state_dict()
    inference: dict[str, Any] = {"spacing": [8.0, 8.0, -1.0], "patch_size": [16, 16, 16]}
    store_weights(state, bundle.parent / "run", network=options, inference=inference, taxonomy=tree, validation={})
    promote(bundle.parent / "run", bundle / "models", force=True)


@pytest.mark.parametrize("task", PHANTOMS)
def test_masks_are_written_although_no_expression_may_be_evaluated(task: str, tmp_path: Path) -> None:
    bundle = copy_bundle(tmp_path / "bundle", REPOSITORY / "bundles" / f"{task}_subclass_segmentation")
    give_weights(bundle)
    PHANTOMS[task](tmp_path / "data")
    where = ["--dataset_dir", str(tmp_path / "data"), "--output_dir", str(tmp_path / "R"), "--device", "cpu"]
    command = [sys.executable, "-m", "monai.bundle", "run", "inference", "--config_file", INFERENCE, *where]
    done = own_process.run(command, cwd=bundle, loaded_with=(("MONAI_EVAL_EXPR", "0"),))
    assert done.returncode == 0, done.stderr
    masks = list((tmp_path / "R" / "predictions").glob("*.nii.gz"))
    assert masks
    known = load_taxonomy(bundle / "configs" / "taxonomy.json").values(json_of(bundle / INFERENCE)["label_convention"])
    for mask in masks:
        assert set(np.unique(np.asarray(nib.load(mask).dataobj)).tolist()) <= set(known)
