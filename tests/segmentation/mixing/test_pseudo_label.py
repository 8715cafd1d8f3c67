from __future__ import annotations

import pickle

import pytest
import torch

from cladeseg.segmentation.mixing.pseudo_label import PseudoLabeller
from cladeseg.taxonomy import Taxonomy, TaxonomyError

# Leaves of the acdc tree: background 0, right_ventricle 1, myocardium 2, left_ventricle 3; nodes heart 4,
# left_heart 5, root 6.
HEART, LEFT, ROOT = 4, 5, 6


def _view(*probabilities: float) -> torch.Tensor:
    return torch.tensor(probabilities).log().view(1, -1, 1, 1, 1)


def _known(node: int) -> torch.Tensor:
    return torch.full((1, 1, 1, 1, 1), node, dtype=torch.uint8)


def _label(tree: Taxonomy, views: list[torch.Tensor], known: int, **options: object) -> int:
    return int(PseudoLabeller(tree, **options)(views, _known(known)))  # type: ignore[arg-type]


@pytest.mark.parametrize("known", range(7))
def test_a_label_never_contradicts_what_is_known(acdc_tree: Taxonomy, brats_tree: Taxonomy, known: int) -> None:
    generator = torch.Generator().manual_seed(known)
    for tree in (acdc_tree, brats_tree):
        views = [(4 * torch.randn(2, 4, 5, 5, 3, generator=generator)).log_softmax(1) for _ in range(2)]
        nodes = torch.full((2, 1, 5, 5, 3), known, dtype=torch.uint8)
        for threshold in (0.05, 0.3, 0.8):
            label = PseudoLabeller(tree, threshold=threshold, agree=threshold > 0.5)(views, nodes)
            assert label.dtype == torch.uint8
            assert tree.contains[nodes.long(), label.long()].all()


def test_mixed_maps_are_labelled_voxel_by_voxel(acdc_tree: Taxonomy) -> None:
    generator = torch.Generator().manual_seed(0)
    known = torch.randint(7, (2, 1, 4, 4, 4), generator=generator)
    view = (3 * torch.randn(2, 4, 4, 4, 4, generator=generator)).log_softmax(1)
    label = PseudoLabeller(acdc_tree, threshold=0.6)([view], known)
    assert acdc_tree.contains[known, label].all()
    assert (label != known).any()
    for at in [(0, 0, 1, 2, 3), (1, 0, 3, 0, 1), (1, 0, 2, 2, 2)]:
        voxel = view[at[0], :, at[2], at[3], at[4]].view(1, 4, 1, 1, 1)
        assert label[at] == int(PseudoLabeller(acdc_tree, threshold=0.6)([voxel], known[at].view(1, 1, 1, 1, 1)))


def test_it_descends_as_deep_as_it_is_confident(acdc_tree: Taxonomy) -> None:
    assert _label(acdc_tree, [_view(0.01, 0.01, 0.03, 0.95)], ROOT) == 3
    assert _label(acdc_tree, [_view(0.01, 0.01, 0.48, 0.50)], ROOT) == LEFT
    assert _label(acdc_tree, [_view(0.01, 0.40, 0.09, 0.50)], ROOT) == HEART
    assert _label(acdc_tree, [_view(0.50, 0.30, 0.10, 0.10)], ROOT) == ROOT
    assert _label(acdc_tree, [_view(0.90, 0.05, 0.03, 0.02)], ROOT) == 0


def test_probabilities_count_within_the_known_node(acdc_tree: Taxonomy) -> None:
    view = _view(0.90, 0.001, 0.001, 0.098)
    assert _label(acdc_tree, [view], ROOT) == 0
    assert _label(acdc_tree, [view], HEART) == 3
    # p(left_ventricle | left_heart) is .7 but within the known heart it is .49: the threshold is on the latter.
    half = _view(0.0, 0.3, 0.21, 0.49)
    assert _label(acdc_tree, [half], HEART, threshold=0.6) == LEFT
    assert _label(acdc_tree, [half], LEFT, threshold=0.6) == 3


def test_a_known_leaf_stays(acdc_tree: Taxonomy) -> None:
    assert _label(acdc_tree, [_view(0.0, 0.0, 0.0, 1.0)], 1) == 1


def test_an_impossible_known_node_stays(acdc_tree: Taxonomy) -> None:
    assert _label(acdc_tree, [_view(1.0, 0.0, 0.0, 0.0)], HEART) == HEART


def test_views_that_disagree_stop_the_descent(acdc_tree: Taxonomy) -> None:
    views = [_view(0.0, 0.0, 0.01, 0.99), _view(0.0, 0.0, 0.55, 0.45)]
    assert _label(acdc_tree, views, HEART, threshold=0.7) == LEFT
    assert _label(acdc_tree, views, HEART, threshold=0.7, agree=False) == 3


def test_views_are_averaged_as_probabilities(acdc_tree: Taxonomy) -> None:
    # Mean probability .745; the mean of the logarithms, renormalised, would be .91.
    views = [_view(0.0, 0.0, 0.01, 0.99), _view(0.0, 0.0, 0.50 - 1e-3, 0.50 + 1e-3)]
    assert _label(acdc_tree, views, LEFT, threshold=0.74) == 3
    assert _label(acdc_tree, views, LEFT, threshold=0.76) == LEFT


def test_a_threshold_below_one_half_gives_the_most_probable_leaf_alone(acdc_tree: Taxonomy) -> None:
    # The published floor of 0.4 lets .45 and .41 both pass (defect 4).
    assert _label(acdc_tree, [_view(0.0, 0.0, 0.41, 0.59)], LEFT, threshold=0.3) == 3
    assert _label(acdc_tree, [_view(0.0, 0.0, 0.59, 0.41)], LEFT, threshold=0.3) == 2


def test_a_node_can_have_its_own_threshold(acdc_tree: Taxonomy) -> None:
    view = _view(0.0, 0.0, 0.3, 0.7)
    assert _label(acdc_tree, [view], LEFT, threshold={"left_ventricle": 0.6}) == 3
    assert _label(acdc_tree, [view], LEFT, threshold={"myocardium": 0.6}) == LEFT


def test_impossible_thresholds_are_refused(acdc_tree: Taxonomy) -> None:
    with pytest.raises(TaxonomyError, match="atrium"):
        PseudoLabeller(acdc_tree, threshold={"atrium": 0.5})
    with pytest.raises(ValueError, match="heart"):
        PseudoLabeller(acdc_tree, threshold={"heart": 0.0})


def test_it_pickles(acdc_tree: Taxonomy) -> None:
    labeller = pickle.loads(pickle.dumps(PseudoLabeller(acdc_tree)))
    assert int(labeller([_view(0.01, 0.01, 0.03, 0.95)], _known(ROOT))) == 3
