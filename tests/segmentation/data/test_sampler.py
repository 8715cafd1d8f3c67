"""Batches: a pure function of seed and step, with exact ratios."""

from __future__ import annotations

import pickle
from collections import Counter
from itertools import islice
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from cladeseg.bundle.ranks import Ranks
from cladeseg.files import DataError
from cladeseg.segmentation.data import SupervisionSampler, training_loader

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


def test_every_batch_holds_fine_then_coarse_then_unlabelled_cases():
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
    assert {counts[i] for i in (0, 3, 8)} == {4}  # 12 fine draws from 3 cases
    assert {counts[i] for i in (1, 4, 5, 7)} == {6}  # 24 coarse draws from 4
    assert {counts[i] for i in (2, 6)} == {6}  # 12 unlabelled draws from 2


def test_an_epoch_of_a_pool_holds_each_case_once_and_its_order_changes():
    fine = [batch[0][0] for batch in make(steps=30)]
    epochs = [tuple(fine[i : i + 3]) for i in range(0, 30, 3)]
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


@pytest.mark.parametrize(
    ("supervisions", "ratio"), [([], RATIO), (["heart"], {"fine": 2}), (["fine"], {"fine": 0, "unlabelled": 1})]
)
def test_nothing_to_train_on_is_an_error(supervisions: list[str], ratio: dict[str, int]):
    with pytest.raises(DataError, match="no training case"):
        make(supervisions=supervisions, per_batch=ratio)


def test_wrong_numbers_are_named():
    with pytest.raises(ValueError, match="'leaf'"):
        make(per_batch={"leaf": 1})
    with pytest.raises(ValueError, match="fine: must not be negative"):
        make(per_batch={"fine": -1})
    with pytest.raises(ValueError, match="start_step"):
        make(start_step=-1)


def test_it_pickles():
    assert list(pickle.loads(pickle.dumps(make()))) == list(make())


# ---- the loader over it ----------------------------------------------------------------------------------------------


class Numbered(Dataset):
    """Stands in for a cache: sample (i, seed) holds both."""

    def __init__(self, cases: list[dict[str, Any]]) -> None:
        self.data = cases

    def __getitem__(self, index: tuple[int, int]) -> dict[str, Any]:
        number, seed = index
        return {"number": number, "seed": seed, "supervision": self.data[number].get("supervision", "?")}


def cases(*supervisions: str) -> Numbered:
    return Numbered([{"supervision": name} for name in supervisions])


def batches(loader: DataLoader[Any], count: int) -> list[tuple[Any, ...]]:
    return [(batch["number"].tolist(), batch["seed"].tolist(), batch["supervision"]) for batch in islice(loader, count)]


def test_every_batch_has_the_set_number_of_each_kind_in_order():
    loader = training_loader(cases(*CASES), {"fine": 1, "coarse": 2, "unlabelled": 1}, seed=0)
    kinds = [supervisions for *_, supervisions in batches(loader, 6)]
    for fine, one, other, unlabelled in kinds:
        assert (fine, unlabelled) == ("fine", "unlabelled")
        assert {one, other} <= {"heart", "left_heart+right_ventricle"}


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_do_not_depend_on_the_workers_or_on_the_global_generator(num_workers):
    options = {"per_batch": {"fine": 1, "coarse": 2}, "seed": 3}
    torch.manual_seed(1)
    expected = batches(training_loader(cases(*CASES), **options), 5)
    torch.manual_seed(2)
    loader = training_loader(cases(*CASES), num_workers=num_workers, **options)
    assert batches(loader, 5) == expected
    assert batches(loader, 5) == expected


def test_a_later_start_gives_what_would_have_come():
    whole = batches(training_loader(cases(*CASES), {"fine": 1, "coarse": 2}, seed=3), 6)
    resumed = training_loader(cases(*CASES), {"fine": 1, "coarse": 2}, seed=3)
    resumed.batch_sampler.start_step = 4
    assert batches(resumed, 2) == whole[4:]


def test_the_trainer_sets_the_number_of_steps():
    loader = training_loader(cases(*CASES), {"fine": 1}, seed=0)
    loader.batch_sampler.steps = 3
    assert len(batches(loader, 10)) == 3


def test_another_seed_gives_other_batches():
    one, other = (batches(training_loader(cases(*CASES), {"coarse": 2}, seed=seed), 4) for seed in (0, 1))
    assert one != other


def test_a_case_without_the_word_is_annotated_if_it_has_a_label():
    """MONAI Label sends such cases."""
    data = Numbered([{"label": "a_gt.nii.gz"}, {}])
    numbers = [numbers for numbers, *_ in batches(training_loader(data, {"fine": 1, "unlabelled": 1}, seed=0), 3)]
    assert numbers == [[0, 1]] * 3


def test_an_empty_kind_gets_no_place_in_a_batch():
    loader = training_loader(cases("fine", "fine"), {"fine": 1, "coarse": 2, "unlabelled": 1}, seed=0)
    assert [len(numbers) for numbers, *_ in batches(loader, 2)] == [1, 1]


def test_no_case_at_all_is_refused():
    with pytest.raises(DataError, match="no training case"):
        training_loader(cases("unlabelled"), {"fine": 2}, seed=0)


@pytest.mark.parametrize("count", [1, 2])
def test_processes_together_see_the_batch_of_one_alone(count: int) -> None:
    ratio = {"fine": 2, "coarse": 4, "unlabelled": 2}
    alone = make(per_batch=ratio)
    shares = [make(per_batch=ratio, who=Ranks(index, count)) for index in range(count)]
    for step in (0, 5):
        whole = dict(enumerate(alone.batch(step)))
        parts = {place: pair for one in shares for place, pair in zip(one.places, one.batch(step), strict=True)}
        assert parts == whole


def test_every_process_gets_cases_of_every_kind() -> None:
    sampler = make(per_batch={"fine": 2, "coarse": 4, "unlabelled": 2}, who=Ranks(1, 2))
    assert [sampler.slots[place] for place in sampler.places] == ["fine", "coarse", "coarse", "unlabelled"]


def test_a_batch_that_cannot_be_shared_evenly_is_refused() -> None:
    with pytest.raises(DataError, match=r"batch\.fine: 3 cannot be shared evenly by 2 processes; make it 2 or 4"):
        make(per_batch={"fine": 3}, who=Ranks(0, 2))
    with pytest.raises(DataError, match=r"batch\.fine: 1 .*; make it 2$"):
        make(per_batch={"fine": 1}, who=Ranks(0, 2))
