"""What the commands answer to folders and tables that people get wrong: one line, or the right trivial answer."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from fault_runner import Seen, run_here
from PIL import Image

from cladeseg.clustering.model import ClusteringModel, load_model, save_model
from cladeseg.clustering.phantoms import draw_kind, phantom_picture, write_phantoms

BUNDLE = Path(__file__).parents[3] / "bundles" / "organoid_clustering"
QUICK = [
    "--settings#model#pqap#rotations", "6", "--settings#model#pqap#kept", "1", "--settings#model#zero#folds", "2",
    "--settings#model#zero#batches", "3", "--settings#split#test", "0.0",
]  # fmt: skip
COLUMNS = ("angle_deg", "channel", "r_max", "norm_peak")
INFER = "inference"


def run(command: str, data: Path, output: Path, *more: str) -> Seen:
    """A command of the bundle as one types it."""
    configs = {
        "training": f"{BUNDLE}/configs/train.json",
        "evaluating": f"['{BUNDLE}/configs/train.json','{BUNDLE}/configs/evaluate.json']",
        "inference": f"{BUNDLE}/configs/inference.json",
    }
    words = ["python", "-m", "monai.bundle", "run", command, "--config_file", configs[command]]
    words += ["--bundle_root", str(BUNDLE), "--dataset_dir", str(data), "--output_dir", str(output), "--device", "cpu"]
    return run_here([*words, *more], output.parent)


def clusters_in(folder: Path) -> list[str]:
    with (folder / "clusters.csv").open(newline="") as file:
        return [row["cluster"] for row in csv.DictReader(file)]


def write_tables(folder: Path, kinds: int, each: int = 6, *, first: int = 1, seed: int = 0) -> Path:
    """Key points of several kinds, each at a distance and a height of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    ids = [100 * (first + kind) + n for kind in range(kinds) for n in range(each)]
    rows = []
    for one in ids:
        place = np.clip(rng.normal(0.15 * (one // 100 % 6) + 0.1, 0.02, 10), 0, 1)
        rows.append(np.column_stack([rng.uniform(0, 360, 10), np.zeros(10), place, rng.uniform(0.3, 0.9, 10)]))
    points, owners = np.concatenate(rows).astype(np.float32), np.repeat(ids, 10)
    np.savez(
        folder / "points.npz", features=points, features_id=owners, candidates=points, candidates_id=owners,
        columns=np.array(COLUMNS), ids=np.array(ids), classes=np.array(ids) // 100,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``seen`` and ``unseen`` pictures, ``tables``, and a finished training of each."""
    root = tmp_path_factory.mktemp("stage")
    write_phantoms(root, seen=4, unseen=2, each=5, side=48)
    write_tables(root / "tables", kinds=4)
    for data, output in (("seen", "R"), ("tables", "T")):
        seen = run("training", root / data, root / output, *QUICK)
        assert seen.code == 0, seen.err
    return root


@pytest.fixture
def trained(stage: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stage / "R", tmp_path / "R"))


# ---- key-point tables ------------------------------------------------------------------------------------------------


def test_tables_go_from_training_to_scores_and_clusters(stage: Path, tmp_path: Path) -> None:
    output = Path(shutil.copytree(stage / "T", tmp_path / "T"))
    data = write_tables(tmp_path / "new", kinds=2, first=5, seed=1)
    for command in ("evaluating", INFER):
        seen = run(command, data, output)
        assert seen.code == 0, seen.err
    assert (output / "eval" / "metrics.json").is_file()
    assert len(clusters_in(output)) == 12
    assert Image.open(output / "contact_sheet.png").width > 500


def spoil(key: str, change: Callable[[np.ndarray], object]) -> Callable[[Path], None]:
    """Change one array of a folder's table."""

    def plant(folder: Path) -> None:
        with np.load(folder / "points.npz") as table:
            held = dict(table)
        held[key] = change(held[key])  # type: ignore[assignment]
        np.savez(folder / "points.npz", **held)

    return plant


def not_finite(points: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(points))[:, None] == 3, np.nan, points)


@pytest.mark.parametrize(
    ("plant", "message"),
    [
        (spoil("features", not_finite), "points.npz: object 100: a value of its features is not finite"),
        (spoil("columns", lambda names: names[::-1][:3]), "points.npz: has no angle_deg"),
        (spoil("ids", lambda ids: np.append(ids[1:], 999)), "points.npz: object 999 has no key points"),
        (spoil("ids", lambda ids: np.append(ids[:-1], ids[0])), "100: two objects have this id"),
        (lambda folder: (folder / "points.npz").write_bytes(b"PK torn"), "points.npz: cannot be read as an npz file"),
        (lambda folder: shutil.copy(folder / "points.npz", folder / "again.npz"), "100: two objects have this id"),
    ],
)  # fmt: skip
def test_a_faulty_table_ends_in_one_line(
    stage: Path, tmp_path: Path, plant: Callable[[Path], object], message: str
) -> None:
    data = write_tables(tmp_path / "new", kinds=2, first=1)
    plant(data)
    check_refused(run(INFER, data, Path(shutil.copytree(stage / "T", tmp_path / "T"))), message)


def check_refused(seen: Seen, message: str) -> None:
    assert seen.code == 1
    assert "Traceback" not in seen.err + seen.out
    assert message in seen.message
    assert len(seen.message.splitlines()) == 1


# ---- pictures --------------------------------------------------------------------------------------------------------


def black(folder: Path) -> None:
    Image.fromarray(np.zeros((40, 40, 3), dtype=np.uint8)).save(folder / "bad.png")


def speck(folder: Path) -> None:
    pixels = np.zeros((40, 40, 3), dtype=np.uint8)
    pixels[20, 20] = 255
    Image.fromarray(pixels).save(folder / "bad.png")


def with_nan(folder: Path) -> None:
    pixels = np.random.default_rng(0).random((40, 40, 3)).astype(np.float32)
    pixels[3, 3, 0] = np.nan
    tifffile.imwrite(folder / "bad.tif", pixels, photometric="rgb")


def same_name(folder: Path) -> None:
    tifffile.imwrite(folder / f"{first_of(folder).stem}.tif", np.array(Image.open(first_of(folder))), photometric="rgb")


def grey(folder: Path) -> None:
    Image.open(first_of(folder)).convert("L").save(folder / "bad.png")


def torn(folder: Path) -> None:
    (folder / "bad.png").write_bytes(first_of(folder).read_bytes()[:200])


def other_size(folder: Path) -> None:
    tifffile.imwrite(folder / f"{first_of(folder).stem}_objects.tif", np.ones((7, 9), dtype=np.uint8))


def no_outline(folder: Path) -> None:
    tifffile.imwrite(folder / f"{first_of(folder).stem}_objects.tif", np.zeros((48, 48), dtype=np.uint8))


def two_kinds(folder: Path) -> None:
    write_tables(folder, kinds=1)


def emptied(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def first_of(folder: Path) -> Path:
    return sorted(folder.glob("*.png"))[0]


@pytest.mark.parametrize(
    ("plant", "message"),
    [
        (black, "bad.png: is empty, all pixels are equal; remove it"),
        (speck, "bad.png: no object is found; set objects.area to whole, or remove it"),
        (with_nan, "bad.tif: has values that are not finite"),
        (same_name, "another file has the name 500 too, which is the object's id; rename one"),
        (grey, "bad: has 1 channel(s), but 500 has 3 channel(s); keep them in separate folders"),
        (torn, "bad.png: cannot be read as a picture"),
        (other_size, "500_objects.tif: has the size (7, 9), 500.png has (48, 48); they must agree"),
        (no_outline, "500_objects.tif: should hold an integer above 0 for each object, 0 elsewhere"),
        (two_kinds, "holds pictures and key points; keep them in separate folders"),
        (emptied, "holds no picture"),
        (shutil.rmtree, "there is no such folder"),
    ],
)
def test_a_faulty_folder_ends_in_one_line_and_leaves_no_clusters(
    stage: Path, trained: Path, tmp_path: Path, plant: Callable[[Path], None], message: str
) -> None:
    data = Path(shutil.copytree(stage / "unseen", tmp_path / "data"))
    plant(data)
    check_refused(run(INFER, data, trained), message)
    assert not (trained / "clusters.csv").exists()


LABELS = {
    "an id twice": ("id,class\n100,a\n100,b\n", "labels.csv: the id '100' stands twice; keep one of the rows"),
    "an unknown id": ("id,class\n7,a\n", "labels.csv: gives a class to '7', but there is no such object"),
    "no class column": ("id,kind\n100,a\n", "labels.csv: has the columns id, kind; it needs id and class"),
    "one class": ("id,class\n100,a\n101,a\n102,a\n103,a\n104,a\n", "labels.csv: 1 of 1 classes have two training"),
    "no class at all": ("id,class\n", "labels.csv: gives no class to any object"),
}


@pytest.mark.parametrize("name", LABELS)
def test_faulty_classes_end_a_training_in_one_line_and_leave_no_run(stage: Path, tmp_path: Path, name: str) -> None:
    data = Path(shutil.copytree(stage / "seen", tmp_path / "data"))
    text, message = LABELS[name]
    (data / "labels.csv").write_text(text)
    check_refused(run("training", data, tmp_path / "N", *QUICK), message)
    assert not (tmp_path / "N" / "run.json").exists()


# ---- trivial answers -------------------------------------------------------------------------------------------------


def test_one_picture_is_one_cluster_and_two_sizes_are_clustered(trained: Path, tmp_path: Path) -> None:
    data, rng = tmp_path / "data", np.random.default_rng(0)
    data.mkdir()
    kind = draw_kind(rng)
    Image.fromarray(phantom_picture(kind, rng, 48)).save(data / "a.png")
    assert run(INFER, data, trained).code == 0
    assert clusters_in(trained) == ["1"]
    Image.fromarray(phantom_picture(kind, rng, 90)).save(data / "b.png")
    assert run(INFER, data, trained).code == 0
    assert len(clusters_in(trained)) == 2


def with_bias(model: ClusteringModel, bias: float) -> ClusteringModel:
    """The same model with every zero so far away that all pairs are above it, or below."""
    for variant in model.variants.values():
        for kind, chosen in variant.zeros.items():
            variant.zeros[kind] = replace(chosen, zero=replace(chosen.zero, bias=bias))
    return model


@pytest.mark.parametrize(
    ("bias", "wanted", "said"), [(1e3, 10, "Each object is a cluster"), (-1e3, 1, "All objects are")]
)
def test_pairs_of_one_sign_leave_every_object_alone_or_all_together(
    stage: Path, trained: Path, bias: float, wanted: int, said: str
) -> None:
    model, description = load_model(trained / "models")
    more = {
        key: description[key] for key in ("objects", "seed", "trained_on", "fingerprint", "object_kind", "versions")
    }
    save_model(with_bias(model, bias), trained / "models", more=more)
    assert run(INFER, stage / "unseen", trained).code == 0
    assert len(set(clusters_in(trained))) == wanted
    assert said in (trained / "report.html").read_text()
