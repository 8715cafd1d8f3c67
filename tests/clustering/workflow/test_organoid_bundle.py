"""The bundle's commands from end to end on tiny phantoms, and what they answer to bad input."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import own_process
from cladeseg.bundle.settings import SettingsError
from cladeseg.clustering.phantoms import write_phantoms
from cladeseg.clustering.workflow import (
    ClusteringPlan,
    GroupingOptions,
    find_trained,
    run_evaluation,
    run_inference,
    run_training,
)
from cladeseg.files import DataError

BUNDLE = Path(__file__).parents[3] / "bundles" / "organoid_clustering"
TRAIN, INFERENCE = "configs/train.json", "configs/inference.json"
EVALUATE = "['configs/train.json','configs/evaluate.json']"
QUICK = {
    "model": {"pqap": {"rotations": 6, "kept": 1, "improvements": 1}, "zero": {"folds": 2, "batches": 3}},
    "split": {"test": 0.25},
}
OPTIONS = GroupingOptions(resamples=3)


def call(command: str, config: str, **options: object) -> str:
    flags = [part for key, value in options.items() for part in (f"--{key.replace('__', '#')}", str(value))]
    words = [sys.executable, "-m", "monai.bundle", "run", command, "--config_file", config, *flags]
    done = own_process.run(words, cwd=BUNDLE)
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def plan(data: Path, run: Path, **more: object) -> ClusteringPlan:
    return ClusteringPlan(settings=QUICK, bundle_root=BUNDLE, dataset_dir=data, output_dir=run, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), seen=5, unseen=2, each=6, side=64)


@pytest.fixture(scope="module")
def trained_run(data: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run") / "R"
    run_training(plan(data[0], run), "cpu")
    return run


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy, as commands write into it."""
    return Path(shutil.copytree(trained_run, tmp_path / "R"))


# ---- commands --------------------------------------------------------------------------------------------------------


def test_the_three_commands_leave_what_they_promise(data: tuple[Path, Path], tmp_path: Path) -> None:
    run = tmp_path / "R"
    quick = {"settings__model__pqap__rotations": 6, "settings__model__zero__folds": 2, "settings__split__test": 0.25}
    assert call("training", TRAIN, dataset_dir=data[0], output_dir=run, **quick).startswith("0")
    assert call("evaluating", EVALUATE, dataset_dir=data[1], output_dir=run).startswith("0")
    scores = json.loads((run / "eval" / "metrics.json").read_text())
    promised = {"vi_bits", "vi_split", "vi_join", "rand", "ari", "f1_join", "clusters"}
    assert promised <= scores.keys()
    assert promised <= scores["descriptors"].keys()
    for held in (scores, scores["descriptors"]):
        assert held["intervals"]["vi_bits"]["mean"] == pytest.approx(held["vi_bits"])
        assert len(held["intervals"]["pair_auc"]["ci95"]) == 2
    assert scores["vi_gain"]["mean"] == pytest.approx(scores["descriptors"]["vi_bits"] - scores["vi_bits"])
    assert scores["unseen_classes"] == ["kind6", "kind7"]
    assert (run / "eval" / "report.html").is_file()
    assert call("inference", INFERENCE, dataset_dir=data[1], output_dir=run).startswith("0")
    rows = rows_of(run / "clusters.csv")
    assert list(rows[0]) == ["id", "cluster", "confidence", "nearest_medoid", "unsure"]
    assert len(rows) == 12
    with np.load(run / "pairs.npz") as pairs:
        assert pairs["probability"].shape == (12, 12)
        assert pairs["ids"].tolist() == [row["id"] for row in rows]
    assert Image.open(run / "contact_sheet.png").width > 500
    page = (run / "report.html").read_text()
    assert "Contact sheet" in page and "Similarity matrix" in page


def test_a_misspelt_setting_ends_the_training_before_it_begins(data: tuple[Path, Path], tmp_path: Path) -> None:
    said = call("training", TRAIN, dataset_dir=data[0], output_dir=tmp_path / "R", settings__model__pqap__rotation=6)
    assert said.startswith("1")
    assert "did you mean --settings#model#pqap#rotations" in said.replace("\n", "")
    assert not (tmp_path / "R").exists()


# ---- evaluation and inference ----------------------------------------------------------------------------------------


def test_objects_of_the_training_are_never_scored(data: tuple[Path, Path], run: Path) -> None:
    datalist = json.loads((run / "datalist.json").read_text())
    found = run_evaluation(find_trained(run), dataset_dir=data[0], output_dir=run, options=OPTIONS)
    assert found["objects"] == len(datalist["test"]) < 30


