"""Overrides that would not do what they say end the run; everything else passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cladeseg.bundle import OverrideError, check_overrides

PROGRAM = "/somewhere/site-packages/monai/bundle/__main__.py"
CONFIG = {
    "training": "%run",
    "epochs": 40,
    "stop_after": None,
    "fine_patients": 3,
    "head": "flat",
    "resume": False,
    "mix": True,
    "train": {"amp": False, "trainer": {"max_epochs": "@epochs"}},
}


@pytest.fixture
def config(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("train.json").write_text(json.dumps(CONFIG))
    Path("evaluate.json").write_text(json.dumps({"split": "test", "train#batch": 4}))
    return Path("train.json")


def check(*flags: str, config: str = "train.json") -> None:
    check_overrides([PROGRAM, "run", "training", "--config_file", config, *flags])


# ---- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "nearest"),
    [
        ("--epoch", "--epochs"),
        ("--Epochs", "--epochs"),
        ("--finepatients", "--fine_patients"),
        ("--max_epochs", "--epochs"),
        ("--trian#trainer#max_epochs", r"--train#trainer#max_epochs"),
        ("--trian::trainer::max_epochs", r"--train::trainer::max_epochs"),
        ("-epoch", "--epochs"),
    ],
)
@pytest.mark.usefixtures("config")
def test_a_misspelt_key_is_refused_with_the_nearest_one(flag, nearest):
    with pytest.raises(OverrideError, match=rf"train.json has no key '.*'; did you mean {nearest}\?$"):
        check(flag, "2")


@pytest.mark.parametrize("form", [["--epoch", "2"], ["--epoch=2"], ["--epoch"], ["--noepoch"]])
@pytest.mark.usefixtures("config")
def test_a_misspelt_key_is_refused_in_every_form(form):
    with pytest.raises(OverrideError, match="--epochs"):
        check(*form)
    with pytest.raises(OverrideError, match="--epochs"):
        check("--mix", *form, "--head", "flat")


@pytest.mark.parametrize(
    "flags",
    [
        ["--epochs", "2"],
        ["--epochs=2"],
        ["--fine-patients", "2"],
        ["--train#trainer#max_epochs", "2"],
        ["--train::trainer::max_norm", "2.5"],
        ["--train#trainer", "{'max_epochs': 2}"],
        ["--epochs", "-2"],
        ["--head", "--", "--nonsense"],
        ["--logging_file", "False", "--tracking", "mlflow", "--meta_file", "None", "--init_id", "x", "--run_id", "y"],
        ["--workflow_type", "train", "--final_id=z"],
        [],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("config")
def test_known_keys_and_monais_own_flags_pass(flags):
    check(*flags)


@pytest.mark.usefixtures("config")
def test_the_keys_of_all_config_files_are_known():
    files = "['train.json','evaluate.json']"
    check("--split", "all", "--epochs", "2", config=files)
    with pytest.raises(OverrideError, match=r"train.json, evaluate.json has no key 'spilt'; did you mean --split\?"):
        check("--spilt", "all", config=files)
    with pytest.raises(OverrideError, match="split"):
        check("--split", "all")


@pytest.mark.usefixtures("config")
def test_the_config_file_may_be_given_as_one_word_or_in_an_args_file():
    with pytest.raises(OverrideError, match="epochs"):
        check_overrides([PROGRAM, "run", "--config_file=train.json", "--epoch", "2"])
    Path("args.json").write_text(json.dumps({"config_file": "train.json", "mix": False}))
    check_overrides([PROGRAM, "run", "--args_file", "args.json", "--epochs", "2"])
    with pytest.raises(OverrideError, match="epochs"):
        check_overrides([PROGRAM, "run", "--args_file", "args.json", "--epoch", "2"])
    Path("args.json").write_text(json.dumps({"config_file": "train.json", "mixx": False}))
    with pytest.raises(OverrideError, match=r"'mixx'; did you mean --mix\?"):
        check_overrides([PROGRAM, "run", "--args_file", "args.json"])


SETTINGS = ("mix.weight", "mix.start", "pseudo_label.threshold", "seed")


@pytest.mark.parametrize(
    ("flag", "nearest"),
    [
        ("--settings#mxi#weight", "--settings#mix#weight"),
        ("--settings::mix::wieght", "--settings#mix#weight"),
        ("--settings#network#start", "--settings#mix#start"),
        ("--settings#mi", "--settings#mix#"),
    ],
)
@pytest.mark.usefixtures("config")
def test_a_setting_or_group_that_does_not_exist_is_refused_with_the_nearest(flag, nearest):
    """MONAI's own answer to a group that does not exist is a bare KeyError."""
    Path("train.json").write_text(json.dumps({**CONFIG, "settings": {"mix": {}}}))
    with pytest.raises(OverrideError, match=rf"^{flag}: there is no such setting; did you mean {nearest}"):
        check_overrides([PROGRAM, "run", "--config_file", "train.json", flag, "1"], settings=SETTINGS)


