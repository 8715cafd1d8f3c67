from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_nnunet import calls_of, fake_environment

from cladeseg.benchmark.nnunet import __main__ as command
from cladeseg.benchmark.nnunet.job import NnunetJob, read_job
from cladeseg.benchmark.nnunet.options import NnunetOptions
from cladeseg.benchmark.nnunet.run import NnunetRun
from cladeseg.files import DataError
from cladeseg.segmentation.phantoms import write_msd_phantoms

BUNDLE = Path(__file__).parents[3] / "bundles" / "hippocampus_subclass_segmentation"


@pytest.fixture(autouse=True)
def same_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "explain_failures", lambda: None)


def begin(tmp_path: Path, *, fails: str = "", split: str = "test") -> NnunetRun:
    data, root = tmp_path / "data", tmp_path / "run"
    write_msd_phantoms(data, cases=10, shape=(20, 24, 18))
    job = NnunetJob(
        bundle=BUNDLE,
        dataset_dir=data,
        settings={"fine_patients": 2, "seed": 1, "settings#split#draw": 1, "settings#data#layout": "msd"},
        split=split,
        environment=fake_environment(tmp_path / "env", truth=data / "labelsTr", fails=fails),
        options=NnunetOptions(epochs=5),
    )
    return NnunetRun(job, root=root, label="nnU-Net")


def do(run: NnunetRun) -> None:
    """What its command does, here."""
    program, stage = run.command(run.stage)[2:4]
    assert program == "cladeseg.benchmark.nnunet"
    command.main(stage, str(run.folder.root))


def test_it_trains_on_the_fine_cases_alone_and_scores_the_part(tmp_path: Path) -> None:
    run = begin(tmp_path)
    assert (run.stage, run.history()) == ("training", {})
    do(run)
    assert (run.stage, run.history()) == ("evaluating", {"epoch": "4"})
    root = Path(run.folder.root)
    datalist = json.loads(run.folder.datalist.read_text())
    fine = {case["case"] for case in datalist["training"] if case["supervision"] == "fine"}
    raw = root / "nnunet" / "raw" / "Dataset001_cladeseg"
    assert len(fine) == 2 < len(datalist["training"])
    assert {file.name.removesuffix(".nii.gz") for file in (raw / "labelsTr").iterdir()} == fine
    assert {file.name.removesuffix("_0000.nii.gz") for file in (raw / "imagesTr").iterdir()} == fine
    do(run)
    assert run.stage == "done"
    tests = {case["case"] for case in datalist["test"]}
    assert {file.name.removesuffix("_0000.nii.gz") for file in (raw / "imagesTs").iterdir()} == tests
    summary = json.loads(run.scores.read_text())
    assert (summary["cases"], summary["mean_leaf"]["dice"]) == (len(tests), 1.0)
    assert summary["fine_training"] == {"cases": 2, "dice": 1.0}


def test_the_commands_are_those_of_the_options(tmp_path: Path) -> None:
    run = begin(tmp_path)
    do(run)
    do(run)
    plan, train, predict = calls_of(tmp_path / "env")
    assert plan["arguments"][:4] == ["-d", "1", "-c", "3d_fullres"]  # type: ignore[index]
    assert " ".join(train["arguments"]) == "1 3d_fullres all -tr nnUNetTrainer_5epochs --c -device cpu"  # type: ignore[arg-type]
    assert " ".join(predict["arguments"][4:]).startswith(  # type: ignore[index]
        "-d 1 -c 3d_fullres -f all -tr nnUNetTrainer_5epochs -npp 1 -nps 1"
    )
    assert [(each["workers"], each["compile"], each["cores"]) for each in (plan, train, predict)] == [
        ("1", "f", 1),
        ("0", "f", 1),
        ("1", "f", 1),
    ]


def test_a_training_that_failed_goes_on_with_its_plan(tmp_path: Path) -> None:
    run = begin(tmp_path, fails="nnUNetv2_train")
    with pytest.raises(DataError, match="nnUNetv2_train: exit code 1: RuntimeError: no such plan"):
        do(run)
    assert run.stage == "training"
    run = begin(tmp_path)
    do(run)
    assert [call["name"] for call in calls_of(tmp_path / "env")] == ["nnUNetv2_plan_and_preprocess", "nnUNetv2_train"]
    assert run.stage == "evaluating"


def test_another_part_is_scored_with_the_same_training(tmp_path: Path) -> None:
    run = begin(tmp_path)
    do(run)
    do(run)
    run.folder.evaluation.rename(tmp_path / "before")
    run = begin(tmp_path, split="validation")
    assert run.stage == "evaluating"
    do(run)
    datalist = json.loads(run.folder.datalist.read_text())
    masks = {file.name.removesuffix(".nii.gz") for file in (Path(run.folder.root) / "nnunet" / "masks").iterdir()}
    assert masks == {case["case"] for case in datalist["validation"]}
    assert json.loads(run.scores.read_text())["cases"] == len(masks)


def test_a_job_is_read_as_it_was_written(tmp_path: Path) -> None:
    begin(tmp_path)
    job = read_job(tmp_path / "run")
    assert (job.options, job.settings["fine_patients"], job.split) == (NnunetOptions(epochs=5), 2, "test")
    (tmp_path / "run" / "nnunet.json").unlink()
    with pytest.raises(DataError, match=r"nnunet.json"):
        read_job(tmp_path / "run")
