"""A tree that allows left-right is mirrored along left-right and nothing else, wherever that lies in an array.

One asymmetric volume is stored in many orientations.  What comes out of the augmentation, of the teacher's views and of
the test-time views is brought back to RAS by the affine: it must be the volume or its left-right mirror image.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor, list_data_collate
from monai.inferers import SimpleInferer
from monai.transforms import Compose
from torch import Tensor, nn

from cladeseg.segmentation.engines import HierarchicalMixStep, build_step
from cladeseg.segmentation.inferers import Predictor, flips_of
from cladeseg.segmentation.losses import build_loss
from cladeseg.segmentation.mixing import EmaTeacher
from cladeseg.segmentation.transforms import (
    AddOverviewd,
    BatchAugment,
    LeavesToLabeld,
    OrientAxesd,
    RandomForegroundCrop,
    RegionBoxes,
    TwoViews,
    preprocessing,
)
from cladeseg.taxonomy import Taxonomy, top_level

SIDE = 6
#: Distinct intensities, so that every flip and exchange of axes shows.
VOLUME = np.random.default_rng(0).permutation(SIDE**3).reshape(SIDE, SIDE, SIDE).astype(np.float32)
LABEL = (VOLUME > SIDE**3 / 2).astype(np.uint8)
ORIENTATIONS = ("RAS", "LPS", "PSR", "SAL", "IRP")
ORDERS = ("RAS", "LPS", "SRA", "stored")
#: Nothing but flips.
STILL: dict[str, Any] = {
    "rotate_degrees": (0, 0, 0),
    "scale": (1, 1),
    "translate_voxels": (0, 0, 0),
    "probability": 0,
}


@pytest.fixture
def tree(acdc_tree: Taxonomy) -> Taxonomy:
    return replace(acdc_tree, allowed_flips=("left-right",))


@pytest.fixture
def files(tmp_path: Path) -> list[dict[str, str]]:
    """The one volume in all orientations, with its label."""
    made = []
    for orientation in ORIENTATIONS:
        wanted = nib.orientations.axcodes2ornt(orientation)
        case = {"case": orientation, "supervision": "fine"}
        for key, voxels in (("image", VOLUME), ("label", LABEL)):
            case[key] = str(tmp_path / f"{orientation}_{key}.nii")
            stored = nib.Nifti1Image(voxels, np.diag([2.0, 2.0, 2.0, 1.0])).as_reoriented(wanted)
            nib.save(stored, case[key])
        made.append(case)
    return made


def in_ras(volume: Tensor, affine: Any) -> np.ndarray:
    """(x, y, z) along R, A and S."""
    return nib.orientations.apply_orientation(volume.numpy(), nib.io_orientation(np.asarray(affine)))


def is_mirrored(volume: np.ndarray, original: np.ndarray) -> bool:
    """Whether a volume is the left-right mirror image; it must be that or the original."""
    if np.allclose(volume, original, atol=1e-4):
        return False
    np.testing.assert_allclose(volume, original[::-1], atol=1e-4)
    return True


def loaded(tree: Taxonomy, files: list[dict[str, str]], order: str) -> list[dict[str, Any]]:
    chain = preprocessing(spacing=(-1, -1, -1), axis_order=order, taxonomy=tree, label_convention="acdc")
    return [chain(dict(case)) for case in files]


@pytest.mark.parametrize("order", ORDERS)
def test_augmentation_mirrors_left_and_right(tree: Taxonomy, files: list[dict[str, str]], order: str) -> None:
    items = loaded(tree, files, order)
    crop, augment = RandomForegroundCrop(tree, size=(SIDE,) * 3), BatchAugment(tree, **STILL)
    batch = list_data_collate([crop(item, seed=0) for item in items])
    original = in_ras(items[0]["image"].as_tensor()[0], items[0]["image"].affine)
    seen = set()
    for seed in range(8):
        images, nodes = augment(
            batch["image"], batch["nodes"], torch.Generator().manual_seed(seed), batch["array_axes"]
        )
        for case, item, image, label in zip(files, items, images, nodes, strict=True):
            mirrored = is_mirrored(in_ras(image[0], item["image"].affine), original)
            assert is_mirrored(in_ras(label[0], item["nodes"].affine), LABEL) == mirrored
            seen.add((case["case"], mirrored))
    assert seen == {(orientation, mirrored) for orientation in ORIENTATIONS for mirrored in (False, True)}


@pytest.mark.parametrize("order", ORDERS)
def test_the_view_of_the_first_pass_is_mirrored_left_to_right(
    tree: Taxonomy, files: list[dict[str, str]], order: str
) -> None:
    small, size = top_level(tree), (SIDE,) * 3
    overview = AddOverviewd(tree, ratios=(1, 1, 1), boxes=RegionBoxes(margin=(0, 0, 0), least=size))
    crops = [RandomForegroundCrop(each, size=size) for each in (tree, small)]
    views, augment = TwoViews(*crops, least=size, jitter=(0, 0, 0)), BatchAugment(small, **STILL)
    items = loaded(tree, files, order)
    batch = list_data_collate([views(overview(item), seed=0) for item in items])
    original = in_ras(items[0]["image"].as_tensor()[0], items[0]["image"].affine)
    seen = set()
    for seed in range(8):
        images, nodes = augment(
            batch["overview_image"],
            batch["overview_nodes"],
            torch.Generator().manual_seed(seed),
            batch["array_axes"],
        )
        for case, item, image, label in zip(files, items, images, nodes, strict=True):
            mirrored = is_mirrored(in_ras(image[0], item["image"].affine), original)
            assert is_mirrored(in_ras(label[0] == small.index("heart"), item["nodes"].affine), LABEL) == mirrored
            seen.add((case["case"], mirrored))
    assert seen == {(orientation, mirrored) for orientation in ORIENTATIONS for mirrored in (False, True)}


class Sees(nn.Module):
    """Answers with the image itself and remembers what it was shown."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shown: list[Tensor] = []
        self.channels = channels

    def forward(self, images: Tensor) -> Tensor:
        self.shown.append(images)
        return images.repeat(1, self.channels, 1, 1, 1)


