"""Resampling as upstream's, but strings beside the image survive it and labels gain no class."""

from __future__ import annotations

import pickle
from typing import Any

import monai.transforms
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose
from scipy.spatial.transform import Rotation

from cladeseg.segmentation.transforms import OrientAxesd, Spacingd

SHAPE = (12, 10, 6)


def affine(seed: int, spacing: tuple[float, float, float] = (1.7, 1.3, 7.0)) -> torch.Tensor:
    """Oblique, permuted and mirrored."""
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    turn = Rotation.random(random_state=seed).as_matrix() @ (np.eye(3)[rng.permutation(3)] * rng.choice([-1, 1], 3))
    matrix[:3, :3] = turn * spacing
    matrix[:3, 3] = rng.uniform(-50, 50, 3)
    return torch.from_numpy(matrix)


def item(seed: int = 0, *, values: tuple[int, ...] = (0, 2, 3)) -> dict[str, Any]:
    """A loaded NIfTI image with a node map of single voxels of every value: the worst case for interpolation."""
    generator = torch.Generator().manual_seed(seed)
    nodes = torch.tensor(values, dtype=torch.uint8)[torch.randint(len(values), (1, *SHAPE), generator=generator)]
    volumes = {"image": torch.rand(1, *SHAPE, generator=generator), "nodes": nodes}
    meta = {"filename_or_obj": "/scans/p1.nii.gz"}
    return {key: MetaTensor(volume, affine=affine(seed), meta=dict(meta)) for key, volume in volumes.items()}


@pytest.mark.parametrize(
    "foreign",
    [
        {"image_path": "/scans/p1.nii.gz"},
        {"image_id": 17, "image_": None, "nodes_path": "x"},
        {"image_shape": [1, 2, 3], "image_files": ("a", "b")},
    ],
)
def test_entries_named_like_the_image_survive(foreign: dict[str, Any]):
    spacing = Spacingd(["image", "nodes"], pixdim=[1.5, 1.5, -1], mode=["bilinear", "nearest"])
    out = spacing({**item(), **foreign})
    assert {key: out[key] for key in foreign} == foreign
    plain = spacing(item())
    assert set(out) == set(plain) | set(foreign)
    assert torch.equal(out["image"].as_tensor(), plain["image"].as_tensor())


def test_the_result_is_upstream_s():
    arguments = {"keys": ["image", "nodes"], "pixdim": [2.0, 1.0, -1], "mode": ["bilinear", "nearest"]}
    ours, theirs = Spacingd(**arguments)(item()), monai.transforms.Spacingd(**arguments)(item())
    for key in ("image", "nodes"):
        assert torch.equal(ours[key].as_tensor(), theirs[key].as_tensor())
        assert torch.equal(ours[key].affine, theirs[key].affine)


def test_metadata_dictionaries_are_left_to_upstream():
    meta: dict[str, Any] = {"mine": 1}
    out = Spacingd("image", pixdim=[2.0, 2.0, -1])({**item(), "image_meta_dict": meta})
    theirs = monai.transforms.Spacingd("image", pixdim=[2.0, 2.0, -1])({**item(), "image_meta_dict": {"mine": 1}})
    assert out["image_meta_dict"].keys() == theirs["image_meta_dict"].keys()
    assert out["image_meta_dict"]["mine"] == 1


def test_the_inverse_returns_to_the_grid_with_strings_present():
    spacing = Spacingd("image", pixdim=[2.0, 2.0, -1])
    before = item()
    after = spacing.inverse(spacing({**before, "image_path": "p"}))
    assert after["image"].shape == before["image"].shape
    torch.testing.assert_close(after["image"].affine, before["image"].affine)
    assert after["image_path"] == "p"


def test_a_negative_size_keeps_the_axis():
    out = Spacingd("image", pixdim=[1.0, 2.0, -1])(item())["image"]
    torch.testing.assert_close(out.pixdim, torch.tensor([1.0, 2.0, 7.0], dtype=torch.float64))
    assert out.shape[3] == SHAPE[2]


def test_the_target_spacing_changes_nothing():
    before = item()
    out = Spacingd(["image", "nodes"], pixdim=[1.7, 1.3, -1], mode=["bilinear", "nearest"])(before)
    for key in ("image", "nodes"):
        torch.testing.assert_close(out[key].as_tensor(), before[key].as_tensor().float(), rtol=0, atol=0)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("values", [(2, 3), (0, 2, 6)])
def test_resampling_invents_no_class(seed: int, values: tuple[int, ...]):
    rng = np.random.default_rng(seed)
    chain = Compose(
        [
            OrientAxesd(["image", "nodes"]),
            Spacingd(["image", "nodes"], pixdim=[*rng.uniform(0.7, 3, 2), -1], mode=["bilinear", "nearest"]),
        ]
    )
    out = chain(item(seed, values=values))
    assert out["nodes"].shape == out["image"].shape
    assert out["nodes"].unique().tolist() == sorted(values)
    assert torch.equal(out["nodes"].affine, out["image"].affine)


def test_it_pickles():
    spacing = pickle.loads(pickle.dumps(Spacingd("image", pixdim=[2.0, 2.0, -1])))
    assert spacing({**item(), "image_path": "p"})["image_path"] == "p"


# ---- the low-pass filter ---------------------------------------------------------------------------------------------


def striped(shape: tuple[int, int, int] = (33, 8, 8)) -> dict[str, Any]:
    """Stripes of one voxel, 1 mm, in the image and in the node map."""
    stripes = (torch.arange(shape[0]) % 2).reshape(-1, 1, 1).expand(1, *shape)
    volumes = {"image": stripes.float(), "nodes": stripes.to(torch.uint8)}
    return {key: MetaTensor(volume.clone(), affine=torch.eye(4)) for key, volume in volumes.items()}


def test_stripes_finer_than_the_new_grid_disappear_from_the_image_and_not_from_the_labels() -> None:
    arguments = {"keys": ["image", "nodes"], "pixdim": [4.0, -1, -1], "mode": ["bilinear", "nearest"]}
    upstream, ours = monai.transforms.Spacingd(**arguments)(striped()), Spacingd(**arguments)(striped())
    assert upstream["image"].max() < 1e-6, "every fourth voxel is black, so upstream shows black alone"
    inner = ours["image"][:, 2:-2].as_tensor()
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5), atol=0.001, rtol=0)
    assert torch.equal(ours["nodes"].as_tensor(), upstream["nodes"].as_tensor())


def test_the_way_back_from_a_filtered_image_ends_on_its_own_grid() -> None:
    before = {"image": item()["image"]}
    chain = Compose([OrientAxesd("image"), Spacingd("image", pixdim=[5.0, 4.0, -1])])
    after = chain.inverse(chain(before))["image"]
    assert after.shape == before["image"].shape
    torch.testing.assert_close(after.affine, before["image"].affine)


def test_up_to_half_as_coarse_again_the_result_is_upstream_s() -> None:
    arguments = {"keys": "image", "pixdim": [1.9, 1.9, 10.0]}
    ours, theirs = Spacingd(**arguments)(item(1)), monai.transforms.Spacingd(**arguments)(item(1))
    assert torch.equal(ours["image"].as_tensor(), theirs["image"].as_tensor())
