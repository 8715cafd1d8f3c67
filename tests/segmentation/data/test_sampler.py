"""The sampler: a pure function of the step, with exact ratios."""

from __future__ import annotations

import pickle
from collections import Counter

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from cladeseg.files import DataError
from cladeseg.segmentation.data.sampler import SupervisionSampler

CASES = ["fine", "heart", "unlabelled", "fine", "heart", "left_heart+right_ventricle", "unlabelled", "heart", "fine"]
RATIO = {"fine": 1, "coarse": 2, "unlabelled": 1}


class Echo(Dataset):
    """Gives back what the sampler asked for, and a draw that follows from the sample seed alone."""

    def __len__(self) -> int:
        return len(CASES)

    def __getitem__(self, index: tuple[int, int]) -> torch.Tensor:
        case, seed = index
        draw = torch.randint(1 << 30, (1,), generator=torch.Generator().manual_seed(seed))
        return torch.tensor([case, seed, int(draw)])


def make(**changes) -> SupervisionSampler:
    return SupervisionSampler(**{"supervisions": CASES, "per_batch": RATIO, "steps": 20, "seed": 7, **changes})


def test_every_batch_holds_leaf_then_coarse_then_unlabelled_cases():
    sampler = make()
    assert sampler.slots == ["fine", "coarse", "coarse", "unlabelled"]
    assert sampler.batch_size == 4
    for batch in sampler:
        kinds = [CASES[case] if CASES[case] in {"fine", "unlabelled"} else "coarse" for case, _ in batch]
        assert kinds == sampler.slots


def test_resuming_gives_the_tail_of_the_uninterrupted_run():
    assert list(make(start_step=13)) == list(make())[13:]
    assert (len(make()), len(make(start_step=13)), len(make(start_step=20))) == (20, 7, 0)


def test_iterating_again_and_other_seeds():
    sampler = make()
    assert list(sampler) == list(sampler)
    assert list(make(seed=8)) != list(sampler)


def test_each_pool_is_visited_evenly():
    counts = Counter(case for batch in make(steps=12) for case, _ in batch)
    assert {counts[i] for i in (0, 3, 8)} == {4}  # 12 leaf draws from 3 cases
    assert {counts[i] for i in (1, 4, 5, 7)} == {6}  # 24 coarse draws from 4
    assert {counts[i] for i in (2, 6)} == {6}  # 12 unlabelled draws from 2


def test_an_epoch_of_a_pool_holds_each_case_once_and_its_order_changes():
    leaf = [batch[0][0] for batch in make(steps=30)]
    epochs = [tuple(leaf[i : i + 3]) for i in range(0, 30, 3)]
    assert all(sorted(epoch) == [0, 3, 8] for epoch in epochs)
    assert len(set(epochs)) > 1


def test_no_sample_seed_repeats_over_the_epochs():
    seeds = [seed for batch in make(steps=500) for _, seed in batch]
    assert len(set(seeds)) == len(seeds)


def test_samples_do_not_depend_on_the_number_of_workers():
    batches = [list(DataLoader(Echo(), batch_sampler=make(steps=6), num_workers=workers)) for workers in (0, 2)]
    for alone, shared in zip(*batches, strict=True):
        torch.testing.assert_close(alone, shared, rtol=0, atol=0)


def test_empty_pools_give_up_their_slots():
    fine_only = make(supervisions=["fine", "fine"])
    assert fine_only.slots == ["fine"]
    assert all(len(batch) == 1 for batch in fine_only)
    assert make(supervisions=["heart", "unlabelled"]).slots == ["coarse", "coarse", "unlabelled"]


def test_filling_keeps_the_batch_size():
    assert make(supervisions=["fine"], fill=True).slots == ["fine"] * 4
    assert make(supervisions=["fine", "unlabelled"], fill=True).slots == ["fine"] * 3 + ["unlabelled"]
    assert make(supervisions=["heart", "unlabelled"], fill=True).slots == ["coarse"] * 3 + ["unlabelled"]


def test_filling_leaves_a_pool_alone_that_was_given_no_slots():
    sampler = make(supervisions=["heart", "unlabelled"], per_batch={"fine": 2, "unlabelled": 2}, fill=True)
    assert sampler.slots == ["unlabelled"] * 4


@pytest.mark.parametrize(
    ("supervisions", "ratio"), [([], RATIO), (["heart"], {"fine": 2}), (["fine"], {"fine": 0, "unlabelled": 1})]
)
def test_nothing_to_train_on_is_an_error(supervisions: list[str], ratio: dict[str, int]):
    with pytest.raises(DataError, match="no training case"):
        make(supervisions=supervisions, per_batch=ratio, fill=True)


def test_wrong_numbers_are_named():
    with pytest.raises(ValueError, match="'leaf'"):
        make(per_batch={"leaf": 1})
    with pytest.raises(ValueError, match="fine: must not be negative"):
        make(per_batch={"fine": -1})
    with pytest.raises(ValueError, match="start_step"):
        make(start_step=-1)


def test_it_pickles():
    assert list(pickle.loads(pickle.dumps(make()))) == list(make())
