"""The three commands of the ACDC bundle: what they read, write and print."""

from __future__ import annotations

import csv
import json
import math
import shutil
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import (
    ACDC,
    EVALUATE,
    INFERENCE,
    LEARNT,
    Trained,
    command,
    copy_bundle,
    differences,
    json_of,
    rows_of,
    state_of,
    train,
    tree_of,
    weights_of,
    write_phantoms,
)
from skimage.measure import label
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import own_process
from cladeseg.bundle.weights_record import digest_of
from cladeseg.segmentation.workflow import network_from

METRICS = {"dice", "iou", "hd95_mm", "assd_mm", "nsd"}
NODES = {"heart", "right_ventricle", "left_heart", "myocardium", "left_ventricle"}


def volume(path: Path) -> np.ndarray:
    return np.asanyarray(nib.load(path).dataobj)


# ---- training --------------------------------------------------------------------------------------------------------


def test_training_stores_the_split_with_its_settings(trained: Trained) -> None:
    datalist = json_of(trained.run / "datalist.json")
    assert (datalist["seed"], datalist["fine_patients"], datalist["superclass"]) == (0, 2, "heart")
    assert {len(datalist[part]) for part in ("validation", "test")} == {2, 4}
    fine = {case["patient"] for case in datalist["training"] if case["supervision"] == "fine"}
    assert len(fine) == 2
    listed = [case["case"] for part in ("training", "validation", "test") for case in datalist[part]]
    assert sorted(listed) == sorted(p.name.removesuffix("_gt.nii.gz") for p in trained.data.rglob("*_gt.nii.gz"))


def test_training_records_what_it_took_and_on_which_machine(trained: Trained) -> None:
    record = json_of(trained.run / "run.json")
    assert record["seconds"] > 0
    assert record["peak_memory_mb"] > 100
    assert " cores" in record["hardware"]
    assert {"commit", "versions", "command"} <= set(record)


def test_training_writes_one_row_of_losses_and_scores_per_epoch(trained: Trained) -> None:
    rows = rows_of(trained.run / "history.csv")
    assert [(row["epoch"], row["step"]) for row in rows] == [("1", "40"), ("2", "80")]
    for row in rows:
        assert all(math.isfinite(float(row[name])) for name in ("train_loss", "learning_rate", "validation_mean_dice"))
        assert 0 <= float(row["validation_mean_dice"]) <= 1


def test_training_leaves_weights_that_their_description_rebuilds(trained: Trained) -> None:
    description = json_of(trained.run / "models" / "model.json")
    network_from(description["network"], tree_of(trained)).load_state_dict(weights_of(trained.run))
    assert description["sha256"] == {
        name: digest_of(trained.run / "models" / name) for name in ("model.safetensors", "model.pt", "model.json")
    }
    assert (description["spacing"], description["patch_size"]) == ([5.0, 5.0, -1.0], [32, 32, 4])
    last = rows_of(trained.run / "history.csv")[-1]
    assert description["validation"]["score"] == pytest.approx(float(last["validation_mean_dice"]), rel=1e-6)


def test_the_shipped_weights_are_the_teachers_after_the_last_epoch(trained: Trained) -> None:
    state = state_of(trained.run)
    assert state["epoch"] == 2
    assert differences(weights_of(trained.run), state["teacher"]["network"]) == []
    assert differences(weights_of(trained.run), state["network"])


def test_tensorboard_gets_scalars_and_an_overlay_picture(trained: Trained) -> None:
    events = EventAccumulator(str(trained.run / "tensorboard"))
    events.Reload()
    assert {"train_loss", "train_mix", "learning_rate", "validation_mean_dice"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("train_loss")] == [1, 2]
    (tag,) = events.Tags()["images"]
    assert events.Images(tag)[0].width > 32


def test_training_leaves_the_bundle_alone_when_told_not_to_promote(trained: Trained) -> None:
    assert not any((trained.bundle / "models").iterdir())


def test_a_promoted_model_serves_runs_that_have_none(trained: Trained, tmp_path: Path) -> None:
    bundle = copy_bundle(tmp_path / "bundle")
    image = next(trained.data.rglob("patient001_frame01.nii.gz"))
    place = trained._replace(bundle=bundle)
    train(place, tmp_path / "R", promote=True, optimizer__steps_per_epoch=1)
    assert (bundle / "models" / "model.pt").read_bytes() == (tmp_path / "R" / "models" / "model.pt").read_bytes()
    for out in ("R", "elsewhere"):
        command(bundle, "inference", INFERENCE, dataset_dir=str(image), output_dir=str(tmp_path / out))
    one, other = (volume(tmp_path / out / "predictions" / image.name) for out in ("R", "elsewhere"))
    np.testing.assert_array_equal(one, other)


