"""The training loader: the batch of a step depends on (seed, step) alone."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from cladeseg.files import DataError
from cladeseg.segmentation.data import training_loader

SUPERVISIONS = ("fine", "heart", "fine", "unlabelled", "left_heart", "heart")


class Numbered(Dataset):
    """Stands in for a cache: sample (i, seed) tells both."""

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
    loader = training_loader(cases(*SUPERVISIONS), {"fine": 1, "coarse": 2, "unlabelled": 1}, seed=0)
    kinds = [supervisions for *_, supervisions in batches(loader, 6)]
    for fine, one, other, unlabelled in kinds:
        assert (fine, unlabelled) == ("fine", "unlabelled")
        assert {one, other} <= {"heart", "left_heart"}


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_do_not_depend_on_the_workers_or_on_the_global_generator(num_workers):
    options = {"per_batch": {"fine": 1, "coarse": 2}, "seed": 3}
    torch.manual_seed(1)
    expected = batches(training_loader(cases(*SUPERVISIONS), **options), 5)
    torch.manual_seed(2)
    loader = training_loader(cases(*SUPERVISIONS), num_workers=num_workers, **options)
    assert batches(loader, 5) == expected
    assert batches(loader, 5) == expected


def test_a_later_start_gives_what_would_have_come():
    whole = batches(training_loader(cases(*SUPERVISIONS), {"fine": 1, "coarse": 2}, seed=3), 6)
    resumed = training_loader(cases(*SUPERVISIONS), {"fine": 1, "coarse": 2}, seed=3)
    resumed.batch_sampler.start_step = 4
    assert batches(resumed, 2) == whole[4:]


def test_the_trainer_sets_the_number_of_steps():
    loader = training_loader(cases(*SUPERVISIONS), {"fine": 1}, seed=0)
    loader.batch_sampler.steps = 3
    assert len(batches(loader, 10)) == 3


def test_another_seed_gives_other_batches():
    one, other = (batches(training_loader(cases(*SUPERVISIONS), {"coarse": 2}, seed=seed), 4) for seed in (0, 1))
    assert one != other


def test_a_case_without_the_word_is_annotated_if_it_has_a_label():
    """MONAI Label sends such cases."""
    data = Numbered([{"label": "a_gt.nii.gz"}, {}])
    numbers = [numbers for numbers, *_ in batches(training_loader(data, {"fine": 1, "unlabelled": 1}, seed=0), 3)]
    assert numbers == [[0, 1]] * 3


def test_an_empty_kind_gives_its_places_away_only_when_told_to():
    per_batch = {"fine": 1, "coarse": 2, "unlabelled": 1}
    for fill, size in ((False, 1), (True, 4)):
        loader = training_loader(cases("fine", "fine"), per_batch, seed=0, fill=fill)
        assert [len(numbers) for numbers, *_ in batches(loader, 2)] == [size, size]


def test_no_case_at_all_is_refused():
    with pytest.raises(DataError, match="no training case"):
        training_loader(cases("unlabelled"), {"fine": 2}, seed=0)
