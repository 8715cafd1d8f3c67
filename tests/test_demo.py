"""The demo's own logic, with commands that only pretend to train; and its real commands once, as small as can be."""

from __future__ import annotations

import ast
import io
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fire
import monai.bundle
import pytest
from rich.console import Console

from cladeseg import demo as module
from cladeseg.bundle import OverrideError, check_overrides, shipped
from cladeseg.demo import PHANTOMS, DemoPlan, Method, demo_methods, run_demo
from cladeseg.files import DataError
from cladeseg.segmentation.data import build_datalist
from cladeseg.segmentation.data.layouts import scan
from cladeseg.segmentation.phantoms import write_acdc_phantoms, write_phantoms
from cladeseg.segmentation.workflow.plan import settings_with
from cladeseg.taxonomy import load_taxonomy

REPOSITORY = Path(__file__).parents[1]
BUNDLE = REPOSITORY / "bundles" / "acdc_subclass_segmentation"
SMALL = {"patients": 18, "shape": (24, 24, 4), "spacing": (8.0, 8.0, 10.0)}
FEW = {**SMALL, "patients": 1}
#: A training of a second on them.
TINY = {
    "settings#optimizer#steps_per_epoch": 2,
    "settings#network#filters": 4,
    "settings#data#spacing": [8.0, 8.0, 10.0],
    "settings#data#patch_size": [16, 16, 4],
    "settings#mix#start": 0,
    "settings#mix#ramp": 1,
}

#: Writes what a training, or an evaluation, leaves behind: stage, run folder, epochs, Dice.
PRETENDER = """
import json, pathlib, sys
stage, run, epochs, dice = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
with open(run / "calls.txt", "a") as file:
    file.write(stage + "\\n")
print(stage, "says hello")
if stage == "training":
    (run / "models").mkdir(parents=True)
    rows = [f"{e},{0.5 / e},0.001" for e in range(1, epochs + 1)]
    (run / "history.csv").write_text("\\n".join(["epoch,train_loss,learning_rate", *rows]) + "\\n")
    (run / "models" / "model.json").write_text("{}")
else:
    (run / "eval").mkdir()
    node = {m: {"mean": dice, "ci95": [dice, dice], "n": 8} for m in ("dice", "iou")}
    names = ("heart", "right_ventricle", "left_heart", "myocardium", "left_ventricle")
    summary = {"nodes": dict.fromkeys(names, node), "mean_leaf": {"dice": dice, "iou": dice}, "cases": 8, "patients": 4}
    (run / "eval" / "metrics.json").write_text(json.dumps(summary))
"""


def pretend(self: Method, stage: str) -> list[str]:
    run = Path(self.folder.root)
    dice = "0.875" if run.name == "fine_and_coarse" else "0.625"
    return [sys.executable, "-c", PRETENDER, stage, str(run), str(self.plan.settings["epochs"]), dice]


def option(command: list[str], name: str) -> str:
    return command[command.index(f"--{name}") + 1]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Method, str], list[str]]], None]:
    """Make trainings pretend, phantoms small and polling fast."""

    def replace(command: Callable[[Method, str], list[str]] = pretend) -> None:
        monkeypatch.setattr(Method, "command", command)

    monkeypatch.setattr(module, "PHANTOMS", {"acdc": FEW})
    monkeypatch.setattr(module, "_PAUSE_S", 0.02)
    monkeypatch.setattr(module, "write_report", lambda folders, output: output)  # nothing is there to be drawn
    replace()
    return replace


def plan(tmp_path: Path, **changes: Any) -> DemoPlan:
    return DemoPlan(**{"output": tmp_path / "demo", "bundle": "acdc", "epochs": 3, "seed": 5, **changes})


