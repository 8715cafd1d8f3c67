from __future__ import annotations

import pytest

from cladeseg.benchmark.nnunet.options import NnunetOptions, nnunet_record, obeyed
from cladeseg.bundle.settings import SettingsError, read_settings


@pytest.mark.parametrize(
    ("epochs", "trainer"),
    [
        (1, "nnUNetTrainer_1epoch"),
        (5, "nnUNetTrainer_5epochs"),
        (10, "nnUNetTrainer_10epochs"),
        (1000, "nnUNetTrainer"),
    ],
)
def test_each_number_of_epochs_has_its_trainer(epochs: int, trainer: str) -> None:
    assert read_settings(NnunetOptions, {"epochs": epochs}).trainer == trainer


def test_a_number_without_a_trainer_is_refused() -> None:
    with pytest.raises(SettingsError, match="epochs"):
        read_settings(NnunetOptions, {"epochs": 7})


def test_only_what_decides_the_cases_is_obeyed() -> None:
    cases = {"fine_patients": 1, "settings#split#test_fraction": 0.3, "settings#data#channels": ["a"]}
    assert obeyed({"epochs": 3, "device": "cpu", "settings#data#patch_size": [8, 8, 8], **cases}) == cases


def test_the_record_holds_cases_and_options_and_nothing_of_our_training() -> None:
    data = {"layout": "msd", "label_convention": "auto", "channels": [], "patch_size": [8, 8, 8]}
    settings = {"seed": 3, "fine_patients": 1, "split": {"draw": 2}, "data": data, "mix": {"weight": 1.0}}
    assert nnunet_record(settings, NnunetOptions(epochs=5)) == {
        "seed": 3,
        "fine_patients": 1,
        "split": {"draw": 2},
        "data": {"layout": "msd", "label_convention": "auto", "channels": []},
        "nnunet": {"epochs": 5, "configuration": "3d_fullres", "device": "cpu"},
    }
