"""One subset per batch, every proper one as likely as any other, and hidden channels are exactly zero."""

from __future__ import annotations

import pickle
from collections import Counter

import pytest
import torch

from cladeseg.segmentation.transforms import ModalityDropout

IMAGES = torch.rand(3, 4, 2, 3, 4, generator=torch.Generator().manual_seed(0)) + 1
NODES = torch.ones(3, 1, 2, 3, 4, dtype=torch.uint8)


def kept_channels(images: torch.Tensor) -> list[tuple[int, ...]]:
    """Of each sample, the channels that are not zero throughout."""
    return [tuple(c for c in range(images.shape[1]) if bool(sample[c].any())) for sample in images]


def test_one_subset_holds_for_the_whole_batch_and_keeps_its_voxels():
    generator, dropout = torch.Generator().manual_seed(1), ModalityDropout(4, 1.0)
    for _ in range(20):
        images, nodes = dropout(IMAGES, NODES, generator)
        (kept,) = set(kept_channels(images))
        assert 1 <= len(kept) <= 3
        assert torch.equal(images[:, list(kept)], IMAGES[:, list(kept)])
        assert nodes is NODES


def test_every_non_empty_proper_subset_is_equally_likely():
    generator, dropout = torch.Generator().manual_seed(2), ModalityDropout(3, 1.0)
    counts = Counter(tuple(dropout.sample(generator).tolist()) for _ in range(3000))
    assert len(counts) == 6
    assert all(abs(count - 500) < 100 for count in counts.values())  # 5 standard deviations


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_it_strikes_as_often_as_asked(probability: float):
    generator, dropout = torch.Generator().manual_seed(3), ModalityDropout(4, probability)
    struck = sum(not bool(dropout.sample(generator).all()) for _ in range(2000))
    assert abs(struck - 2000 * probability) <= 100


def test_striking_or_not_takes_the_same_from_the_generator():
    states = []
    for probability in (0.0, 1.0):
        generator = torch.Generator().manual_seed(4)
        ModalityDropout(4, probability)(IMAGES, NODES, generator)
        states.append(generator.get_state())
    assert torch.equal(*states)


def test_what_is_hidden_becomes_zero_whatever_it_was():
    images, _ = ModalityDropout(4, 1.0)(IMAGES * float("nan"), NODES, torch.Generator().manual_seed(5))
    hidden = ~images.isnan().flatten(2).any(dim=2)
    assert bool(hidden.any())
    assert bool((images.transpose(0, 1)[hidden[0]] == 0).all())


def test_the_images_given_stay_as_they_are():
    before = IMAGES.clone()
    ModalityDropout(4, 1.0)(IMAGES, NODES, torch.Generator().manual_seed(6))
    assert torch.equal(IMAGES, before)


@pytest.mark.parametrize(
    ("channels", "probability", "complaint"),
    [(1, 0.5, "channels: 1"), (0, 0.5, "channels: 0"), (63, 0.5, "channels: 63"), (4, 1.1, "1.1"), (4, -0.1, "-0.1")],
)
def test_impossible_options_are_refused(channels: int, probability: float, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        ModalityDropout(channels, probability)


def test_images_of_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"images of 4 channels; .* 2"):
        ModalityDropout(2)(IMAGES, NODES, torch.Generator())


def test_it_pickles():
    dropout = pickle.loads(pickle.dumps(ModalityDropout(4, 0.25)))
    assert (dropout.channels, dropout.probability) == (4, 0.25)
