"""The bundle's own commands one after the other on tiny phantoms, and what they say about bad input."""

from __future__ import annotations

import ast
import json
import logging
import sys
from pathlib import Path
from typing import Any, NamedTuple

import monai.bundle
import numpy as np
import pytest

from cladeseg.bundle.bundle_run import BundleRun
from cladeseg.bundle.failure import root_cause
from cladeseg.bundle.shipped import find_bundle
from cladeseg.bundle.validate import validate_bundle
from cladeseg.bundle.weights_record import sha256_of, with_own_sha256
from cladeseg.files import read_json, write_json
from cladeseg.segmentation.phantoms import write_brats_phantoms, write_msd_phantoms

BUNDLE = find_bundle("heterogeneous_pretraining")
TASK = find_bundle("hippocampus")
TRAIN, EVALUATE, INFERENCE = "configs/train.json", "configs/evaluate.json", "configs/inference.json"
#: The network and images of pre-training and segmentation.
SHARED: dict[str, Any] = {
    "settings#data#patch_size": [16, 16, 16],
    "settings#data#spacing": [2.0, 2.0, 2.0],
    "settings#network#filters": 4,
    "settings#optimizer#steps_per_epoch": 2,
    "device": "cpu",
}
TINY: dict[str, Any] = {
    **SHARED,
    "epochs": 1,
    "settings#contrast#points": 8,
    "settings#diagnostics#min_rank": 0,
}


class Done(NamedTuple):
    """What the commands left."""

    data: Path
    run: Path


def command(bundle: Path, run_id: str, config_file: Any, **options: Any) -> None:
    """``python -m monai.bundle run RUN_ID --config_file … --NAME VALUE …`` with the bundle as working directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bundle)
        patch.setattr(sys, "excepthook", sys.excepthook)  # the bundle replaces it
        patch.setattr(sys, "argv", ["monai.bundle", "run"])
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
        monai.bundle.run(run_id=run_id, config_file=config_file, **plain)


def refusal(bundle: Path, run_id: str = "training", config_file: Any = TRAIN, **options: Any) -> str:
    """The one message in which a command ends."""
    with pytest.raises(Exception) as caught:
        command(bundle, run_id, config_file, **options)
    message = str(root_cause(caught.value))
    assert len(message.splitlines()) == 1
    return message


def start_here(run: BundleRun, stage: str) -> None:
    """In this process: one for each of four commands would take most of the test's time."""
    words = run.command(stage)
    flags = dict(zip(words[5::2], words[6::2], strict=True))
    options = {name.removeprefix("--"): _value(text) for name, text in flags.items()}
    command(run.bundle, stage, options.pop("config_file"), **options)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    data, run = tmp_path_factory.mktemp("data") / "D", tmp_path_factory.mktemp("runs") / "R"
    write_msd_phantoms(data, cases=8)
    command(BUNDLE, "training", TRAIN, dataset_dir=data, output_dir=run, **TINY)
    return Done(data, run)


def test_training_writes_an_encoder_with_its_hash(done: Done) -> None:
    encoder = done.run / "models" / "encoder.safetensors"
    assert read_json(done.run / "models" / "model.json")["sha256"]["encoder.safetensors"] == sha256_of(encoder)