# ---- evaluating ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluated(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Evaluated twice on the test part, with no option but the two folders."""
    run = Path(shutil.copytree(trained.run, tmp_path_factory.mktemp("evaluated") / "R"))
    for _ in range(2):
        command(trained.bundle, "evaluating", EVALUATE, dataset_dir=str(trained.data), output_dir=str(run))
    return trained._replace(run=run)


def test_metrics_csv_has_a_row_per_case_node_and_metric(evaluated: Trained) -> None:
    path = evaluated.run / "eval" / "metrics.csv"
    assert path.read_text(encoding="utf-8").splitlines()[0] == "case,node,metric,value,status"
    rows = rows_of(path)
    test = {case["case"] for case in json_of(evaluated.run / "datalist.json")["test"]}
    expected = {(case, node, metric) for case in test for node in NODES for metric in METRICS}
    assert {(row["case"], row["node"], row["metric"]) for row in rows} == expected
    assert len(rows) == len(expected)
    assert {row["status"] for row in rows} <= {"ok", "both_empty", "missed", "spurious"}


def test_metrics_json_summarises_every_node(evaluated: Trained) -> None:
    text = (evaluated.run / "eval" / "metrics.json").read_text(encoding="utf-8")
    summary = json.loads(text, parse_constant=pytest.fail)
    assert set(summary["nodes"]) == NODES
    for node in NODES:
        assert set(summary["nodes"][node]) >= METRICS
        for metric in METRICS:
            assert {"mean", "ci95", "n"} <= set(summary["nodes"][node][metric])
        low, high = summary["nodes"][node]["dice"]["ci95"]
        assert low <= summary["nodes"][node]["dice"]["mean"] <= high
        assert summary["nodes"][node]["dice"]["n"] == 4
    leaves = ("right_ventricle", "myocardium", "left_ventricle")
    for metric in ("dice", "iou"):
        means = [summary["nodes"][leaf][metric]["mean"] for leaf in leaves]
        assert summary["mean_leaf"][metric] == pytest.approx(np.mean(means))
    assert sum(summary["status_counts"].values()) == 4 * len(NODES)
    assert summary["nesting_violations"] == 0


def test_the_tiny_training_finds_the_heart_on_held_out_phantoms(evaluated: Trained) -> None:
    """Images, labels and masks of all orientations fit together from end to end, or nothing would be learnt."""
    dice = {
        node: scores["dice"]["mean"]
        for node, scores in json_of(evaluated.run / "eval" / "metrics.json")["nodes"].items()
    }
    assert dice["heart"] > 0.6
    assert max(dice["myocardium"], dice["left_ventricle"]) > 0.2


def test_an_earlier_evaluation_is_kept_aside(evaluated: Trained) -> None:
    kept, new = (evaluated.run / name / "metrics.csv" for name in ("eval.1", "eval"))
    assert kept.read_text(encoding="utf-8") == new.read_text(encoding="utf-8")


def test_evaluation_and_inference_tell_the_same_story(evaluated: Trained, tmp_path: Path) -> None:
    """Dice of the masks that inference writes, worked out here, is the Dice that the evaluation reports."""
    rows = rows_of(evaluated.run / "eval" / "metrics.csv")
    reported = {(row["case"], row["node"]): float(row["value"]) for row in rows if row["metric"] == "dice"}
    values = {
        "right_ventricle": [1],
        "myocardium": [2],
        "left_ventricle": [3],
        "left_heart": [2, 3],
        "heart": [1, 2, 3],
    }
    weights = str(evaluated.run / "models" / "model.pt")
    for patient in {case.split("_")[0] for case, _ in reported}:
        source = str(evaluated.data / patient)
        command(evaluated.bundle, "inference", INFERENCE, dataset_dir=source, output_dir=str(tmp_path), weights=weights)
    for (case, node), dice in reported.items():
        predicted = np.isin(volume(tmp_path / "predictions" / f"{case}.nii.gz"), values[node])
        truth = np.isin(volume(next(evaluated.data.rglob(f"{case}_gt.nii.gz"))), values[node])
        assert dice == pytest.approx(2 * (predicted & truth).sum() / (predicted.sum() + truth.sum()), abs=1e-5)


def test_the_command_line_evaluates_every_case_of_another_folder(trained: Trained, tmp_path: Path) -> None:
    """The whole command as users type it: a process of its own, in the bundle's folder, on data never trained on."""
    other = write_phantoms(tmp_path / "D2", patients=2, seed=5)
    run = Path(shutil.copytree(trained.run, tmp_path / "R"))
    arguments = ["--config_file", "['configs/train.json','configs/evaluate.json']", "--split", "all"]
    folders = ["--dataset_dir", str(other), "--output_dir", str(run)]
    command_line = [sys.executable, "-m", "monai.bundle", "run", "evaluating", *arguments, *folders]
    done = own_process.run(command_line, cwd=trained.bundle)
    assert done.returncode == 0, done.stderr[-2000:]
    labels = {path.name.removesuffix("_gt.nii.gz") for path in other.rglob("*_gt.nii.gz")}
    with (run / "eval" / "metrics.csv").open(newline="", encoding="utf-8") as file:
        assert {row[0] for row in list(csv.reader(file))[1:]} == labels
    assert all(word in done.stdout for word in ("Dice", "IoU", "heart", "left_ventricle", "mean of leaves"))


