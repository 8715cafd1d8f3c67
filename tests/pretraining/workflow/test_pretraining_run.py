"""From images to an encoder, features, and a segmentation that starts from it."""

from __future__ import annotations

import json
import logging
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cladeseg.bundle.weights_record import sha256_of
from cladeseg.files import DataError, read_json
from cladeseg.pretraining.tasks import CollapseError
from cladeseg.pretraining.workflow import (
    PretrainingPlan,
    PretrainingWorkflow,
    encoder_network,
    find_encoder,
    pretraining_cases,
    pretraining_dataset,
    pretraining_network,
    run_features,
    run_pretraining,
    start_pretraining,
    trained_encoder,
)
from cladeseg.pretraining.workflow.features import FeatureWork
from cladeseg.segmentation.engines import load_pretrained
from cladeseg.segmentation.phantoms import write_brats_phantoms, write_msd_phantoms
from cladeseg.segmentation.workflow import TrainingPlan, untrained_network

TINY: dict[str, Any] = {
    "data": {"patch_size": [16, 16, 16], "spacing": [2.0, 2.0, 2.0]},
    "network": {"filters": 4, "levels": 3},
    "batch": {"cases": 2},
    "contrast": {"points": 8, "features": 8, "min_distance": 2.0},
    "optimizer": {"steps_per_epoch": 2, "warmup_steps": 0},
    "diagnostics": {"min_rank": 0},
}


def plan_of(folder: Path, output: Path, **options: Any) -> PretrainingPlan:
    settings = {**TINY, **options.pop("settings", {})}
    return PretrainingPlan(
        settings=settings, dataset_dir=folder, output_dir=output, **{"task": "hippocampus", "epochs": 2, **options}
    )


def train(plan: PretrainingPlan) -> None:
    start_pretraining(plan)
    workflow = PretrainingWorkflow(
        plan=plan,
        network=pretraining_network(plan),
        training=pretraining_dataset(plan, pretraining_cases(plan)),
        max_epochs=plan.settings.epochs,
    )
    run_pretraining(workflow)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("msd")
    write_msd_phantoms(root, cases=8)
    for label in (root / "labelsTr").iterdir():  # nobody opens them
        label.write_bytes(b"")
    return root


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("run") / "R"
    train(plan_of(folder, output))
    return output


def test_the_encoder_comes_with_its_hash_and_what_it_saw(run: Path) -> None:
    encoder, about = run / "models" / "encoder.safetensors", read_json(run / "models" / "model.json")
    assert about["sha256"]["encoder.safetensors"] == sha256_of(encoder)
    split = read_json(run / "datalist.json")
    seen = {*split["training"].values(), *split["validation"].values()}
    assert set(about["images"]) == seen
    assert not seen & set(split["test"].values())
    assert {"alignment", "uniformity", "effective_rank"} <= set(about["diagnostics"])