def run(plan: DemoPlan) -> str:
    """What the demo prints."""
    console = Console(file=io.StringIO(), width=140)
    run_demo(plan, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def calls(plan: DemoPlan, name: str) -> list[str]:
    return (plan.output / name / "calls.txt").read_text().split()


# ---- running ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick")
def test_both_methods_are_trained_and_scored_and_stand_in_one_table(tmp_path: Path) -> None:
    wanted = plan(tmp_path)
    printed = run(wanted)
    for name in ("fine_and_coarse", "fine_only"):
        assert calls(wanted, name) == ["training", "evaluating"]
        assert str(wanted.output / name / "eval" / "report.html") in printed
    assert str(wanted.output / "comparison.html") in printed
    weights = wanted.output / "fine_and_coarse" / "models" / "model.pt"
    assert f"--bundle acdc --weights {weights}" in printed[printed.index("Try next") :]
    assert printed.count("mean of leaves") == 1
    assert "8 held-out volumes of 4 phantom patients" in printed
    row = next(line for line in printed.splitlines() if "mean of leaves" in line)
    assert row.index("0.875") < row.index("0.625")
    assert "minutes in this call" in printed


@pytest.mark.usefixtures("quick")
def test_the_table_is_stored_as_markdown_with_what_was_compared(tmp_path: Path) -> None:
    run(plan(tmp_path))
    page = (tmp_path / "demo" / "demo.md").read_text(encoding="utf-8")
    assert "| **mean of leaves** | 0.875 | 0.875 | 0.625 | 0.625 |" in page
    assert "2 fine + 10 coarse Dice" in page
    assert "2 fine alone Dice" in page
    assert "(3 x " in page


@pytest.mark.usefixtures("quick")
def test_without_a_terminal_each_stage_is_one_line(tmp_path: Path) -> None:
    printed = run(plan(tmp_path))
    for label in ("2 fine + 10 coarse", "2 fine alone"):
        assert printed.count(f"{label}: evaluating\n") == 1
        assert printed.count(f"{label}: done\n") == 1


@pytest.mark.usefixtures("quick")
def test_finished_work_is_kept_and_unfinished_work_goes_on(tmp_path: Path) -> None:
    wanted = plan(tmp_path)
    run(wanted)
    shutil.rmtree(wanted.output / "fine_only" / "eval")
    run(wanted)
    assert calls(wanted, "fine_and_coarse") == ["training", "evaluating"]
    assert calls(wanted, "fine_only") == ["training", "evaluating", "evaluating"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("change", "key"), [({"seed": 6}, "seed"), ({"epochs": 4}, "settings")])
def test_another_demo_in_the_same_folder_is_refused(tmp_path: Path, change: dict[str, int], key: str) -> None:
    run(plan(tmp_path))
    with pytest.raises(DataError, match=f"request.json: another '{key}'"):
        run(plan(tmp_path, **change))


def test_a_failed_command_ends_the_demo_with_the_end_of_its_log(tmp_path: Path, quick: Any) -> None:
    def fail(self: Method, stage: str) -> list[str]:
        if Path(self.folder.root).name == "fine_only":
            return [sys.executable, "-c", "import sys; print('error: label.nii.gz is torn'); sys.exit(3)"]
        return [sys.executable, "-c", "import time; time.sleep(100)"]

    quick(fail)
    with pytest.raises(DataError) as caught:
        run(plan(tmp_path))
    assert str(caught.value).startswith(str(tmp_path / "demo" / "fine_only" / "train.log"))
    assert "exit code 3" in str(caught.value)
    assert "label.nii.gz is torn" in str(caught.value)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C works, also where the tests run in the background, which is started with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("number", "ending"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_no_command_outlives_the_demo(
    tmp_path: Path, quick: Any, monkeypatch: pytest.MonkeyPatch, number: int, ending: type[BaseException]
) -> None:
    quick(lambda self, stage: [sys.executable, "-c", "import time; time.sleep(100)"])
    started: list[Method] = []
    start = Method.start
    monkeypatch.setattr(Method, "start", lambda self, stage: (start(self, stage), started.append(self))[0])
    monkeypatch.setattr(module.time, "sleep", lambda _: signal.raise_signal(number))
    with pytest.raises(ending):
        run(plan(tmp_path))
    assert len(started) == 2
    assert all(method.process is not None and method.process.poll() is not None for method in started)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_phantoms_that_were_interrupted_leave_nothing_behind(
    tmp_path: Path, quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(task: str, folder: Path, **settings: Any) -> None:
        write_phantoms(task, folder, **settings)
        (folder / "phantoms.json").unlink()  # as if not all had been generated
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_phantoms", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(plan(tmp_path))
    assert [file.name for file in (tmp_path / "demo").iterdir()] == ["request.json"]
    monkeypatch.setattr(module, "write_phantoms", write_phantoms)
    assert "mean of leaves" in run(plan(tmp_path))


def test_a_folder_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"bundles/adcc: is neither a bundle's folder.*did you mean 'acdc'"):
        run(plan(tmp_path, bundle="bundles/adcc"))
    assert not (tmp_path / "demo").exists()


def test_a_bundle_without_a_demo_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    shipped.copy_bundle("acdc", tmp_path / "knee")
    with pytest.raises(
        DataError, match="knee: there are no phantoms for this bundle; there are for acdc, brats, hippocampus, myops"
    ):
        run(plan(tmp_path, bundle=tmp_path / "knee"))
    assert not (tmp_path / "demo").exists()


# ---- places ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", PHANTOMS)
def test_a_bundle_is_found_by_its_name_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = DemoPlan(Path("demo"), task)
    assert wanted.bundle_folder == REPOSITORY / "bundles" / f"{task}_subclass_segmentation"
    assert wanted.overlay == REPOSITORY / "configs" / "demos" / f"{task}.json"
    assert wanted.fine_only_overlay == REPOSITORY / "configs" / "ablations" / "fine_only.json"
    assert wanted.steps_per_epoch > 0


def test_a_copy_of_a_bundle_is_trained_itself(tmp_path: Path) -> None:
    copy = shipped.copy_bundle("acdc", tmp_path / "mine" / "acdc_subclass_segmentation")
    wanted = plan(tmp_path, bundle=copy)
    assert {method.bundle for method in demo_methods(wanted)} == {copy}
    assert wanted.overlay == plan(tmp_path).overlay


def test_the_output_is_where_the_demo_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the bundle's folder, where its commands run."""
    monkeypatch.chdir(tmp_path)
    command = demo_methods(DemoPlan(Path("demo")))[0].command("training")
    assert option(command, "output_dir") == str(tmp_path / "demo" / "fine_and_coarse")
    assert option(command, "dataset_dir") == str(tmp_path / "demo" / "phantoms")


@pytest.mark.parametrize(
    ("task", "layout"), [("acdc", "acdc"), ("brats", "brats"), ("hippocampus", "msd"), ("myops", "folders")]
)
def test_every_task_has_phantoms_in_its_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, layout: str
) -> None:
    one: dict[str, dict[str, Any]] = {"brats": {"subjects": 1}, "hippocampus": {"cases": 1}, "myops": {"cases": 1}}
    few = {"acdc": FEW, **one}
    monkeypatch.setattr(module, "PHANTOMS", few)
    wanted = plan(tmp_path, bundle=task)
    module._write_phantoms(wanted, wanted.phantoms)
    assert {case["patient"] for case in scan(wanted.phantoms, layout)}


# ---- commands --------------------------------------------------------------------------------------------------------


def test_both_trainings_get_the_same_options_but_for_the_overlay_that_takes_coarse_labels_away(tmp_path: Path) -> None:
    ours, alone = (method.command("training") for method in demo_methods(plan(tmp_path)))
    files = [ast.literal_eval(option(command, "config_file")) for command in (ours, alone)]
    assert files[1] == [*files[0], str(REPOSITORY / "configs" / "ablations" / "fine_only.json")]
    for name in ("dataset_dir", "seed", "epochs", "promote", "resume"):
        assert option(ours, name) == option(alone, name)
    assert option(ours, "promote") == "False"
    assert option(ours, "resume") == "True"
    assert option(ours, "output_dir") != option(alone, "output_dir")


def test_the_commands_hold_only_keys_of_the_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BUNDLE)
    for method in demo_methods(plan(tmp_path)):
        for stage in ("training", "evaluating"):
            program = Path(monai.bundle.__file__).with_name("__main__.py")
            check_overrides([str(program), *method.command(stage)[3:]])
            with pytest.raises(OverrideError):
                check_overrides([str(program), *method.command(stage)[3:], "--epoch", "3"])


