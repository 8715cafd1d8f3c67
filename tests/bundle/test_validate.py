"""A bundle is told which key is missing or wrong, and nothing else."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from cladeseg.bundle import validate_parts
from cladeseg.bundle.problem import Problem
from cladeseg.bundle.validate import validate_bundle
from cladeseg.files import DataError
from cladeseg.segmentation.workflow.trained import store_weights
from cladeseg.taxonomy import Taxonomy

REPOSITORY = Path(__file__).parents[2]
BUNDLES = sorted(file.parents[1] for file in REPOSITORY.glob("bundles/*_subclass_segmentation/configs/metadata.json"))
METADATA, INFERENCE, TRAIN = "configs/metadata.json", "configs/inference.json", "configs/train.json"
PRED = "network_data_format#outputs#pred"


def copy_of(bundle: Path, target: Path) -> Path:
    """A bundle as its repository ships it, without what a person at work may have promoted or run in it."""
    for name in ("configs", "docs"):
        shutil.copytree(bundle / name, target / name)
    shutil.copy(bundle / "LICENSE", target)
    change(target, METADATA, lambda metadata: metadata.pop("weights", None))
    return target


def change(bundle: Path, file: str, edit: Any) -> None:
    content = json.loads((bundle / file).read_text(encoding="utf-8"))
    edit(content)
    (bundle / file).write_text(json.dumps(content), encoding="utf-8")


def at(content: Any, key: str) -> tuple[Any, Any]:
    """The container and the last part of ``a#b#0``."""
    *parents, last = [int(part) if part.isdigit() and part != "0" else part for part in key.split("#")]
    for parent in parents:
        content = content[parent]
    return content, last


def set_to(key: str, value: Any) -> Any:
    def edit(content: Any) -> None:
        parent, last = at(content, key)
        parent[last] = value

    return edit


