"""Training, evaluating and inference leave a checkout as it was."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bundle_runs import EVALUATE, INFERENCE, REPOSITORY, TINY, TRAIN, command, write_phantoms

from cladeseg.segmentation.phantoms import write_brats_phantoms, write_msd_phantoms, write_myops_phantoms

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

COARSE = {**TINY, "settings#data#patch_size": [16, 16, 16], "settings#data#resample_slices": True}
OPTIONS: dict[str, dict[str, Any]] = {
    "acdc": TINY,
    "brats": {**COARSE, "settings#data#spacing": [8.0, 8.0, 8.0]},
    "hippocampus": {**COARSE, "settings#data#spacing": [2.0, 2.0, 2.0], "settings#network#levels": 3},
    "myops": {**TINY, "settings#data#patch_size": [16, 16, 2], "settings#data#spacing": [9.0, 9.0, 19.5]},
}


def git(checkout: Path, *arguments: str) -> str:
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    done = subprocess.run(["git", *who, *arguments], cwd=checkout, check=True, capture_output=True, text=True)
    return done.stdout


def _acdc(folder: Path) -> None:
    write_phantoms(folder, patients=6)


def _brats(folder: Path) -> None:
    write_brats_phantoms(folder, subjects=6, seed=1, naming="brats18", shape=(24, 24, 20), spacing=(8.0, 8.0, 8.0))


def _hippocampus(folder: Path) -> None:
    write_msd_phantoms(folder, cases=8, seed=1, shape=(24, 32, 20), spacing=(2.0, 2.0, 2.0))


def _myops(folder: Path) -> None:
    write_myops_phantoms(folder, cases=8, seed=1, shape=(24, 24, 4), spacing=(9.0, 9.0, 14.0))


PHANTOMS: dict[str, Callable[[Path], None]] = {
    "acdc": _acdc,
    "brats": _brats,
    "hippocampus": _hippocampus,
    "myops": _myops,
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with what ours tracks of the bundles, and our rules of what is ignored."""
    root = tmp_path / "checkout"
    (root / "bundles").mkdir(parents=True)
    shutil.copy(REPOSITORY / ".gitignore", root)
    for bundle in sorted((REPOSITORY / "bundles").iterdir()):
        ignored = shutil.ignore_patterns("runs", "eval", "R", "masks")
        shutil.copytree(bundle, root / "bundles" / bundle.name, ignore=ignored)
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "as it was")):
        git(root, *arguments)
    return root


@pytest.mark.parametrize("task", PHANTOMS)
def test_the_commands_of_the_readmes_change_nothing_that_is_tracked(task: str, checkout: Path, tmp_path: Path) -> None:
    """Once into R inside the bundle's folder, as the READMEs write it, and once into the config's own folder."""
    bundle = checkout / "bundles" / f"{task}_subclass_segmentation"
    PHANTOMS[task](tmp_path / "D")
    data = str(tmp_path / "D")
    command(bundle, "training", TRAIN, dataset_dir=data, **OPTIONS[task])
    for folder in ({"output_dir": "R"}, {}):
        if folder:
            command(bundle, "training", TRAIN, dataset_dir=data, **folder, **{**OPTIONS[task], "seed": 1})
        command(bundle, "evaluating", EVALUATE, dataset_dir=data, device="cpu", **folder)
        command(bundle, "inference", INFERENCE, dataset_dir=data, device="cpu", **folder)
    assert (bundle / "R" / "predictions").is_dir()
    assert any((bundle / "runs").glob("*/models/model.pt"))
    assert git(checkout, "status", "--porcelain", "--untracked-files=all") == ""