def test_a_folder_without_fresh_objects_is_refused(data: tuple[Path, Path], run: Path, tmp_path: Path) -> None:
    seen = json.loads((run / "datalist.json").read_text())["training"]
    for one in seen:
        shutil.copy(data[0] / f"{one['id']}.png", tmp_path)
    (tmp_path / "labels.csv").write_text("id,class\n" + "".join(f"{one['id']},{one['class']}\n" for one in seen))
    with pytest.raises(DataError, match="training used each of its"):
        run_evaluation(find_trained(run), dataset_dir=tmp_path, output_dir=run, options=OPTIONS)


def test_clusters_keep_their_numbers_when_objects_are_added(data: tuple[Path, Path], run: Path, tmp_path: Path) -> None:
    files = sorted(data[1].glob("*.png"))
    for file in files[6:]:
        shutil.copy(file, tmp_path)
    trained = find_trained(run)
    first = run_inference(trained, dataset_dir=tmp_path, output_dir=run, options=OPTIONS)
    for file in files[:6]:
        shutil.copy(file, tmp_path)
    second = run_inference(trained, dataset_dir=tmp_path, output_dir=run, options=OPTIONS)
    before, after = (dict(zip(one.ids, one.numbers.tolist(), strict=True)) for one in (first, second))
    assert sum(after[name] == number for name, number in before.items()) >= 5
    assert (run / "clusters.csv.1").is_file()


@pytest.mark.parametrize("count", [1, 2])
def test_one_picture_and_two_are_answered(data: tuple[Path, Path], run: Path, tmp_path: Path, count: int) -> None:
    for file in sorted(data[1].glob("*.png"))[:count]:
        shutil.copy(file, tmp_path)
    found = run_inference(find_trained(run), dataset_dir=tmp_path, output_dir=run, options=OPTIONS)
    assert found.numbers.tolist() == [1] * count
    assert "fewer than four objects" in (run / "report.html").read_text()


def test_an_empty_picture_is_named(run: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((32, 32, 3), dtype=np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(DataError, match=r"black\.png: is empty"):
        run_inference(find_trained(run), dataset_dir=tmp_path, output_dir=run, options=OPTIONS)


def test_pictures_of_another_kind_are_refused(run: Path, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (32, 32), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    with pytest.raises(DataError, match=r"holds pictures of 1 channel\(s\), the model was trained on pictures of 3"):
        run_inference(find_trained(run), dataset_dir=tmp_path, output_dir=run, options=OPTIONS)


def test_without_a_model_the_way_out_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no trained model; run training"):
        find_trained(tmp_path)


# ---- training --------------------------------------------------------------------------------------------------------


def test_a_finished_training_is_not_written_over(data: tuple[Path, Path], run: Path) -> None:
    with pytest.raises(DataError, match="already holds a training"):
        run_training(plan(data[0], run), "cpu")


def test_too_few_labels_end_the_training_and_leave_no_record(data: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(data[0], tmp_path / "data")
    lines = (data[0] / "labels.csv").read_text().splitlines()
    (tmp_path / "data" / "labels.csv").write_text("\n".join(lines[:7]))
    with pytest.raises(DataError, match="1 of 1 classes have two training objects"):
        run_training(plan(tmp_path / "data", tmp_path / "R"), "cpu")
    assert not (tmp_path / "R" / "run.json").exists()


def test_a_corrected_table_is_trained_on(data: tuple[Path, Path], run: Path, tmp_path: Path) -> None:
    run_inference(find_trained(run), dataset_dir=data[0], output_dir=run, options=OPTIONS)
    rows = rows_of(run / "clusters.csv")
    corrected = tmp_path / "corrected.csv"
    corrected.write_text("id,cluster\n" + "".join(f"{row['id']},{int(row['id']) // 100}\n" for row in rows))
    model = run_training(plan(data[0], tmp_path / "again", labels=str(corrected)), "cpu")
    assert set(model.classes) == {"1", "2", "3", "4", "5"}


def test_objects_of_one_source_are_on_one_side(data: tuple[Path, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(data[0], tmp_path / "data"))
    rows = rows_of(folder / "labels.csv")
    lines = [f"{row['id']},{row['class']},slide{int(row['id']) // 2}\n" for row in rows]
    (folder / "labels.csv").write_text("id,class,source\n" + "".join(lines))
    split = plan(folder, tmp_path / "R").split
    sides = [{int(one) // 2 for one in ids} for ids in split.values()]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_candidates_must_be_the_looser_set() -> None:
    with pytest.raises(SettingsError, match="candidate_height: is above feature_height"):
        ClusteringPlan(settings={"objects": {"candidate_height": 0.5}})
