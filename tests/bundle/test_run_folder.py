"""The folder of a run: nothing in it is lost, and a training is only ever continued as it was begun."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cladeseg.bundle import RunFolder, SettingsGroup, start_run
from cladeseg.bundle.provenance import versions
from cladeseg.bundle.run_folder import backup_existing, configure_logging, lock_run, made_with, unlock_run
from cladeseg.files import DataError, read_json, write_json


class Network(SettingsGroup):
    """A group."""

    head: str = "flat"
    filters: tuple[int, ...] = (4, 8)


class Settings(SettingsGroup):
    """What any wing's settings look like."""

    seed: int = 0
    epochs: int = 2
    weight: float | None = None
    network: Network = Network()


SETTINGS = Settings()


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path / "runs" / "one")


@pytest.fixture
def trained(folder) -> RunFolder:
    """A folder in which one epoch was trained."""
    start_run(folder, SETTINGS)
    folder.state.parent.mkdir(parents=True)
    folder.state.write_bytes(b"state")
    return folder


def test_everything_of_a_run_lies_in_its_folder(folder):
    root = Path(folder.root)
    places = {
        folder.lock: ".lock",
        folder.datalist: "datalist.json",
        folder.record: "run.json",
        folder.history: "history.csv",
        folder.tensorboard: "tensorboard",
        folder.state: "checkpoints/last.pt",
        folder.weights: "models/model.pt",
        folder.safe_weights: "models/model.safetensors",
        folder.description: "models/model.json",
        folder.best_weights: "models/best_validation.pt",
        folder.evaluation: "eval",
    }
    assert {path.relative_to(root).as_posix() for path in places} == set(places.values())
    assert not root.exists()


# ---- starting --------------------------------------------------------------------------------------------------------


def test_a_start_records_settings_versions_and_command(folder):
    start_run(folder, SETTINGS)
    record = json.loads(folder.record.read_text())
    assert record["settings"] == {
        "seed": 0,
        "epochs": 2,
        "weight": None,
        "network": {"head": "flat", "filters": [4, 8]},
    }
    assert record["versions"] == versions()
    assert record["command"] == sys.argv


def test_versions_name_what_decides_a_result():
    found = versions()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"cladeseg", "torch", "monai", "numpy"} <= set(found)
    assert "unknown" not in found.values()


def test_a_training_is_not_trained_over(trained):
    before = trained.record.read_text()
    with pytest.raises(DataError, match=rf"^{trained.state}: .*--resume .*--output_dir"):
        start_run(trained, Settings(seed=1))
    assert trained.record.read_text() == before
    assert trained.state.read_bytes() == b"state"


def test_a_training_that_never_finished_an_epoch_may_start_anew(folder):
    start_run(folder, SETTINGS)
    start_run(folder, Settings(seed=1))
    assert read_json(folder.record)["settings"]["seed"] == 1


def test_the_same_settings_resume(trained):
    start_run(trained, Settings(), resume=True)
    assert trained.state.read_bytes() == b"state"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (Settings(seed=1), "'seed' was 0 and is now 1"),
        (Settings(weight=0.5), "'weight' was None and is now 0.5"),
        (Settings(network=Network(head="two_head")), "'network.head' was 'flat' and is now 'two_head'"),
        (Settings(network=Network(filters=(4, 16))), r"'network.filters' was \[4, 8\] and is now \[4, 16\]"),
    ],
)
def test_other_settings_do_not_resume(trained, changed, named):
    before = trained.record.read_text()
    with pytest.raises(DataError, match=rf"^{trained.record}: {named}"):
        start_run(trained, changed, resume=True)
    assert trained.record.read_text() == before


def test_free_settings_may_differ_on_resuming(trained):
    start_run(trained, Settings(epochs=9), resume=True, free=["epochs"])
    assert read_json(trained.record)["settings"]["epochs"] == 9
    with pytest.raises(DataError, match="'epochs' was 9 and is now 2"):
        start_run(trained, Settings(), resume=True)


def test_a_setting_that_is_gone_does_not_resume_either(trained):
    record = read_json(trained.record)
    record["settings"]["margin_mm"] = 60
    write_json(record, trained.record)
    with pytest.raises(DataError, match="'margin_mm' was 60 and is now None"):
        start_run(trained, SETTINGS, resume=True)


def test_a_state_without_its_record_does_not_resume(trained):
    trained.record.unlink()
    with pytest.raises(DataError, match=rf"^{trained.record}: cannot be read"):
        start_run(trained, SETTINGS, resume=True)


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"settings": 3}', '"text"', "\x00"])
def test_a_damaged_record_does_not_resume_and_is_kept(trained, damage):
    trained.record.write_text(damage)
    with pytest.raises(DataError, match=rf"^{trained.record}: .*restore it, or choose another --output_dir") as raised:
        start_run(trained, SETTINGS, resume=True)
    assert "\n" not in str(raised.value)
    assert trained.record.read_text() == damage


def test_another_tree_does_not_resume(trained, brats_tree):
    start_run(trained, SETTINGS, resume=True)
    with pytest.raises(DataError, match=rf"^{trained.record}: was made with another tree .* is missing or damaged"):
        start_run(trained, SETTINGS, resume=True, taxonomy=brats_tree)
    write_json({**read_json(trained.record), **made_with(SETTINGS, brats_tree)}, trained.record)
    start_run(trained, SETTINGS, resume=True, taxonomy=brats_tree)
    before = trained.record.read_text()
    nodes = [replace(n, values={"brats18": 3}) if n.name == "enhancing" else n for n in brats_tree.nodes]
    with pytest.raises(DataError, match="'enhancing' was 4 in brats18 and is now 3"):
        start_run(trained, SETTINGS, resume=True, taxonomy=replace(brats_tree, nodes=tuple(nodes)))
    assert trained.record.read_text() == before


