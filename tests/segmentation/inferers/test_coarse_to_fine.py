"""One network, coarse then fine: where it looks, when it falls back, that nothing is cut off."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.inferers import SlidingWindowInferer
from torch import Tensor, nn

from cladeseg.segmentation.inferers import CoarseToFineInferer, sliding_window
from cladeseg.segmentation.inferers.flips import mean_log_probs
from cladeseg.taxonomy import Node, Taxonomy

SHAPE, PATCH = (48, 48, 24), (8, 8, 8)


class ByIntensity(nn.Module):
    """log p of background, a and b by the nearest of 0, 1, 2; counts the windows that it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.windows = 0

    def forward(self, image: Tensor) -> Tensor:
        self.windows += len(image)
        return (-20 * (image - torch.arange(3.0).view(1, 3, 1, 1, 1)) ** 2).log_softmax(dim=1)


@pytest.fixture
def tree() -> Taxonomy:
    names = Node("a", "organ", {"x": 1}), Node("b", "organ", {"x": 2})
    return Taxonomy("organ", (Node("background", values={"x": 0}), Node("organ"), *names))


def volume(*cubes: tuple[slice, slice, slice], value: float = 1.0) -> Tensor:
    image = torch.zeros(1, 1, *SHAPE)
    for cube in cubes:
        image[0, 0][cube] = value
    return image


def cube(x: int, y: int, z: int, size: int = 6) -> tuple[slice, slice, slice]:
    return slice(x, x + size), slice(y, y + size), slice(z, z + size)


def both(image: Tensor, taxonomy: Taxonomy, network: ByIntensity, **options: Any) -> tuple[Tensor, Tensor, float]:
    """Leaves coarse-to-fine, leaves of MONAI's sliding window, and share of its windows that was needed."""
    fine = CoarseToFineInferer(PATCH, taxonomy, **options)(image, network)
    needed, network.windows = network.windows, 0
    whole = sliding_window(PATCH)(image, network)
    assert fine.shape == whole.shape
    torch.testing.assert_close(fine.exp().sum(dim=1), torch.ones(1, *SHAPE))
    return fine.argmax(dim=1), torch.as_tensor(whole).argmax(dim=1), needed / network.windows


@pytest.mark.parametrize(
    "cubes",
    [[cube(20, 20, 10)], [cube(0, 42, 18)], [cube(2, 2, 2), cube(38, 36, 14)], [cube(2, 2, 2), cube(38, 38, 2, 4)]],
    ids=["inside", "corner", "two components", "a small one besides"],
)
def test_finds_what_the_whole_search_finds_in_a_third_of_the_windows(
    cubes: list[tuple[slice, slice, slice]], tree: Taxonomy
) -> None:
    found, expected, share = both(volume(*cubes), tree, ByIntensity())
    assert expected.any()
    assert torch.equal(found, expected)
    assert share < 1 / 3


def test_a_structure_across_many_windows_is_whole() -> None:
    """The part that the first look misses, being thin, is followed from the box's face."""
    image = volume(cube(4, 4, 4, 8))
    image[0, 0, 12:44, 7:9, 7:9] = 1
    leaves = Node("a", "organ", {"x": 1}), Node("b", "organ", {"x": 2})
    tree = Taxonomy("organ", (Node("background", values={"x": 0}), Node("organ"), *leaves))
    found, expected, _ = both(image, tree, ByIntensity(), threshold=0.9)
    assert torch.equal(found, expected)


def test_a_superclass_that_the_first_look_misses_is_found_by_the_whole_search(tree: Taxonomy) -> None:
    image = volume(cube(20, 20, 10, 1))  # a single voxel is lost on the coarse grid
    found, expected, share = both(image, tree, ByIntensity())
    assert expected.any()
    assert torch.equal(found, expected)
    assert share > 1, "the first look, then all windows"


def test_a_small_superclass_beside_a_large_one_has_a_box(flat_tree: Taxonomy) -> None:
    image = volume(cube(2, 2, 2, 16))
    image[0, 0][cube(36, 36, 14, 5)] = 2  # 3 % of the other's voxels
    found, expected, share = both(image, flat_tree, ByIntensity())
    assert bool((expected == 2).any())
    assert torch.equal(found, expected)
    assert share < 1


def test_one_of_two_superclasses_missed_is_enough_for_the_whole_search(flat_tree: Taxonomy) -> None:
    image = volume(cube(20, 20, 10))
    image[0, 0, 2, 2, 2] = 2  # a single voxel of b, lost on the coarse grid
    found, expected, share = both(image, flat_tree, ByIntensity())
    assert bool((expected == 2).any())
    assert torch.equal(found, expected)
    assert share > 1


@pytest.mark.parametrize("shape", [(8, 8, 8), (5, 6, 7), (12, 8, 8)])
def test_a_volume_of_a_window_or_two_is_monai_s_result_to_the_bit(shape: tuple[int, ...], tree: Taxonomy) -> None:
    image = torch.rand(2, 1, *shape, generator=torch.Generator().manual_seed(0))
    monai = SlidingWindowInferer(PATCH, 4, 0.25, mode="gaussian", padding_mode="replicate")
    network = nn.Sequential(nn.Conv3d(1, 3, 3, padding=1), nn.LogSoftmax(dim=1)).eval()
    with torch.no_grad():
        assert torch.equal(CoarseToFineInferer(PATCH, tree)(image, network), torch.as_tensor(monai(image, network)))


def test_a_structure_that_fills_the_volume_is_searched_as_a_whole(tree: Taxonomy) -> None:
    network = nn.Sequential(nn.Conv3d(1, 3, 3, padding=1), nn.LogSoftmax(dim=1)).eval()
    inferer = CoarseToFineInferer(PATCH, tree, min_confidence=0.0, threshold=0.0)
    image = torch.rand(1, 1, 20, 16, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(inferer(image, network), torch.as_tensor(sliding_window(PATCH)(image, network)))


def test_boxes_reach_as_far_as_their_windows_do(tree: Taxonomy) -> None:
    inferer = CoarseToFineInferer(PATCH, tree)
    (box,) = inferer.boxes_in(volume(cube(20, 20, 10))[0], ByIntensity())
    assert [(size - 8) % 6 for size in (box[1] - box[0]).tolist()] == [0, 0, 0]


def test_mirrored_views_can_be_averaged(tree: Taxonomy) -> None:
    inferer, network, image = CoarseToFineInferer(PATCH, tree), ByIntensity(), volume(cube(3, 20, 10))

    def predict(images: Tensor) -> Tensor:
        return inferer(images, network)

    views = mean_log_probs(predict, image, [(), ("left-right",)])
    assert torch.equal(views.argmax(dim=1), predict(image).argmax(dim=1))


def test_a_finer_first_look_is_refused(tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match=r"max_ratio: .*0\.5"):
        CoarseToFineInferer(PATCH, tree, max_ratio=0.5)