# ---- inference -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def predictions(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masks of all phantoms, made with no option but the two folders; the weights are the run's own."""
    run = Path(shutil.copytree(trained.run, tmp_path_factory.mktemp("predicted") / "R"))
    command(trained.bundle, "inference", INFERENCE, dataset_dir=str(trained.data), output_dir=str(run))
    return run / "predictions"


def test_inference_writes_one_mask_per_image(trained: Trained, predictions: Path) -> None:
    images = {path.name for path in trained.data.rglob("*.nii.gz") if not path.name.endswith("_gt.nii.gz")}
    assert {path.name for path in predictions.glob("*.nii.gz")} == images


def test_masks_lie_exactly_on_their_images(trained: Trained, predictions: Path) -> None:
    orientations = set()
    for path in predictions.glob("*.nii.gz"):
        mask, image = nib.load(path), nib.load(next(trained.data.rglob(path.name)))
        assert mask.shape == image.shape
        np.testing.assert_array_equal(mask.affine, image.affine)
        assert mask.header.get_zooms() == image.header.get_zooms()
        orientations.add("".join(nib.aff2axcodes(image.affine)))
    assert len(orientations) >= 3, "the phantoms should differ in orientation, or this shows little"


def test_masks_hold_the_integers_of_the_label_convention_asked_for(
    trained: Trained, predictions: Path, tmp_path: Path
) -> None:
    bundle = copy_bundle(tmp_path / "bundle")
    table = np.array([0, 85, 170, 255], dtype=np.uint8)  # another clinic's convention
    tree = json_of(ACDC / "configs" / "taxonomy.json")
    for node in tree["nodes"]:
        if "values" in node:
            node["values"]["clinic"] = int(table[node["values"]["acdc"]])
    (bundle / "configs" / "taxonomy.json").write_text(json.dumps(tree), encoding="utf-8")
    usual = max((volume(path) for path in predictions.glob("patient003*")), key=lambda mask: len(np.unique(mask)))
    assert usual.dtype.kind in "iu"
    assert {0, 2, 3} <= set(np.unique(usual)) <= {0, 1, 2, 3}
    folders = {"dataset_dir": str(trained.data / "patient003"), "output_dir": str(tmp_path)}
    weights = str(trained.run / "models" / "model.pt")
    command(bundle, "inference", INFERENCE, **folders, weights=weights, label_convention="clinic")
    for path in predictions.glob("patient003*"):
        np.testing.assert_array_equal(volume(tmp_path / "predictions" / path.name), table[volume(path)])


# ---- one heart -------------------------------------------------------------------------------------------------------


def components(mask: np.ndarray) -> int:
    return int(label(mask > 0, connectivity=3).max())


def test_the_largest_heart_alone_is_kept_where_the_training_says_so(
    trained: Trained, predictions: Path, tmp_path: Path
) -> None:
    """The setting goes with the weights: inference and evaluation of the run need no option."""
    before = {path.name: components(volume(path)) for path in predictions.glob("*.nii.gz")}
    assert max(before.values()) > 1, "with one heart in each mask this shows nothing"
    run = Path(shutil.copytree(trained.run, tmp_path / "R"))
    train(trained, run, resume=True, **{**LEARNT, "settings#inference#keep_largest": ["heart"]})
    assert json_of(run / "models" / "model.json")["keep_largest"] == ["heart"]
    assert differences(weights_of(run), weights_of(trained.run)) == []
    command(trained.bundle, "inference", INFERENCE, dataset_dir=str(trained.data), output_dir=str(run))
    kept = {path.name: components(volume(path)) for path in (run / "predictions").glob("*.nii.gz")}
    assert kept == {name: min(number, 1) for name, number in before.items()}


def test_an_evaluation_can_try_what_the_weights_do_not_say(trained: Trained, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained.run, tmp_path / "R"))
    folders = {"dataset_dir": str(trained.data), "output_dir": str(run)}
    for value in ("none", "heart", None):
        command(trained.bundle, "evaluating", EVALUATE, **folders, keep_largest=value)
    plain, one, usual = (json_of(run / name / "metrics.json")["nodes"] for name in ("eval.1", "eval.2", "eval"))
    assert plain == usual
    assert one != plain
