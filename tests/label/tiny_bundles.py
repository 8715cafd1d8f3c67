"""Copies of the shipped bundles, small enough for a server test, and images that no viewer would turn by itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import torch
from torch import nn

from cladeseg.bundle import network_from
from cladeseg.bundle.trained import store_weights
from cladeseg.taxonomy import load_taxonomy

BUNDLES = Path(__file__).parents[2] / "bundles"
SHAPE = (24, 20, 14)
#: Each axis of the image is near another axis of the world, reversed or not, and has a spacing of its own.
NEAR = np.array([[-0.06, 0.99, 0.12], [0.99, 0.07, 0.10], [0.09, 0.13, -0.99]])
SPACING = np.array([0.9, 1.1, 1.6])


class Task(NamedTuple):
    """What makes one bundle small."""

    channels: int
    patch_size: list[int]
    spacing: list[float]
    filters: list[int]


TASKS = {
    "hippocampus": Task(1, [16, 16, 16], [1.5, 1.5, 1.5], [4, 4, 8]),
    "acdc": Task(1, [32, 32, 4], [1.4, 1.4, -1.0], [4, 4, 8, 8]),
    "brats": Task(4, [16, 16, 16], [1.5, 1.5, 1.5], [4, 4, 8, 8]),
}


def tiny_bundle(task: str, folder: Path) -> Path:
    """A copy with a random network of few channels as its promoted model.

    Every command finds the network's size beside the weights; a training must be told.
    """
    bundle = shutil.copytree(BUNDLES / f"{task}_subclass_segmentation", folder, ignore=_no_weights)
    patch_size, spacing = TASKS[task].patch_size, TASKS[task].spacing
    config = _shrink(bundle / "configs" / "train.json", TASKS[task])
    network = {key: _looked_up(value, config) for key, value in config["network_options"].items()}
    noise = torch.randn(1, TASKS[task].channels, *patch_size, generator=torch.Generator().manual_seed(0))
    store_weights(
        _random_weights(network_from(network, load_taxonomy("configs/taxonomy.json", bundle)), noise),
        bundle / "models",
        network=network,
        inference={"spacing": spacing, "patch_size": patch_size},
        validation={"metric": "mean_dice", "score": 0.5, "fingerprint": "of other cases"},
    )
    return bundle


def oblique_affine() -> np.ndarray:
    """Voxels to mm: rotated off the axes, two of them swapped, two reversed, not isotropic, without shear."""
    u, _, vt = np.linalg.svd(NEAR)
    affine = np.eye(4)
    affine[:3, :3] = (u @ vt) * SPACING
    affine[:3, 3] = (-20, 30, 5)
    return affine


def write_studies(task: str, folder: Path, images: int = 4) -> Path:
    """Images ``case_0`` … of noise; several modalities are the channels of one file."""
    folder.mkdir(parents=True)
    shape = SHAPE if TASKS[task].channels == 1 else (*SHAPE, TASKS[task].channels)
    random = np.random.default_rng(0)
    for number in range(images):
        voxels = random.normal(100, 20, shape).astype(np.float32)
        nib.save(nib.Nifti1Image(voxels, oblique_affine()), folder / f"case_{number}.nii.gz")
    return folder


@torch.no_grad()
def _random_weights(network: nn.Module, image: torch.Tensor) -> dict[str, torch.Tensor]:
    """The first of random states whose labels of an image alternate, so that no wrong turn of a mask can hide."""
    for seed in range(100):
        generator = torch.Generator().manual_seed(seed)
        state = {name: torch.randn(value.shape, generator=generator) for name, value in network.state_dict().items()}
        network.load_state_dict(state)
        if torch.bincount(network.eval()(image).argmax(1).flatten()).max() < 0.7 * image[0, 0].numel():
            return state
    raise AssertionError("no random network gives two labels")


def _no_weights(folder: str, names: list[str]) -> list[str]:
    return names if Path(folder).name in ("models", "runs") else []


def _shrink(file: Path, task: Task) -> dict[str, Any]:
    config = json.loads(file.read_text(encoding="utf-8"))
    config |= {"patch_size": task.patch_size, "spacing": task.spacing, "filters": task.filters, "head": "flat"}
    config |= {"steps_per_epoch": 2, "warmup_steps": 0, "validation_interval": 1, "cache_gigabytes": 0.1}
    file.write_text(json.dumps(config), encoding="utf-8")
    return config


def _looked_up(value: Any, config: dict[str, Any]) -> Any:
    return config[value[1:]] if isinstance(value, str) and value.startswith("@") else value
