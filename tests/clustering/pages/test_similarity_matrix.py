"""The matrix of all pairs: blocks hold one cluster each, and their shade is the mean of their pairs."""

from __future__ import annotations

import numpy as np
import pytest

from cladeseg.clustering.groups import Grouping, GroupingOptions, group
from cladeseg.clustering.pages.similarity_matrix import block_means, blocks_of, similarity_picture

DARK, WHITE = (8, 48, 107), (255, 255, 255)


def grouped(sizes: list[int]) -> Grouping:
    """Clusters of these sizes that nothing contradicts."""
    classes = np.repeat(np.arange(len(sizes)), sizes)
    weights = np.where(classes[:, None] == classes, 60.0, -60.0)
    return group([f"o{n}" for n in range(len(classes))], weights, GroupingOptions(exact_objects=0, resamples=3))


def test_every_object_has_a_pixel_where_there_is_room() -> None:
    numbers, starts = blocks_of(grouped([3, 2]), 100)
    assert numbers.tolist() == [1, 1, 1, 2, 2]
    assert starts.tolist() == [0, 1, 2, 3, 4]


def test_no_block_holds_two_clusters_and_small_ones_keep_theirs() -> None:
    numbers, starts = blocks_of(grouped([90, 7, 3]), 10)
    assert np.unique(numbers).tolist() == [1, 2, 3]
    assert len(numbers) <= 12
    edges = np.append(starts, 100)
    cluster_of = np.repeat([1, 2, 3], [90, 7, 3])
    for number, begin, end in zip(numbers, edges[:-1], edges[1:], strict=True):
        assert end > begin
        assert set(cluster_of[begin:end]) == {number}


def test_a_block_is_the_mean_of_its_pairs_in_the_given_order() -> None:
    values = np.arange(16.0).reshape(4, 4)
    order, starts = np.array([2, 0, 1, 3]), np.array([0, 1, 3])
    found = block_means(values, order, starts)
    assert found[0, 1] == pytest.approx(values[2, [0, 1]].mean())
    assert found[1, 1] == pytest.approx(values[np.ix_([0, 1], [0, 1])].mean())


@pytest.mark.parametrize("sizes", [[4, 2], [400, 200, 30]])
def test_clusters_are_dark_squares_however_many_objects_there_are(sizes: list[int]) -> None:
    picture = similarity_picture(grouped(sizes), side=120)
    assert picture.shape == (120, 120, 3)
    assert tuple(picture[30, 20]) == DARK
    assert tuple(picture[20, 100]) == WHITE


def test_no_object_has_an_empty_matrix_of_nothing() -> None:
    assert grouped([1]).numbers.tolist() == [1]
    assert similarity_picture(grouped([1]), side=20).shape == (20, 20, 3)
