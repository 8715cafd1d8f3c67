"""Overlapping views, their modalities and masked blocks."""

from __future__ import annotations

import pytest
import torch

from cladeseg.pretraining.views import (
    MakeViews,
    block_mask,
    crop_views,
    draw_modalities,
    draw_places,
    draw_starts,
    present_modalities,
    region_size,
    values_at,
)
from cladeseg.segmentation.transforms import BatchAugment
from cladeseg.taxonomy import Node, Taxonomy

SIZE, REGION = (8, 6, 4), (10, 8, 5)
TREE = Taxonomy("tree", (Node("background", values={"x": 0}), Node("a", values={"x": 1})))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def where(cases: int = 2) -> torch.Tensor:
    """Images whose three channels are each voxel's own coordinates, counted from 1."""
    axes = torch.meshgrid(*(torch.arange(1.0, n + 1) for n in REGION), indexing="ij")
    return torch.stack(axes).expand(cases, 3, *REGION).clone()


def make(images: torch.Tensor, seed: int = 0, **options: object) -> object:
    nodes = torch.zeros(len(images), 1, *REGION, dtype=torch.uint8)
    return MakeViews(size=SIZE, points=9, **options)(images, nodes, generator(seed))  # type: ignore[arg-type]


def test_a_place_shows_the_same_voxel_in_every_view() -> None:
    views = make(where(), views=3, modality_dropout=0.0)
    seen = [values_at(images, at) for images, at in zip(views.targets, views.in_view, strict=True)]
    for each in seen:
        torch.testing.assert_close(each, views.places.float() + 1)


def test_places_lie_inside_every_view() -> None:
    for seed in range(20):
        views = make(where(), seed, views=4)
        assert bool((views.in_view >= 0).all())
        assert bool((views.in_view < torch.tensor(SIZE)).all())


def test_views_lie_at_different_places() -> None:
    starts = draw_starts(2, 50, REGION, SIZE, generator())
    assert bool((starts[0] != starts[1]).any())
    assert starts.amax(dim=(0, 1)).tolist() == [2, 2, 1]
    assert starts.amin().item() == 0


def test_places_that_show_something_go_first() -> None:
    shown = torch.zeros(1, *REGION, dtype=torch.bool)
    shown[:, :5] = True
    for seed in range(10):  # any voxel would do in 5 of 8 cases
        places = draw_places(torch.zeros(1, 1, 3, dtype=torch.long), SIZE, shown, 3, generator(seed))
        assert bool(values_at(shown[:, None], places).all())


def test_missing_modalities_are_never_shown_nor_restored() -> None:
    images = where()
    images[0, 1] = 0
    views = make(images, views=5, mask_ratio=0.5, modality_dropout=1.0)
    assert not bool(views.shown[:, 0, 1].any())
    assert not bool(views.hidden[:, 0, 1].any())
    assert bool(views.present.all())


def test_a_case_without_any_modality_is_no_view() -> None:
    images = where()
    images[1] = 0
    views = make(images)
    assert views.present.tolist() == [[True, False], [True, False]]
    assert views.missing == 2
    assert not bool(views.informative[1].any())
    assert not bool(views.hidden[:, 1].any())


def test_what_is_hidden_is_what_the_network_does_not_see() -> None:
    views = make(where(), mask_ratio=0.5, modality_dropout=1.0, block=(2, 2, 2))
    torch.testing.assert_close(views.inputs, views.targets.masked_fill(views.hidden, 0.0))
    assert 0 < views.hidden.float().mean() < 1


def test_intensities_differ_between_views_and_targets_keep_theirs() -> None:
    still = {"rotate_degrees": (0, 0, 0), "scale": (1, 1), "translate_voxels": (0, 0, 0), "flips": ()}
    intensity = BatchAugment(TREE, noise=0.5, probability=1.0, **still)
    views = make(where(), modality_dropout=0.0, intensity=intensity)
    assert not torch.allclose(views.inputs, views.targets)
    seen = [values_at(images, at) for images, at in zip(views.targets, views.in_view, strict=True)]
    torch.testing.assert_close(seen[0], seen[1])


def test_a_missing_modality_stays_zero_under_intensity_changes() -> None:
    images = where()
    images[:, 2] = 0
    views = make(images, intensity=BatchAugment(TREE, noise=0.5, probability=1.0))
    assert views.inputs[:, :, 2].abs().sum() == 0


def test_the_generator_alone_decides() -> None:
    one, again, other = (make(where(), seed, mask_ratio=0.5) for seed in (3, 3, 4))
    assert torch.equal(one.inputs, again.inputs)
    assert not torch.equal(one.inputs, other.inputs)


def test_beyond_the_image_nothing_is_compared_or_restored() -> None:
    images = where()
    nodes = torch.zeros(2, 1, *REGION, dtype=torch.uint8)
    valid = torch.zeros_like(nodes, dtype=torch.bool)
    valid[0] = True
    views = MakeViews(size=SIZE, points=9, mask_ratio=1.0)(images, nodes, generator(), valid=valid)
    assert bool(views.informative[0].all())
    assert not bool(views.informative[1].any())
    assert not bool(views.hidden[:, 1].any())


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_every_view_of_a_case_shows_a_modality_that_it_has(probability: float) -> None:
    present = torch.tensor([[True, False, True, True], [False, True, False, False], [False] * 4])
    shown = draw_modalities(present, 40, probability, generator())
    assert not bool((shown & ~present).any())
    assert shown.any(dim=2).all(dim=0).tolist() == [True, True, False]
    if probability == 0:
        assert torch.equal(shown, present.expand_as(shown))


def test_modalities_are_dropped_for_each_view_alone() -> None:
    shown = draw_modalities(torch.ones(1, 4, dtype=torch.bool), 200, 1.0, generator())
    assert len({tuple(row) for row in shown[:, 0].tolist()}) == 15  # every part but the empty one


def test_a_modality_that_is_zero_everywhere_is_missing() -> None:
    images = torch.zeros(1, 2, 3, 3, 3)
    images[0, 0, 1, 1, 1] = -1
    assert present_modalities(images).tolist() == [[True, False]]


@pytest.mark.parametrize(("ratio", "hidden"), [(0.0, 0), (0.5, 4), (1.0, 8)])
def test_a_mask_hides_whole_blocks_and_their_share(ratio: float, hidden: int) -> None:
    mask = block_mask(5, (4, 4, 4), (2, 2, 2), ratio, generator())
    blocks = mask.view(5, 2, 2, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6).reshape(5, 8, 8)
    assert bool((blocks.all(2) == blocks.any(2)).all())
    assert blocks.all(2).sum(1).tolist() == [hidden] * 5


def test_a_block_at_the_border_is_cut() -> None:
    assert block_mask(1, (5, 3, 7), (4, 4, 4), 1.0, generator()).shape == (1, 1, 5, 3, 7)


def test_crops_are_where_they_start() -> None:
    images = where(1)
    crop = crop_views(images, torch.tensor([[[2, 1, 0]]]), SIZE)[0, 0]
    assert crop[:, 0, 0, 0].tolist() == [3.0, 2.0, 1.0]
    assert tuple(crop.shape[1:]) == SIZE


def test_regions_hold_views_that_lie_a_share_apart() -> None:
    assert region_size((32, 48, 8), 0.25) == (40, 60, 10)
    assert region_size((32, 48, 8), 0.0) == (32, 48, 8)


def test_no_view_is_refused() -> None:
    with pytest.raises(ValueError, match="views"):
        MakeViews(size=SIZE, views=0)