def test_a_state_may_be_refused_before_anything_is_written(trained):
    before = trained.record.read_text()

    def refuse(path: Path) -> None:
        raise DataError(f"{path}: torn")

    with pytest.raises(DataError, match=rf"^{trained.state}: torn"):
        start_run(trained, Settings(epochs=9), resume=True, free=["epochs"], check_state=refuse)
    assert trained.record.read_text() == before


def test_resuming_nothing_starts_from_the_beginning_and_says_so(folder, caplog):
    with caplog.at_level(logging.WARNING, logger="cladeseg"):
        start_run(folder, SETTINGS, resume=True)
    assert "nothing to resume" in caplog.text
    assert folder.record.is_file()


def test_a_folder_that_another_process_trains_into_is_refused(folder):
    lock_run(folder)
    code = f"from cladeseg.bundle.run_folder import *; lock_run(RunFolder({str(folder.root)!r}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    unlock_run(folder)
    assert other.returncode == 1
    assert f"{folder.root}: another process is training into this folder" in other.stderr
    free = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (free.returncode, free.stderr) == (0, "")


def locked_by_another(folder: RunFolder) -> bool:
    code = f"from cladeseg.bundle.run_folder import *; lock_run(RunFolder({str(folder.root)!r}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    return "another process is training into this folder" in other.stderr


def test_a_refused_start_leaves_the_folder_to_others(trained):
    unlock_run(trained)
    with pytest.raises(DataError, match="--resume"):
        start_run(trained, SETTINGS)
    assert not locked_by_another(trained)
    start_run(trained, SETTINGS, resume=True)
    with pytest.raises(DataError, match="--resume"):
        start_run(trained, SETTINGS)
    assert locked_by_another(trained), "the training that goes on keeps its folder"
    unlock_run(trained)


def test_a_folder_that_was_refused_can_be_had_later(folder):
    """The refusal leaves nothing behind that would pass for a lock."""
    lock = f"lock_run(RunFolder({str(folder.root)!r}))"
    code = f"from cladeseg.bundle.run_folder import *; {lock}; print(1, flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "1\n"
        for _ in range(2):
            with pytest.raises(DataError, match="another process is training into this folder"):
                start_run(folder, SETTINGS)
        assert not folder.record.exists()
        other.communicate("")
    start_run(folder, SETTINGS)
    assert locked_by_another(folder)
    unlock_run(folder)


def test_the_process_that_holds_a_folder_may_start_again(folder):
    start_run(folder, SETTINGS)
    start_run(folder, SETTINGS)
    unlock_run(folder)


# ---- earlier results -------------------------------------------------------------------------------------------------


def test_results_are_set_aside_under_the_first_free_number(tmp_path):
    folder = tmp_path / "eval"
    for text in ("first", "second", "third"):
        backup_existing(folder)
        folder.mkdir()
        (folder / "metrics.json").write_text(text)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eval", "eval.1", "eval.2"]
    kept = [tmp_path / name / "metrics.json" for name in ("eval.1", "eval.2", "eval")]
    assert [path.read_text() for path in kept] == ["first", "second", "third"]


def test_a_gap_in_the_numbers_is_filled_and_nothing_overwritten(tmp_path):
    for name in ("metrics.csv", "metrics.csv.2"):
        (tmp_path / name).write_text(name)
    backup_existing(tmp_path / "metrics.csv")
    assert (tmp_path / "metrics.csv.1").read_text() == "metrics.csv"
    assert (tmp_path / "metrics.csv.2").read_text() == "metrics.csv.2"


def test_nothing_is_set_aside_where_there_is_nothing(tmp_path):
    backup_existing(tmp_path / "eval")
    assert list(tmp_path.iterdir()) == []


# ---- JSON ------------------------------------------------------------------------------------------------------------


def test_json_comes_back(tmp_path):
    write_json({"a": [1, None, "ä"]}, tmp_path / "new" / "a.json")
    assert read_json(tmp_path / "new" / "a.json") == {"a": [1, None, "ä"]}
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json({"old": 1}, path)

    write = Path.write_text

    def write_half(self: Path, text: str, **options: Any) -> None:
        write(self, text[: len(text) // 2], **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_half)
    with pytest.raises(DataError, match=rf"^{path}: cannot be written .*No space"):
        write_json({"new": 2}, path)
    assert read_json(path) == {"old": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_file_in_the_place_of_the_run_folder_is_refused_by_name(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(DataError, match=rf"^{tmp_path / 'run' / '.lock'}: cannot be written"):
        start_run(RunFolder(tmp_path / "run"), SETTINGS)


@pytest.mark.parametrize("content", [None, "{", ""], ids=["missing", "torn", "empty"])
def test_unreadable_json_is_refused_by_name(tmp_path, content):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=rf"^{path}: cannot be read"):
        read_json(path)


# ---- messages --------------------------------------------------------------------------------------------------------


def silent_loggers(monkeypatch: pytest.MonkeyPatch) -> tuple[logging.Logger, logging.Logger]:
    """The root's and the library's, without the handlers that pytest adds just before a test's first line."""
    root, library = logging.getLogger(), logging.getLogger("cladeseg")
    for logger in (root, library):
        monkeypatch.setattr(logger, "handlers", [])
    return root, library


def test_messages_go_to_the_console_once(monkeypatch):
    _, library = silent_loggers(monkeypatch)
    for _ in range(3):
        configure_logging()
    assert len(library.handlers) == 1


def test_an_application_with_its_own_logging_keeps_it(monkeypatch):
    root, library = silent_loggers(monkeypatch)
    root.handlers.append(logging.NullHandler())
    configure_logging()
    assert library.handlers == []