def test_the_page_shows_the_diagnostics_and_the_views(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert all(f">{title}" in page for title in ("Losses", "Alignment", "Uniformity", "Effective rank", "Views"))
    assert page.count("<img ") == 2  # views and principal components
    assert any((run / "tensorboard").iterdir())


def test_a_segmentation_starts_from_every_tensor(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    task = PretrainingPlan(settings={}, task="hippocampus").task
    assert task is not None
    settings = {**json.loads((task / "configs" / "train.json").read_text(encoding="utf-8"))["settings"]}
    settings |= {"data": {**settings["data"], **TINY["data"]}, "network": {**settings["network"], **TINY["network"]}}
    plan = TrainingPlan(
        settings=settings, bundle_root=task, output_dir=run / "S", pretrained=str(run / "models/encoder.safetensors")
    )
    with caplog.at_level(logging.INFO):
        network = untrained_network(plan)
    total = len(network.backbone.state_dict())  # type: ignore[union-attr]
    assert f"matched {total} of {total} tensors" in caplog.text


def test_an_interrupted_pre_training_ends_where_an_uninterrupted_one_does(
    folder: Path, run: Path, tmp_path: Path
) -> None:
    train(plan_of(folder, tmp_path / "P", stop_after=1))
    assert not (tmp_path / "P" / "models").exists()
    train(plan_of(folder, tmp_path / "P", resume=True))
    assert sha256_of(tmp_path / "P" / "models" / "encoder.safetensors") == sha256_of(
        run / "models" / "encoder.safetensors"
    )


def test_a_run_folder_is_not_trained_over(folder: Path, run: Path) -> None:
    with pytest.raises(DataError, match="already holds a training"):
        start_pretraining(plan_of(folder, run))


def test_features_of_a_case_are_written_with_a_picture(folder: Path, run: Path, tmp_path: Path) -> None:
    model = trained_encoder(run)
    network = encoder_network(model)
    images = sorted((folder / "imagesTr").glob("*.nii.gz"))
    run_features(model=model, network=network, dataset_dir=images[0], output_dir=tmp_path)
    (file,) = (tmp_path / "features").glob("*.npz")
    with np.load(file) as content:
        features, affine = content["features"], content["affine"]
    assert features.shape[0] == 4
    assert features.dtype == np.float16
    assert np.isfinite(features).all()
    np.testing.assert_allclose(np.linalg.norm(affine[:3, :3], axis=0), 2.0, rtol=1e-5)
    assert file.with_suffix(".png").is_file()


def test_features_are_made_anew_only_where_something_changed(folder: Path, run: Path, tmp_path: Path) -> None:
    model, scans = trained_encoder(run), tmp_path / "scans"
    network = encoder_network(model)
    scans.mkdir()
    for file in sorted((folder / "imagesTr").glob("*.nii.gz"))[:2]:
        shutil.copy(file, scans / file.name)
    options = {"model": model, "network": network, "dataset_dir": scans, "output_dir": tmp_path / "F"}
    run_features(**options)
    made = {file: file.stat().st_mtime_ns for file in sorted((tmp_path / "F" / "features").glob("*.npz"))}
    changed = min(scans.iterdir())
    os.utime(changed, (1, 1))
    run_features(**options)
    again = [file.stat().st_mtime_ns != then for file, then in made.items()]
    assert again == [True, False]
    work = FeatureWork(model, network, tmp_path / "F" / "features", 0.25)
    copy = pickle.loads(pickle.dumps(work))
    assert len(pickle.dumps(work)) < 10_000, "a worker loads the encoder itself"
    assert all(torch.equal(a, b) for a, b in zip(copy.network.parameters(), network.parameters(), strict=True))


def test_a_collapse_ends_the_run(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match="the features have collapsed in epoch 1"):
        train(plan_of(folder, tmp_path / "C", settings={"diagnostics": {"min_rank": 100}}))
    assert not (tmp_path / "C" / "models").exists()


def test_a_missing_or_changed_encoder_is_named(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no pre-trained encoder"):
        find_encoder(tmp_path)
    (tmp_path / "models").mkdir()
    for name in ("encoder.safetensors", "model.json"):
        (tmp_path / "models" / name).write_bytes((run / "models" / name).read_bytes())
    with (tmp_path / "models" / "encoder.safetensors").open("ab") as file:
        file.write(b" ")
    with pytest.raises(DataError, match="is damaged or another model's"):
        find_encoder(tmp_path)


def test_cases_with_different_modalities_are_pre_trained_together(tmp_path: Path) -> None:
    folder = tmp_path / "D"
    write_brats_phantoms(folder, subjects=4, shape=(24, 24, 20), spacing=(8, 8, 8))
    for number, words in enumerate((("flair",), ("t1", "t2"), ("t1ce", "flair", "t1"))):
        for word in words:
            sorted(folder.rglob(f"*_{word}.nii.gz"))[number if len(words) < 3 else -1].unlink()
    data = {"patch_size": [16, 16, 16], "spacing": [8.0, 8.0, 8.0]}
    split = {"incomplete": True, "test_fraction": 0.0, "validation_fraction": 0.0}
    train(plan_of(folder, tmp_path / "R", task="brats", settings={"data": data, "split": split}))
    assert (tmp_path / "R" / "models" / "encoder.safetensors").is_file()


def test_a_case_without_any_modality_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "D"
    write_msd_phantoms(folder, cases=4)
    victim = sorted((folder / "imagesTr").glob("*.nii.gz"))[0]
    victim.write_bytes(b"")
    with pytest.raises(DataError, match=victim.name):
        pretraining_cases(plan_of(folder, tmp_path / "R"))


def test_superclass_outlines_are_learnt_on_request(tmp_path: Path) -> None:
    folder = tmp_path / "D"
    write_msd_phantoms(folder, cases=6)
    train(plan_of(folder, tmp_path / "R", superclass_task=True, epochs=1))
    history = (tmp_path / "R" / "history.csv").read_text(encoding="utf-8")
    assert "train_superclass" in history.splitlines()[0]
    listed = read_json(tmp_path / "R" / "datalist.json")
    assert {case["supervision"] for case in listed["training"]} == {"hippocampus"}


def test_settings_follow_from_images_where_there_is_no_task(tmp_path: Path) -> None:
    write_msd_phantoms(tmp_path / "D", cases=3)
    plan = PretrainingPlan(settings={}, task="none", dataset_dir=tmp_path / "D")
    assert plan.task is None
    assert plan.network["in_channels"] == 1
    assert torch.tensor(plan.settings.data.patch_size).prod() <= 150_000


def test_a_layouts_shipped_bundle_is_the_task(folder: Path) -> None:
    task = PretrainingPlan(settings={}, dataset_dir=folder).task
    assert task is not None
    assert task.name == "hippocampus_subclass_segmentation"


def test_loading_into_another_architecture_is_an_error(run: Path) -> None:
    from cladeseg.segmentation.networks import build_network
    from cladeseg.taxonomy import Node, Taxonomy

    tree = Taxonomy("t", (Node("background", values={"x": 0}), Node("a", values={"x": 1})))
    other = build_network(tree, filters=[6, 12, 24], kernels=[3, 3, 3], strides=[1, 2, 2])
    with pytest.raises(DataError, match="none of its tensors fits"):
        load_pretrained(other, run / "models" / "encoder.safetensors")