@pytest.mark.parametrize("order", ORDERS)
def test_the_teachers_views_are_mirrored_left_to_right(tree: Taxonomy, files: list[dict[str, str]], order: str) -> None:
    items = loaded(tree, files, order)
    images, axes = (torch.stack([item[key] for item in items]).as_subclass(Tensor) for key in ("image", "array_axes"))
    step, teacher = build_step(tree, build_loss(tree)), EmaTeacher(Sees(1))
    assert isinstance(step, HierarchicalMixStep)
    assert isinstance(teacher.network, Sees)
    views = teacher.predict(images, step.mixer.views, axes)
    assert all(torch.equal(view, images) for view in views), "each comes back in place"
    original = in_ras(images[0, 0], items[0]["image"].affine)
    for shown, mirrored in zip(teacher.network.shown, (False, True), strict=True):
        for item, image in zip(items, shown, strict=True):
            assert is_mirrored(in_ras(image[0], item["image"].affine), original) == mirrored


@pytest.mark.parametrize("order", ORDERS)
def test_test_time_views_are_mirrored_left_to_right(tree: Taxonomy, files: list[dict[str, str]], order: str) -> None:
    chain, network = preprocessing(spacing=(-1, -1, -1), axis_order=order), Sees(tree.num_leaves)
    labelling = Compose([LeavesToLabeld(tree, "acdc", keys="pred")])
    predictor = Predictor(network, chain, SimpleInferer(), labelling, flips=flips_of("allowed", tree))
    original = None
    for case in files:
        network.shown.clear()
        seen: MetaTensor = chain({"image": case["image"]})["image"]
        original = in_ras(seen.as_tensor()[0], seen.affine) if original is None else original
        found = predictor.log_probs(case["image"])
        torch.testing.assert_close(found.as_tensor(), seen.as_tensor().expand(tree.num_leaves, -1, -1, -1))
        shown = [is_mirrored(in_ras(image[0, 0], seen.affine), original) for image in network.shown]
        assert shown == [False, True]


def test_a_forgotten_mapping_would_be_noticed(tree: Taxonomy, files: list[dict[str, str]]) -> None:
    item = OrientAxesd("image", "SRA")({"image": MetaTensor(torch.from_numpy(VOLUME)[None], affine=torch.eye(4))})
    augment = BatchAugment(tree, **STILL)
    images = item["image"].as_tensor()[None]
    with pytest.raises(AssertionError):
        for seed in range(8):
            image, _ = augment(images, torch.zeros(1, 1, *[SIDE] * 3), torch.Generator().manual_seed(seed))
            is_mirrored(in_ras(image[0, 0], item["image"].affine), VOLUME)