def test_the_phantoms_are_twelve_training_two_validation_and_four_test_patients(tmp_path: Path) -> None:
    wanted = plan(tmp_path)
    settings = settings_with(BUNDLE, wanted.settings)
    assert PHANTOMS["acdc"]["patients"] == SMALL["patients"]
    write_acdc_phantoms(wanted.phantoms, seed=0, **SMALL)
    datalist = build_datalist(
        wanted.phantoms,
        load_taxonomy(BUNDLE / "configs" / "taxonomy.json"),
        label_convention=settings.data.label_convention,
        fine_patients=settings.fine_patients,
        coarse_patients=settings.coarse_patients,
        validation_fraction=settings.split.validation_fraction,
        test_fraction=settings.split.test_fraction,
        progress=False,
    )
    sizes = {part: len({case["patient"] for case in datalist[part]}) for part in ("training", "validation", "test")}
    assert sizes == {"training": 12, "validation": 2, "test": 4}
    kinds = {case["patient"]: case["supervision"] for case in datalist["training"]}
    assert sorted(kinds.values()) == ["fine"] * 2 + ["heart"] * 10


def test_the_real_commands_train_and_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, because each of four processes would spend ten seconds on imports."""
    shutil.copytree(REPOSITORY / "configs", tmp_path / "configs")
    bundle = shipped.copy_bundle("acdc", tmp_path / "bundles" / "acdc")
    monkeypatch.setattr(shipped, "shipped_root", lambda: tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(module, "PHANTOMS", {"acdc": SMALL})
    monkeypatch.chdir(bundle)
    wanted = plan(tmp_path, bundle=bundle, epochs=1)
    overlay = json.loads(wanted.overlay.read_text())
    wanted.overlay.write_text(json.dumps({**overlay, **TINY}))
    write_acdc_phantoms(wanted.phantoms, seed=wanted.seed, **SMALL)
    for method in demo_methods(wanted):
        for stage in ("training", "evaluating"):
            assert method.stage == stage
            fire.Fire(monai.bundle.run, command=method.command(stage)[4:])
        assert method.stage == "done"
        assert method.history()["epoch"] == "1"
    assert "mean of leaves" in run(wanted)
    assert "Forest plot" in (wanted.output / "comparison.html").read_text(encoding="utf-8")
    assert not (bundle / "models" / "model.pt").exists()