def without(key: str) -> Any:
    def edit(content: Any) -> None:
        parent, last = at(content, key)
        del parent[last]

    return edit


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the ACDC bundle with a network that is built in no time."""
    copy = copy_of(BUNDLES[0], tmp_path / "bundle")
    change(copy, TRAIN, set_to("settings#network#filters", 4))
    return copy


def test_a_bundle_of_tables_needs_no_network_but_its_commands(tmp_path: Path) -> None:
    copy = copy_of(REPOSITORY / "bundles" / "omics_subtype_classification", tmp_path / "bundle")
    assert validate_bundle(copy) == []
    change(copy, TRAIN, without("plan"))
    assert {(problem.file, problem.key) for problem in validate_bundle(copy)} >= {(TRAIN, "plan")}


def places(bundle: Path) -> list[tuple[str, str]]:
    problems = validate_bundle(bundle)
    assert all(problem.what and problem.fix for problem in problems)
    return [(problem.file, problem.key) for problem in problems]


# ---- sound -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shipped", BUNDLES, ids=lambda path: path.name)
def test_our_bundles_are_sound(shipped: Path, tmp_path: Path) -> None:
    assert validate_bundle(copy_of(shipped, tmp_path / "bundle")) == []


def test_a_bundle_without_a_tree_needs_its_commands_all_the_same(tmp_path: Path) -> None:
    copy = copy_of(REPOSITORY / "bundles" / "organoid_clustering", tmp_path / "bundle")
    config = json.loads((copy / INFERENCE).read_text(encoding="utf-8"))
    del config["inference"], config["network_def"]
    (copy / INFERENCE).write_text(json.dumps(config), encoding="utf-8")
    assert {problem.key for problem in validate_bundle(copy)} == {"inference", "network_def"}


def test_a_bundle_is_checked_from_any_folder_and_without_anybodys_run(
    bundle: Path, acdc_tree: Taxonomy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "cwd" / json.loads((bundle / INFERENCE).read_text(encoding="utf-8"))["output_dir"]
    nonsense: dict[str, Any] = {"network": {"head": "nonsense"}, "inference": {}, "validation": {}}
    store_weights({"a": torch.zeros(1)}, run / "models", **nonsense, taxonomy=acdc_tree)
    monkeypatch.chdir(tmp_path / "cwd")
    assert validate_bundle("../bundle") == []


# ---- one thing missing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [METADATA, INFERENCE, TRAIN, "LICENSE", "docs/README.md", "docs/data_license.txt"])
def test_a_missing_file_is_named(bundle: Path, file: str) -> None:
    (bundle / file).unlink()
    assert places(bundle) == [(file, "")]


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_config_that_is_no_object_is_named(bundle: Path, text: str) -> None:
    (bundle / TRAIN).write_text(text)
    assert places(bundle) == [(TRAIN, "")]


@pytest.mark.parametrize(
    "key",
    [
        "bundle_root",
        "device",
        "dataset_dir",
        "dataset",
        "dataset#data",
        "preprocessing",
        "postprocessing",
        "inferer",
        "network_def",
        "network",
        "evaluator",
        "handlers",
        "run",
        "inference",
        "taxonomy",
        "label_convention",
        "model",  # nobody's rule asks for it, but preprocessing refers to it
    ],
)
def test_a_missing_key_of_inference_is_named(bundle: Path, key: str) -> None:
    change(bundle, INFERENCE, without(key))
    assert places(bundle) == [(INFERENCE, key)]


@pytest.mark.parametrize(
    "key",
    [
        "bundle_root",
        "device",
        "dataset_dir",
        "network_def",
        "network",
        "run",
        "training",
        "train#trainer",
        "train#trainer#max_epochs",
        "train#dataset#data",
        "train#handlers",
        "validate#dataset#data",
        "settings",
    ],
)
def test_a_missing_key_of_training_is_named(bundle: Path, key: str) -> None:
    change(bundle, TRAIN, without(key))
    assert (TRAIN, key) in places(bundle)
    assert len([place for place in places(bundle) if place[0] == TRAIN]) == 1


@pytest.mark.parametrize(
    "key",
    [
        "version",
        "changelog",
        "schema",
        "monai_version",
        "network_data_format",
        "network_data_format#inputs#image",
        f"{PRED}#channel_def",
        f"{PRED}#num_channels",
    ],
)
def test_a_missing_key_of_the_metadata_is_named(bundle: Path, key: str) -> None:
    change(bundle, METADATA, without(key))
    assert places(bundle) == [(METADATA, key)]


def test_a_version_without_a_word_on_it_is_named(bundle: Path) -> None:
    change(bundle, METADATA, set_to("version", "9.9.9"))
    assert places(bundle) == [(METADATA, "changelog")]


# ---- one thing wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [INFERENCE, TRAIN])
@pytest.mark.parametrize("value", ["$1 + 1", "https://example.org/x", "../x.json", "/tmp/x", "%other.json::network"])
def test_what_an_audit_would_refuse_is_named_and_nothing_is_built(
    bundle: Path, file: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate_parts, "ConfigParser", None)
    change(bundle, file, set_to("planted", value))
    assert places(bundle) == [(file, "planted")]


def test_a_target_outside_is_not_built(bundle: Path, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    change(bundle, INFERENCE, set_to("inferer", {"_target_": "os.mkdir", "path": "witness"}))
    assert places(bundle) == [(INFERENCE, "inferer#_target_")]
    assert not witness.exists()


def test_a_linked_config_is_not_built(bundle: Path, tmp_path: Path) -> None:
    (bundle / INFERENCE).rename(tmp_path / "inference.json")
    (bundle / INFERENCE).symlink_to(tmp_path / "inference.json")
    assert places(bundle) == [(INFERENCE, "")]


def test_weights_that_disagree_with_their_record_are_named(bundle: Path) -> None:
    (bundle / "models").mkdir()
    (bundle / "models" / "model.pt").write_bytes(b"x")
    assert places(bundle) == [("models/model.pt", "")]


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        (METADATA, f"{PRED}#channel_def#1", "left_ear"),
        (INFERENCE, "label_convention", "brats77"),
        (INFERENCE, "preprocessing#use", ["flair"]),
        (INFERENCE, "taxonomy#path", "configs/none.json"),
        (INFERENCE, "network", {"_target_": "torch.nn.ReLU6", "wrong": 1}),
        (TRAIN, "network", {"_target_": "torch.device", "type": "cpu"}),
    ],
)
def test_a_wrong_value_is_named(bundle: Path, file: str, key: str, value: Any) -> None:
    change(bundle, file, set_to(key, value))
    (found,) = places(bundle)
    assert found[0] == file
    assert key.startswith(found[1])


def test_a_network_of_other_channels_than_leaves_is_named(bundle: Path) -> None:
    channels = {str(i): f"c{i}" for i in range(7)}
    change(bundle, METADATA, set_to(f"{PRED}#num_channels", 7))
    change(bundle, METADATA, set_to(f"{PRED}#channel_def", channels))
    found = set(places(bundle))
    assert {(METADATA, f"{PRED}#num_channels"), (METADATA, f"{PRED}#channel_def")} <= found
    assert found <= {(METADATA, f"{PRED}#num_channels"), (METADATA, f"{PRED}#channel_def")} | {
        (file, "network_def") for file in (INFERENCE, TRAIN)
    }


LISTED = [
    {"_target_": "Activationsd", "keys": "pred", "softmax": True},
    {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "image"},
    {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
]


def test_postprocessing_without_invertd_is_named(bundle: Path) -> None:
    """The fault that makes MONAI Label answer 200 with wrong masks; transforms may be listed by hand."""
    change(bundle, INFERENCE, set_to("postprocessing", {"_target_": "Compose", "transforms": LISTED}))
    assert places(bundle) == []
    change(bundle, INFERENCE, set_to("postprocessing", {"_target_": "Compose", "transforms": LISTED[::2]}))
    assert places(bundle) == [(INFERENCE, "postprocessing")]
    assert "Invertd" in validate_bundle(bundle)[0].fix
    change(bundle, INFERENCE, set_to("postprocessing", LISTED[::2]))
    assert places(bundle) == [(INFERENCE, "postprocessing")]


def test_preprocessing_that_does_not_load_first_is_named(bundle: Path) -> None:
    load, cast = {"_target_": "LoadImaged", "keys": "image"}, {"_target_": "CastToTyped", "keys": "image"}
    change(bundle, INFERENCE, set_to("preprocessing", {"_target_": "Compose", "transforms": [cast, load]}))
    assert places(bundle) == [(INFERENCE, "preprocessing")]
    change(bundle, INFERENCE, set_to("preprocessing", {"_target_": "Compose", "transforms": [load, cast]}))
    assert places(bundle) == []


# ---- what comes out --------------------------------------------------------------------------------------------------


def test_a_problem_reads_as_one_line() -> None:
    assert str(Problem(TRAIN, "train#handlers", "is missing", "add it")) == (
        "configs/train.json: train#handlers: is missing; add it"
    )
    assert str(Problem("LICENSE", "", "is missing", "add it")) == "LICENSE: is missing; add it"


def test_a_missing_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"^{tmp_path / 'none'}: no such folder"):
        validate_bundle(tmp_path / "none")


@pytest.fixture(autouse=True)
def quiet() -> None:
    """MONAI logs its arguments at each check."""
    logging.getLogger("monai").setLevel(logging.ERROR)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("settings#data#spacing", "much", 'settings#data#spacing: "much" does not fit'),
        ("settings#mix#wieght", 1, "did you mean settings#mix#weight"),
        ("epochs", 0, "settings#epochs: 0 does not fit"),
    ],
)
def test_a_setting_that_does_not_exist_or_fit_is_named_once(bundle: Path, key: str, value: Any, said: str) -> None:
    change(bundle, TRAIN, set_to(key, value))
    (problem,) = validate_bundle(bundle)
    assert (problem.file, problem.key) == (TRAIN, "plan")
    assert said in problem.what
