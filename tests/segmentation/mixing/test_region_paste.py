from __future__ import annotations

import torch

from cladeseg.segmentation.mixing.region_paste import align_region, feathered, match_intensities, paste

ROOT = 6


def _box(*edges: tuple[int, int], size: int = 12) -> torch.Tensor:
    region = torch.zeros(1, 1, size, size, size, dtype=torch.bool)
    region[(0, 0, *(slice(*edge) for edge in edges))] = True
    return region


def test_a_region_moves_onto_the_query_by_whole_voxels() -> None:
    source, goal = _box((1, 4), (1, 4), (1, 4)), _box((6, 9), (7, 10), (2, 5))
    image = torch.randn(1, 2, 12, 12, 12)
    nodes = torch.where(source, 2, 0).to(torch.uint8)
    moved_image, moved = align_region(goal, image, nodes, source, root=ROOT)
    assert torch.equal(moved == 2, goal)
    torch.testing.assert_close(moved_image[:, :, 6:9, 7:10, 2:5], image[:, :, 1:4, 1:4, 1:4])


def test_a_half_voxel_is_no_reason_to_interpolate() -> None:
    source, goal = _box((1, 4), (1, 4), (1, 4)), _box((1, 5), (1, 4), (1, 4))
    image = torch.randn(1, 1, 12, 12, 12)
    moved_image, _ = align_region(goal, image, source.to(torch.uint8), source, root=ROOT)
    torch.testing.assert_close(moved_image, image)


def test_scaling_follows_the_ratio_of_extents_within_its_bound() -> None:
    source, goal = _box((4, 7), (4, 7), (4, 7)), _box((2, 8), (2, 8), (4, 7))
    nodes = source.to(torch.uint8)
    image = source.float()
    _, free = align_region(goal, image, nodes, source, root=ROOT, max_scale=2.0)
    assert torch.equal(free == 1, goal)
    _, bounded = align_region(goal, image, nodes, source, root=ROOT, max_scale=1.34)
    assert int((bounded == 1).sum()) == 4 * 4 * 3


def test_nearest_invents_no_class() -> None:
    # Interpolating between 1 and 3 would give a 2 (published code, defect 2).
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        nodes = 1 + 2 * torch.randint(2, (1, 1, 12, 12, 12), generator=generator).to(torch.uint8)
        source = torch.rand(nodes.shape, generator=generator) < 0.1
        goal = _box((2, 9), (3, 6), (1, 12))
        _, moved = align_region(goal, nodes.float(), nodes, source, root=ROOT, max_scale=1.5)
        assert set(moved.unique().tolist()) <= {1, 3, ROOT}


def test_beyond_the_partners_field_nothing_is_known() -> None:
    source, goal = _box((0, 2), (5, 7), (5, 7)), _box((6, 8), (5, 7), (5, 7))
    _, moved = align_region(goal, torch.ones(1, 1, 12, 12, 12), source.to(torch.uint8), source, root=ROOT)
    assert (moved[:, :, :6] == ROOT).all()
    assert (moved[:, :, 6:] != ROOT).all()


def test_empty_regions_stay_finite() -> None:
    empty, some = torch.zeros(1, 1, 12, 12, 12, dtype=torch.bool), _box((1, 4), (1, 4), (1, 4))
    for goal, source in [(empty, some), (some, empty), (empty, empty)]:
        image, nodes = align_region(
            goal, torch.randn(1, 1, 12, 12, 12), source.to(torch.uint8), source, root=ROOT, max_scale=1.5
        )
        assert torch.isfinite(image).all()
        assert set(nodes.unique().tolist()) <= {0, 1, ROOT}


def test_each_sample_of_a_batch_moves_on_its_own() -> None:
    goals = torch.cat([_box((6, 9), (7, 10), (2, 5)), _box((2, 4), (1, 4), (8, 11))])
    sources = torch.cat([_box((1, 4), (1, 4), (1, 4)), _box((5, 7), (5, 8), (5, 8))])
    images, nodes = torch.randn(2, 1, 12, 12, 12), sources.to(torch.uint8)
    together = align_region(goals, images, nodes, sources, root=ROOT)
    for i in range(2):
        one = slice(i, i + 1)
        alone = align_region(goals[one], images[one], nodes[one], sources[one], root=ROOT)
        assert torch.equal(together[0][one], alone[0])
        assert torch.equal(together[1][one], alone[1])


def test_two_dimensions_work_as_three() -> None:
    source = torch.zeros(1, 1, 10, 10, dtype=torch.bool)
    source[:, :, 1:4, 1:4] = True
    goal = source.roll((3, 4), (2, 3))
    _, moved = align_region(goal, source.float(), source.to(torch.uint8), source, root=ROOT)
    assert torch.equal(moved == 1, goal)


def test_paste_blends_inside_the_mask_only() -> None:
    image, source = torch.zeros(2, 1, 2, 2, 2), torch.full((2, 1, 2, 2, 2), 4.0)
    mask = torch.zeros(2, 1, 2, 2, 2, dtype=torch.bool)
    mask[..., 0] = True
    blended = paste(image, source, mask, torch.tensor([1.0, 0.25]))
    assert blended[..., 1].eq(0).all()
    assert blended[0, ..., 0].eq(4).all()
    assert blended[1, ..., 0].eq(1).all()


def test_a_turned_region_is_turned_back_along_principal_axes() -> None:
    source = _box((1, 11), (4, 8), (4, 7))
    goal = source.transpose(2, 3).contiguous()
    moved = {
        axes: align_region(goal, source.float(), source.to(torch.uint8), source, root=ROOT, axes=axes)[1]
        for axes in ("volume", "principal")
    }
    assert torch.equal(moved["principal"] == 1, goal)
    assert ((moved["volume"] == 1) & goal).sum() < 0.6 * goal.sum()


def test_a_matched_region_has_the_others_mean_and_spread_in_each_channel() -> None:
    generator = torch.Generator().manual_seed(0)
    image, like = (
        5 + 3 * torch.randn(2, 2, 6, 6, 6, generator=generator),
        torch.randn(2, 2, 6, 6, 6, generator=generator),
    )
    region, other = (torch.rand(2, 1, 6, 6, 6, generator=generator) < 0.4 for _ in range(2))
    matched = match_intensities(image, region, like, other)
    for i in range(2):
        for channel in range(2):
            mine, theirs = matched[i, channel][region[i, 0]], like[i, channel][other[i, 0]]
            torch.testing.assert_close(mine.mean(), theirs.mean(), atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(mine.std(correction=0), theirs.std(correction=0))


def test_without_a_region_nothing_is_matched() -> None:
    image, like, some = torch.randn(1, 1, 4, 4, 4), torch.randn(1, 1, 4, 4, 4), torch.ones(1, 1, 4, 4, 4).bool()
    for region, other in ((~some, some), (some, ~some)):
        assert torch.equal(match_intensities(image, region, like, other), image)


def test_weights_rise_across_the_border_and_not_at_the_images_end() -> None:
    mask = _box((0, 12), (0, 12), (0, 6))
    weight = feathered(mask, (2, 2, 2))
    torch.testing.assert_close(weight[0, 0, 0, 0], torch.tensor([1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2, 0, 0, 0, 0]))
    assert torch.equal(feathered(mask, (0, 0, 0)), mask.float())
