from __future__ import annotations

import torch

from cladeseg.segmentation.mixing.region_paste import align_region, centre_and_extent, paste

ROOT = 6


def _box(*edges: tuple[int, int], size: int = 12) -> torch.Tensor:
    region = torch.zeros(1, 1, size, size, size, dtype=torch.bool)
    region[(0, 0, *(slice(*edge) for edge in edges))] = True
    return region


def test_centre_and_extent_of_a_box_are_exact() -> None:
    centre, extent = centre_and_extent(_box((2, 8), (0, 3), (5, 6)))
    torch.testing.assert_close(centre, torch.tensor([[4.5, 1.0, 5.0]]))
    torch.testing.assert_close(extent, torch.tensor([[6.0, 3.0, 1.0]]))


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