@pytest.mark.parametrize(
    "flag",
    ["--settings#mix", "--settings#mix#weight", "--settings::mix::weight", "--settings#pseudo_label#threshold#heart"],
)
@pytest.mark.usefixtures("config")
def test_settings_groups_and_entries_of_a_setting_pass(flag):
    Path("train.json").write_text(json.dumps({**CONFIG, "settings": {"mix": {}}}))
    check_overrides([PROGRAM, "run", "--config_file", "train.json", flag, "1"], settings=SETTINGS)
    check_overrides([PROGRAM, "run", "--config_file", "train.json", "--settings#anything", "1"])


# ---- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["mix", "resume", "head", "epochs", "train#amp"])
@pytest.mark.parametrize("word", ["true", "false", "TRUE", "FALSE", "'false'", '"true"'])
@pytest.mark.usefixtures("config")
def test_a_truth_value_that_python_does_not_know_is_refused_with_the_right_spelling(key, word):
    """``--mix false`` would arrive as the text "false", and count as true."""
    right = word.strip("'\"").capitalize()
    for flags in ([f"--{key}", word], [f"--{key}={word}"]):
        with pytest.raises(OverrideError, match=rf"--{key} .* write {right}$"):
            check(*flags)


@pytest.mark.parametrize("word", ["null", "none", "None", "NULL", "'none'"])
@pytest.mark.parametrize("key", ["fine_patients", "stop_after", "mix", "train#trainer#max_epochs"])
@pytest.mark.usefixtures("config")
def test_nothing_is_refused_with_the_spelling_that_arrives(key, word):
    """MONAI drops ``--fine_patients None``: the training would have used the config's 3 patients."""
    with pytest.raises(OverrideError, match=rf"--{key} .* write --{key} '\$None'$"):
        check(f"--{key}", word)


@pytest.mark.parametrize("word", ["no", "off", "yes", "maybe", "training"])
@pytest.mark.parametrize("key", ["mix", "resume", "train#amp"])
@pytest.mark.usefixtures("config")
def test_a_switch_takes_no_other_word(key, word):
    with pytest.raises(OverrideError, match=rf"--{key} {word}: this is a switch; write True or False"):
        check(f"--{key}", word)


@pytest.mark.parametrize(
    "flags",
    [
        ["--resume"],
        ["--noresume"],
        ["--resume", "--epochs", "2"],
        ["--resume", "True"],
        ["--mix=False"],
        ["--mix", "0"],
        ["--stop_after", "$None"],
        ["--head", "off"],
        ["--head", "falsehood"],
        ["--train", "{'none': 2, 'true': 1}"],
        ["--head", "[none, true]"],
        ["--meta_file", "none"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("config")
def test_values_that_arrive_as_meant_pass(flags):
    check(*flags)


# ---- where it applies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["pytest", "", "/usr/bin/cladeseg", "/x/monailabel/__main__.py", "__main__.py"])
@pytest.mark.usefixtures("config")
def test_other_programs_are_left_alone(program):
    check_overrides([program, "run", "--config_file", "train.json", "--epoch", "2", "--mix", "false"])


def test_a_command_without_a_config_or_words_is_left_alone():
    check_overrides([PROGRAM, "run", "--epoch", "2"])
    check_overrides([PROGRAM])
    check_overrides([])


@pytest.mark.usefixtures("config")
def test_the_process_own_command_line_is_the_default(monkeypatch):
    check_overrides()
    monkeypatch.setattr("sys.argv", [PROGRAM, "run", "--config_file", "train.json", "--epoch", "2"])
    with pytest.raises(OverrideError):
        check_overrides()
