"""Names of files and folders reach a command as they were written, whatever Python would make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import monai.bundle
import pytest

from cladeseg.bundle import OverrideError, check_overrides
from cladeseg.bundle.arguments import literal_values, read_flags, read_words, text_keys

PROGRAM = "/somewhere/site-packages/monai/bundle/__main__.py"
CONFIG = {"training": "%run", "bundle_root": ".", "dataset_dir": "D", "output_dir": "R", "weights": None, "epochs": 3}
#: Names that fire takes for a comment, a number, a text in brackets, nothing, a list and a truth value.
NAMES = ["hip#2", "20180217_064501", "(new)", "1e5", "None", "[a]", "true", "{a}", "1,2", "null", "0x10"]


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What ``monai.bundle.run`` is called with, instead of a run."""
    calls: list[dict[str, Any]] = []
    monkeypatch.chdir(tmp_path)
    Path("train.json").write_text(json.dumps({**CONFIG, "settings": {"data": {}}}))

    def run(**arguments: Any) -> None:
        calls.append(arguments)

    monkeypatch.setattr(monai.bundle, "run", run)
    return calls


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_called_what_it_is_called(name: str, joined: bool) -> None:
    arguments = [f"--dataset_dir={name}"] if joined else ["--dataset_dir", name]
    values = literal_values([*arguments, "--epochs", "3", "--resume"], text_keys())
    assert str(values["dataset_dir"]) == name
    assert (values["epochs"], values["resume"]) == (3, True)


def test_a_name_with_a_hash_is_a_path_because_monai_makes_colons_of_it_in_texts() -> None:
    assert literal_values(["--weights", "a#1.pt"], text_keys()) == {"weights": Path("a#1.pt")}


def test_a_text_setting_is_text_and_other_settings_are_values() -> None:
    flags = ["--settings#data#label_convention", "2018", "--settings::split::superclass", "1e5", "--settings#a", "2018"]
    values = literal_values(flags, text_keys(["data.label_convention", "split.superclass"]))
    assert list(values.values()) == ["2018", "1e5", 2018]


def test_quotes_round_a_text_still_go(tmp_path: Path) -> None:
    assert literal_values(["--dataset_dir", "'hip#2'"], text_keys()) == {"dataset_dir": Path("hip#2")}


@pytest.mark.parametrize("text", ["['a.json','b.json']", "a.json,b.json"])
def test_several_config_files_are_several(text: str) -> None:
    assert list(literal_values(["--config_file", text], text_keys())["config_file"])[-1] in ("b.json", "n")


def test_a_config_file_of_an_odd_name_is_one(tmp_path: Path) -> None:
    file = tmp_path / "(a)#1,2.json"
    file.write_text("{}")
    assert literal_values(["--config_file", str(file)], text_keys()) == {"config_file": str(file)}


def test_words_are_what_no_flag_takes() -> None:
    line = ["run", "training", "--epochs", "3", "stray", "--resume", "--amp=False"]
    assert read_words(line) == ["run", "training", "stray"]
    assert [flag.name for flag in read_flags(line)] == ["epochs", "resume", "amp"]


@pytest.mark.parametrize("name", NAMES)
def test_monais_own_command_runs_again_with_the_name_as_it_is(
    ran: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    line = [PROGRAM, "run", "training", "--config_file", "train.json", "--dataset_dir", name, "--epochs", "2"]
    monkeypatch.setattr("sys.argv", line)
    if name in ("true", "null"):  # these are text to fire as well
        check_overrides()
        assert ran == []
        return
    with pytest.raises(SystemExit) as ended:
        check_overrides()
    assert ended.value.code == 0
    dataset = Path(name) if "#" in name else name
    assert ran == [{"run_id": "training", "config_file": "train.json", "dataset_dir": dataset, "epochs": 2}]


@pytest.mark.usefixtures("ran")
def test_an_ordinary_command_does_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [PROGRAM, "run", "training", "--config_file", "train.json", "--dataset_dir", "D 1"])
    assert check_overrides()["dataset_dir"] == "D 1"


@pytest.mark.parametrize("value", ["$import os", "@epochs", "%train.json", "['$import os']", "{'a': '@b'}"])
@pytest.mark.parametrize("key", ["dataset_dir", "output_dir", "weights", "epochs", "settings#data#layout"])
@pytest.mark.usefixtures("ran")
def test_what_monai_would_evaluate_is_refused(key: str, value: str) -> None:
    with pytest.raises(OverrideError, match=rf"^--{key} .*; write \./"):
        check_overrides([PROGRAM, "run", "training", "--config_file", "train.json", f"--{key}", value])


@pytest.mark.usefixtures("ran")
def test_a_stray_word_and_a_command_that_is_not_there_are_named() -> None:
    with pytest.raises(OverrideError, match=r"^stray: belongs to no option"):
        check_overrides([PROGRAM, "run", "training", "stray", "--config_file", "train.json"])
    with pytest.raises(OverrideError, match=r"^trainin: .* did you mean 'training'"):
        check_overrides([PROGRAM, "run", "trainin", "--config_file", "train.json"])
