"""Two passes with networks whose answers are known: where they look, what comes back."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cladeseg.segmentation.inferers import BoxInferer, TwoPassInferer
from cladeseg.segmentation.inferers.flips import mean_log_probs
from cladeseg.segmentation.networks import TwoPassNet

SHAPE = (24, 24, 6)


class Bright(nn.Module):
    """log p of two leaves: whatever is brighter than 0.5 is the structure, as surely as asked."""

    def __init__(self, sure: float = 0.99) -> None:
        super().__init__()
        self.sure = sure

    def forward(self, image: Tensor) -> Tensor:
        p = torch.where(image[:, :1] > 0.5, self.sure, 0.01)
        return torch.cat([1 - p, p], dim=1).log()


class Leaves(nn.Module):
    """log p of three leaves, the last one everywhere; keeps the images that it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, image: Tensor) -> Tensor:
        self.seen += list(image)
        p = torch.tensor([0.01, 0.01, 0.98]).view(1, 3, 1, 1, 1)
        return p.expand(len(image), 3, *image.shape[2:]).log()


def inferer(**options: Any) -> TwoPassInferer:
    given = {"patch_size": (8, 8, 4), "first_patch_size": (8, 8, 4), "ratios": (2, 2, 1), "margin": (2, 2, 1)}
    return TwoPassInferer(**{**given, **options})


def cubes(*corners: tuple[int, int, int]) -> Tensor:
    image = torch.zeros(1, *SHAPE)
    for x, y, z in corners:
        image[0, x : x + 4, y : y + 4, z : z + 2] = 1
    return image


def predicted(image: Tensor, *, sure: float = 0.99, **options: Any) -> tuple[Tensor, Leaves]:
    """Bool (*S): where the leaf network's leaf is most probable, and the network."""
    leaves = Leaves()
    scores = inferer(**options)(image[None], TwoPassNet(Bright(sure), leaves))
    assert scores.shape == (1, 3, *SHAPE)
    torch.testing.assert_close(scores.exp().sum(dim=1), torch.ones(1, *SHAPE))
    assert bool(scores.isfinite().all())
    return scores[0].argmax(dim=0) == 2, leaves


def box(x: slice, y: slice, z: slice) -> Tensor:
    inside = torch.zeros(SHAPE, dtype=torch.bool)
    inside[x, y, z] = True
    return inside


def test_leaves_lie_inside_the_box_and_all_else_is_background() -> None:
    where, _ = predicted(cubes((8, 10, 2)))
    assert torch.equal(where, box(slice(6, 14), slice(8, 16), slice(1, 5)))


def test_a_box_at_the_border_ends_there_and_keeps_the_patch_s_size() -> None:
    where, _ = predicted(cubes((0, 20, 0)))
    assert torch.equal(where, box(slice(0, 8), slice(16, 24), slice(0, 4)))


def test_two_components_get_a_box_each() -> None:
    where, leaves = predicted(cubes((0, 0, 0), (18, 18, 2)))
    assert torch.equal(
        where, box(slice(0, 8), slice(0, 8), slice(0, 4)) | box(slice(16, 24), slice(16, 24), slice(1, 5))
    )
    assert [tuple(image.shape) for image in leaves.seen] == [(1, 8, 8, 4)] * 2


def test_a_small_component_is_passed_over() -> None:
    image = cubes((2, 2, 1))
    image[0, 18:20, 18:20, 3] = 1
    where, _ = predicted(image, min_share=0.5)
    assert not where[14:].any()


@pytest.mark.parametrize(
    ("image", "sure"), [(torch.zeros(1, *SHAPE), 0.99), (cubes((8, 8, 2)), 0.7)], ids=["nothing", "not confident"]
)
def test_without_a_find_the_whole_volume_is_searched(image: Tensor, sure: float) -> None:
    where, leaves = predicted(image, sure=sure, min_confidence=0.8)
    assert where.all()
    assert len(leaves.seen) > 4, "windows all over the volume"


def test_the_box_is_standardised_over_itself() -> None:
    image = cubes((8, 10, 2)) + torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0)) * 0.1
    _, leaves = predicted(image, patch_size=(8, 8, 4))
    (seen,) = leaves.seen
    assert abs(float(seen.mean())) < 1e-5
    assert abs(float(seen.std(unbiased=False)) - 1) < 1e-5


def test_a_known_box_is_predicted_as_one_that_is_found() -> None:
    image = cubes((8, 10, 2)) + torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0)) * 0.1
    _, found = predicted(image)
    network = TwoPassNet(Bright(), Leaves())
    scores = BoxInferer((8, 8, 4))(image[None, :, 6:14, 8:16, 1:5], network)
    assert scores.shape == (1, 3, 8, 8, 4)
    torch.testing.assert_close(network.second.seen[0], found.seen[0])  # type: ignore[union-attr]


def test_what_is_exactly_zero_stays_so_where_it_means_no_tissue() -> None:
    image = cubes((8, 10, 2)) * torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0)).add(1)
    _, leaves = predicted(image, nonzero=True)
    assert torch.equal(leaves.seen[0] == 0, image[:, 6:14, 8:16, 1:5] == 0)


def test_thick_slices_are_not_made_thicker() -> None:
    finder = inferer(ratios=(2.5, 2.5, 1))
    assert finder.found(cubes((8, 8, 2)), TwoPassNet(Bright(), Leaves())).shape == (10, 10, 6)


def test_a_volume_smaller_than_the_patch_keeps_its_shape() -> None:
    scores = inferer()(torch.ones(1, 1, 5, 6, 2), TwoPassNet(Bright(), Leaves()))
    assert scores.shape == (1, 3, 5, 6, 2)


def test_each_image_of_a_batch_is_searched_by_itself() -> None:
    images = torch.stack([cubes((2, 2, 0)), cubes((16, 16, 3))])
    network = TwoPassNet(Bright(), Leaves())
    together = inferer()(images, network)
    for image, scores in zip(images, together, strict=True):
        torch.testing.assert_close(inferer()(image[None], network)[0], scores)


def test_mirrored_views_can_be_averaged() -> None:
    network = TwoPassNet(Bright(), Leaves())

    def predict(images: Tensor) -> Tensor:
        return inferer()(images, network)

    image = cubes((2, 10, 2))[None]
    views = mean_log_probs(predict, image, [(), ("left-right",)])
    assert bool(views.isfinite().all())
    assert torch.equal(views.argmax(dim=1), predict(image).argmax(dim=1))


def test_another_network_is_refused_by_its_kind() -> None:
    with pytest.raises(TypeError, match="TwoPassNet, not a Leaves"):
        inferer()(torch.zeros(1, 1, *SHAPE), Leaves())
