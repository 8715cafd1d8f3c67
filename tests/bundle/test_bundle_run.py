"""Bundle commands in a process of their own; tests/test_demo.py and tests/benchmark try what is built on it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from cladeseg.bundle.bundle_run import BundleRun, CommandError

TRAINED = "import pathlib; f = pathlib.Path(r'{root}') / 'models'; f.mkdir(); (f / 'model.json').write_text('')"


class Scripted(BundleRun):
    """Runs pieces of Python in turn, whatever the stage."""

    def __init__(self, root: Path, *scripts: str) -> None:
        super().__init__(bundle=root.parent, root=root, label="ours", options={})
        self.scripts = list(scripts)

    def command(self, stage: str) -> list[str]:
        return [sys.executable, "-S", "-c", self.scripts.pop(0)]

    def wait(self) -> None:
        assert self.process is not None
        self.process.wait()


def ending(run: Scripted) -> CommandError:
    run.advance()
    run.wait()
    with pytest.raises(CommandError) as caught:
        run.advance()
    return caught.value


def test_options_go_to_both_commands_or_to_one(tmp_path: Path) -> None:
    run = BundleRun(
        bundle=tmp_path,
        root=tmp_path / "R",
        label="ours",
        overlays=[Path("a.json")],
        options={"seed": 3},
        training={"epochs": 2},
        evaluating={"split": "test"},
    )
    training, evaluating = run.command("training"), run.command("evaluating")
    assert training[-12:] == [
        *("--config_file", "['configs/train.json', 'a.json']", "--output_dir", str(tmp_path / "R"), "--seed", "3"),
        *("--promote", "False", "--resume", "True", "--epochs", "2"),
    ]
    assert evaluating[6] == "['configs/train.json', 'a.json', 'configs/evaluate.json']"
    assert evaluating[-4:] == ["--seed", "3", "--split", "test"]


def test_a_run_is_done_once_its_last_command_has_ended(tmp_path: Path) -> None:
    """The page is written after the scores; whoever stopped the command between them would lose it."""
    root = tmp_path / "R"
    (root / "models").mkdir(parents=True)
    (root / "models" / "model.json").write_text("{}")
    waits = (
        f"import pathlib, sys; e = pathlib.Path(r'{root}') / 'eval'; e.mkdir(); (e / 'metrics.json').write_text('{{}}')"
    )
    run = Scripted(root, f"{waits}; sys.stdin.read(); import time; time.sleep(1.5); (e / 'report.html').write_text('')")
    assert run.advance() == "evaluating"
    while not run.scores.is_file():
        time.sleep(0.01)
    assert run.advance() == "evaluating"
    run.wait()
    assert run.advance() == "done"
    assert (root / "eval" / "report.html").is_file()


def test_stages_follow_the_files(tmp_path: Path) -> None:
    root = tmp_path / "R"
    run = Scripted(root, TRAINED.format(root=root), "import time; time.sleep(100)")
    assert run.stage == run.advance() == "training"
    run.wait()
    assert run.advance() == "evaluating"
    run.folder.evaluation.mkdir()
    run.scores.write_text("{}")
    assert run.stage == "done"
    run.stop()
    assert run.process is not None
    assert run.process.poll() is not None


def test_a_process_that_ends_while_it_is_asked_is_not_started_again(tmp_path: Path) -> None:
    root = tmp_path / "R"
    run = Scripted(root, "pass", "pass")
    run.advance()
    run.wait()
    assert run.process is not None
    process = run.process

    def poll() -> int:  # its last file appears between two looks
        run.folder.models.mkdir()
        run.folder.description.write_text("{}")
        return 0

    process.poll = poll  # type: ignore[method-assign]
    assert run.advance() == "evaluating"


def test_a_failure_ends_with_what_this_attempt_said(tmp_path: Path) -> None:
    first = ending(Scripted(tmp_path / "R", "print('one'); print('error: torn'); raise SystemExit(3)"))
    assert str(first).startswith(str(tmp_path / "R" / "train.log"))
    assert str(first).endswith("exit code 3; its last lines are\none\nerror: torn")
    assert first.summary == "exit code 3: error: torn"
    second = ending(Scripted(tmp_path / "R", "import os; os.kill(os.getpid(), 9)"))
    assert second.summary == "killed by SIGKILL"
    assert "torn" not in str(second)


def test_each_command_gets_one_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    run = Scripted(tmp_path / "R", "import os; print(os.environ['OMP_NUM_THREADS'])")
    run.start("training")
    run.wait()
    assert run.log.read_text() == "1\n"


def test_the_history_is_its_last_row(tmp_path: Path) -> None:
    run = Scripted(tmp_path)
    assert run.history() == {}
    run.folder.history.write_text("epoch,train_loss\n1,0.5\n2,0.25\n")
    assert run.history() == {"epoch": "2", "train_loss": "0.25"}
