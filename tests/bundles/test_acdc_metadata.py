"""The ACDC bundle keeps MONAI's bundle format, and its configs do not contradict each other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import monai.bundle
import numpy as np
import pytest
from bundle_runs import ACDC, INFERENCE, REPOSITORY, TRAIN, json_of
from monai.bundle import ConfigParser

from cladeseg.taxonomy import load_taxonomy

CONFIGS = sorted((ACDC / "configs").glob("*.json"))
METADATA = "configs/metadata.json"
INTENSITY = (
    "LoadImaged",
    "CheckImaged",
    "OrientSlicesLastd",
    "Spacingd",
    "ClipIntensityPercentilesd",
    "NormalizeIntensityd",
)


@pytest.fixture
def in_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ACDC)


def config(name: str) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config(str(ACDC / name))
    parser["bundle_root"] = str(ACDC)
    return parser


@pytest.mark.usefixtures("in_bundle")
def test_metadata_is_verified_offline() -> None:
    schema = REPOSITORY / "src" / "cladeseg" / "bundle" / "metadata_schema.json"
    monai.bundle.verify_metadata(meta_file=METADATA, filepath=str(schema))


@pytest.mark.usefixtures("in_bundle")
def test_metadata_with_a_fault_is_not_verified(tmp_path: Path) -> None:
    schema = REPOSITORY / "src" / "cladeseg" / "bundle" / "metadata_schema.json"
    metadata = json_of(ACDC / METADATA)
    del metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    (tmp_path / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    with pytest.raises(ValueError, match="channel_def"):
        monai.bundle.verify_metadata(meta_file=str(tmp_path / "metadata.json"), filepath=str(schema))


@pytest.mark.usefixtures("in_bundle")
@pytest.mark.parametrize("file", [INFERENCE, TRAIN])
def test_the_network_keeps_the_declared_shapes(file: str) -> None:
    monai.bundle.verify_net_in_out(net_id="network_def", meta_file=METADATA, config_file=file, device="cpu")


@pytest.mark.usefixtures("in_bundle")
def test_another_number_of_channels_is_noticed(tmp_path: Path) -> None:
    metadata = json_of(ACDC / METADATA)
    metadata["network_data_format"]["outputs"]["pred"]["num_channels"] = 5
    (tmp_path / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    with pytest.raises(ValueError, match="5"):
        monai.bundle.verify_net_in_out(
            net_id="network_def", meta_file=str(tmp_path / "metadata.json"), config_file=INFERENCE, device="cpu"
        )


@pytest.mark.parametrize("key", ["network_options", "spacing", "patch_size", "dialect", "taxonomy"])
def test_training_and_inference_agree_on(key: str, tmp_path: Path) -> None:
    inference, training = config(INFERENCE), config(TRAIN)
    inference["output_dir"] = training["output_dir"] = str(tmp_path)
    inference["weights"] = str(tmp_path / "no_weights.pt")
    assert inference.get_parsed_content(key) == training.get_parsed_content(key)


def test_training_and_inference_prepare_images_alike() -> None:
    def steps(file: str, where: str) -> list[dict[str, Any]]:
        listed = [dict(step) for step in config(file)[where]["transforms"]]
        for step in listed:
            step["_target_"] = step["_target_"].split(".")[-1]
            for name in ("keys", "mode"):  # the image alone, or with its node map
                step[name] = step[name][0] if isinstance(step.get(name), list) else step.get(name)
        return [step for step in listed if step["_target_"] in INTENSITY]

    inference = steps(INFERENCE, "preprocessing")
    assert [step["_target_"] for step in inference] == list(INTENSITY)
    assert inference == steps(TRAIN, "train#preprocessing")
    windows = [config(file)[key] for file, key in ((INFERENCE, "inferer"), (TRAIN, "validate#inferer"))]
    for window in windows:
        window["overlap"] = {"@overlap": config(INFERENCE)["overlap"]}.get(window["overlap"], window["overlap"])
    assert windows[0] == windows[1]


def test_channels_are_the_leaves_of_the_tree_in_order() -> None:
    tree = load_taxonomy(ACDC / "configs" / "taxonomy.json")
    channels = json_of(ACDC / METADATA)["network_data_format"]["outputs"]["pred"]["channel_def"]
    assert list(channels.values()) == list(tree.names[: tree.num_leaves])
    values = tree.from_nodes(np.arange(tree.num_leaves, dtype=np.uint8), "acdc")
    assert [int(channel) for channel in channels] == values.tolist(), (
        "MONAI Label takes a channel's index for its value"
    )


def test_inference_runs_where_expressions_are_switched_off() -> None:
    assert "$" not in (ACDC / INFERENCE).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_no_config_holds_a_lambda(file: Path) -> None:
    assert re.findall(r"\blambda\b", file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_no_config_names_a_folder_of_one_machine(file: Path) -> None:
    assert re.findall(r'"(/|~|[A-Z]:\\)[^"]*"', file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("key", ["training", "evaluating", "inference"])
def test_the_commands_keys_are_there(key: str) -> None:
    file = {"training": TRAIN, "evaluating": "configs/evaluate.json", "inference": INFERENCE}[key]
    assert json_of(ACDC / file)[key] == "%run"


def test_every_override_of_the_training_decides_the_recorded_settings() -> None:
    """A training setting that a resume does not compare would make a resumed training another one in silence."""
    content = json_of(ACDC / TRAIN)
    plain = {key for key, value in content.items() if not (isinstance(value, dict) and "_target_" in value)}
    text = json.dumps(content["settings"]) + json.dumps(content["network_options"]) + json.dumps(content["datalist"])
    recorded = {key for key in plain if f'"@{key}"' in text}
    # Where files are, how long and how fast: none of them changes what a step does.
    free = {"bundle_root", "output_dir", "device", "epochs", "stop_after", "resume", "promote", "num_workers"}
    free |= {"cache_gigabytes", "validation_interval", "dataset_dir", "allow_missing_labels"}
    sections = {"settings", "network_options", "train", "validate", "initialize", "run", "training"}
    assert plain - recorded - free - sections == set()