def test_a_segmentation_bundle_says_how_many_tensors_matched(
    done: Done, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = done.run / "models" / "encoder.safetensors"
    with caplog.at_level(logging.INFO):
        command(
            TASK, "training", TRAIN, dataset_dir=done.data, output_dir=tmp_path / "S", pretrained=encoder, epochs=1,
            **SHARED,
        )  # fmt: skip
    said = [record.getMessage() for record in caplog.records if "matched" in record.getMessage()]
    assert any("matched 30 of 30 tensors" in line for line in said)
    assert (tmp_path / "S" / "models" / "model.pt").is_file()


def test_evaluating_probes_and_fine_tunes_beside_scratch(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlay = tmp_path / "overlay.json"
    write_json({name: value for name, value in SHARED.items() if name != "device"}, overlay)
    monkeypatch.setattr(BundleRun, "start", start_here)
    command(
        BUNDLE, "evaluating", [TRAIN, EVALUATE], dataset_dir=done.data, output_dir=done.run, fine_cases=[1],
        fine_tuning_epochs=1, overlays=[str(overlay)], **TINY,
    )  # fmt: skip
    found = read_json(done.run / "eval" / "evaluation.json")
    assert set(found["probe"]) == {"pretrained", "random"}
    (row,) = found["fine_tuning"]
    assert {"fine_cases", "draw", "scratch", "pretrained"} == set(row)
    page = (done.run / "eval" / "report.html").read_text(encoding="utf-8")
    assert all(f">{title}" in page for title in ("Few fine labels", "Linear probe", "Losses", "Effective rank"))
    runs = {arm: read_json(done.run / "eval" / f"{arm}_n1_d0" / "run.json") for arm in ("scratch", "pretrained")}
    settings = {arm: dict(content["settings"]) for arm, content in runs.items()}
    assert settings["pretrained"].pop("pretrained") == str(done.run / "models" / "encoder.safetensors")
    assert settings["scratch"].pop("pretrained") is None
    assert settings["scratch"] == settings["pretrained"]  # seed, split, schedule and everything else


def test_inference_writes_features_and_a_picture_of_each_case(done: Done) -> None:
    images = done.data / "imagesTr"
    command(BUNDLE, "inference", INFERENCE, dataset_dir=images, output_dir=done.run, device="cpu")
    cases = {path.name.removesuffix(".nii.gz") for path in images.glob("*.nii.gz")}
    assert {path.stem for path in (done.run / "features").glob("*.npz")} == cases
    assert {path.stem for path in (done.run / "features").glob("*.png")} == cases
    with np.load(done.run / "features" / f"{min(cases)}.npz") as content:
        assert content["features"].shape[0] == 4


def test_the_bundle_is_valid() -> None:
    assert validate_bundle(BUNDLE) == []


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"settings#views#number": 1}, "views#number: one view has nothing to be compared with"),
        ({"settings#batch#cases": 1}, "batch#cases: a batch of one case has no other patient as a negative"),
        ({"settings#contrast#temperature": 0}, "settings#contrast#temperature: 0 does not fit"),
        ({"settings#contrast#temperature": -0.1}, "settings#contrast#temperature: -0.1 does not fit"),
        ({"dataset_dir": "no/such/folder"}, "no/such/folder"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    done: Done, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    given = {"dataset_dir": done.data, "output_dir": tmp_path / "R", **TINY, **options}
    assert message in refusal(BUNDLE, **given)
    assert not (tmp_path / "R" / "models").exists()


def test_a_case_without_any_view_is_named(tmp_path: Path) -> None:
    data = tmp_path / "D"
    write_brats_phantoms(data, subjects=4, shape=(24, 24, 20), spacing=(8, 8, 8))
    victim = sorted(path for path in data.iterdir() if path.is_dir())[0]
    for image in victim.glob("*.nii.gz"):
        image.unlink() if "seg" not in image.name else None
    options = {**TINY, "settings#split#incomplete": True, "settings#data#spacing": [8.0, 8.0, 8.0]}
    message = refusal(BUNDLE, dataset_dir=data, output_dir=tmp_path / "R", **options)
    assert victim.name in message
    assert "missing" in message


def test_weights_of_another_architecture_are_refused(done: Done, tmp_path: Path) -> None:
    encoder = done.run / "models" / "encoder.safetensors"
    other = {**SHARED, "settings#network#filters": 6, "epochs": 1}
    message = refusal(TASK, dataset_dir=done.data, output_dir=tmp_path / "S", pretrained=encoder, **other)
    assert message.startswith(f"{encoder}: none of its tensors fits this network's backbone")


def test_weights_that_are_not_what_their_description_says_are_refused(done: Done, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "encoder.safetensors").write_bytes((done.run / "models" / "encoder.safetensors").read_bytes())
    about = json.loads((done.run / "models" / "model.json").read_text(encoding="utf-8"))
    about["network"]["filters"] = [2 * width for width in about["network"]["filters"]]
    write_json(with_own_sha256(about), models / "model.json")
    options = {"dataset_dir": done.data / "imagesTr", "output_dir": tmp_path, "device": "cpu"}
    assert "belongs to another network than model.json describes" in refusal(BUNDLE, "inference", INFERENCE, **options)


def test_inference_without_a_training_says_what_comes_first(done: Done, tmp_path: Path) -> None:
    options = {"dataset_dir": done.data / "imagesTr", "output_dir": tmp_path, "device": "cpu"}
    assert "there is no pre-trained encoder; run training first" in refusal(BUNDLE, "inference", INFERENCE, **options)
