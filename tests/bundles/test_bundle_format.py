"""Every bundle keeps MONAI's bundle format, its configs agree, and it holds nothing but what tells it from others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import monai.bundle
import pytest
from bundle_runs import INFERENCE, REPOSITORY, TRAIN, json_of
from monai.bundle import ConfigParser

from cladeseg.bundle.config_text import config_text
from cladeseg.segmentation.workflow.new_bundle import TEMPLATE
from cladeseg.taxonomy import load_taxonomy

BUNDLES = sorted(path.parent.parent for path in REPOSITORY.glob("bundles/*/configs/metadata.json"))
CONFIGS = sorted(file for bundle in BUNDLES for file in (bundle / "configs").glob("*.json"))
METADATA = "configs/metadata.json"
SCHEMA = REPOSITORY / "src" / "cladeseg" / "bundle" / "metadata_schema.json"
#: Keys below which bundles may differ; everything else is the template's.
VALUES = {"network_options": {"in_channels", "kernels", "strides"}, "preprocessing": {"intensity"}}
#: The label convention of a bundle's masks, which ``channel_def`` describes.
MASKS = {"acdc": "acdc", "brats": "brats23", "hippocampus": "msd"}


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY / "bundles").as_posix().replace("_subclass_segmentation", "")


@pytest.fixture(params=BUNDLES, ids=name_of)
def bundle(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each bundle in turn, as working directory."""
    monkeypatch.chdir(request.param)
    return request.param


def config(bundle: Path, name: str) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config(str(bundle / name))
    parser["bundle_root"] = str(bundle)
    return parser


@pytest.mark.usefixtures("bundle")
def test_metadata_is_verified_offline() -> None:
    monai.bundle.verify_metadata(meta_file=METADATA, filepath=str(SCHEMA))


def test_metadata_with_a_fault_is_not_verified(bundle: Path, tmp_path: Path) -> None:
    metadata = json_of(bundle / METADATA)
    del metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    (tmp_path / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    with pytest.raises(ValueError, match="channel_def"):
        monai.bundle.verify_metadata(meta_file=str(tmp_path / "metadata.json"), filepath=str(SCHEMA))


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize("file", [INFERENCE, TRAIN])
def test_the_network_keeps_the_declared_shapes(file: str) -> None:
    monai.bundle.verify_net_in_out(net_id="network_def", meta_file=METADATA, config_file=file, device="cpu")


def test_another_number_of_channels_is_noticed(bundle: Path, tmp_path: Path) -> None:
    metadata = json_of(bundle / METADATA)
    metadata["network_data_format"]["outputs"]["pred"]["num_channels"] = 7
    (tmp_path / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    with pytest.raises(ValueError, match="7"):
        monai.bundle.verify_net_in_out(
            net_id="network_def", meta_file=str(tmp_path / "metadata.json"), config_file=INFERENCE, device="cpu"
        )


@pytest.mark.parametrize("key", ["network_options", "spacing", "patch_size", "channels", "taxonomy"])
def test_training_and_inference_agree_on(bundle: Path, key: str, tmp_path: Path) -> None:
    inference, training = config(bundle, INFERENCE), config(bundle, TRAIN)
    inference["output_dir"] = training["output_dir"] = str(tmp_path)
    inference["weights"] = str(tmp_path / "no_weights.pt")
    assert inference.get_parsed_content(key) == training.get_parsed_content(key)


def test_training_and_inference_prepare_images_alike(bundle: Path) -> None:
    inference, training = (
        config(bundle, file)[key] for file, key in ((INFERENCE, "preprocessing"), (TRAIN, "train#preprocessing"))
    )
    ours = {key for key in training if key in inference}
    assert {key: inference[key] for key in ours} == {key: training[key] for key in ours}
    assert set(training) - ours == {"taxonomy", "label_convention"}
    assert set(inference) - ours == {"use"}


def test_channel_def_maps_the_integers_of_masks_to_leaves(bundle: Path) -> None:
    """MONAI Label takes a channel's key for the label's value."""
    tree = load_taxonomy(bundle / "configs" / "taxonomy.json")
    channels = json_of(bundle / METADATA)["network_data_format"]["outputs"]["pred"]["channel_def"]
    values = tree.values(MASKS[name_of(bundle)])
    assert {int(value): name for value, name in channels.items()} == {v: tree.names[n] for v, n in values.items()}
    assert set(channels.values()) == set(tree.leaf_names)
    assert config(bundle, INFERENCE)["label_convention"] == MASKS[name_of(bundle)]


def difference(one: Any, other: Any, allowed: Any, where: str = "") -> list[str]:
    """Places at which two configs differ, other than in plain values at the top and in what ``allowed`` names."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return [] if one == other else [where]
    names = [*one, *(key for key in other if key not in one)]
    names = [name for name in names if name not in allowed]
    return [
        place
        for name in names
        for place in difference(one.get(name), other.get(name), VALUES.get(name, ()), f"{where}/{name}")
    ]


def plain_values(content: dict[str, Any]) -> set[str]:
    """Top-level keys that a user sets."""
    sections = {"network_options", "settings", "train", "validate", "initialize", "run"}
    components = {key for key, value in content.items() if isinstance(value, dict) and "_target_" in value}
    return set(content) - sections - components


@pytest.mark.parametrize("name", ["train.json", "evaluate.json", "inference.json"])
def test_a_bundle_is_the_template_with_other_values(bundle: Path, name: str) -> None:
    """What bundles share lives in the package; ``cladeseg new-bundle`` writes it."""
    template, own = json_of(TEMPLATE / name), json_of(bundle / "configs" / name)
    defaults = {"patch_size", "spacing", "network_options"} if name == "inference.json" else set()
    assert list(template) == list(own)
    assert difference(template, own, plain_values(template) | defaults) == []


@pytest.mark.parametrize("name", ["train.json", "evaluate.json", "inference.json", "metadata.json"])
def test_a_config_is_laid_out_as_new_bundle_writes_it(bundle: Path, name: str) -> None:
    file = bundle / "configs" / name
    assert file.read_text(encoding="utf-8") == config_text(json_of(file))


def test_inference_runs_where_expressions_are_switched_off(bundle: Path) -> None:
    assert "$" not in (bundle / INFERENCE).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", CONFIGS, ids=name_of)
def test_no_config_holds_a_lambda(file: Path) -> None:
    assert re.findall(r"\blambda\b", file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", CONFIGS, ids=name_of)
def test_no_config_names_a_folder_of_one_machine(file: Path) -> None:
    assert re.findall(r'"(/|~|[A-Z]:\\)[^"]*"', file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("key", ["training", "evaluating", "inference"])
def test_the_commands_keys_are_there(bundle: Path, key: str) -> None:
    file = {"training": TRAIN, "evaluating": "configs/evaluate.json", "inference": INFERENCE}[key]
    assert json_of(bundle / file)[key] == "%run"


def test_every_override_of_the_training_decides_the_recorded_settings(bundle: Path) -> None:
    """A training setting that a resume does not compare would make a resumed training another one in silence."""
    content = json_of(bundle / TRAIN)
    plain = {key for key, value in content.items() if not (isinstance(value, dict) and "_target_" in value)}
    parts = ("settings", "network_options", "datalist", "resolve_run_convention")
    text = "".join(json.dumps(content[part]) for part in parts)
    recorded = {key for key in plain if f'"@{key}"' in text}
    # Where files are, how long and how fast: none of them changes what a step does.
    free = {"bundle_root", "output_dir", "device", "epochs", "stop_after", "resume", "promote", "num_workers"}
    free |= {"cache_gigabytes", "validation_interval", "dataset_dir", "allow_missing_labels", "channels"}
    sections = {"settings", "network_options", "train", "validate", "initialize", "run", "training"}
    assert plain - recorded - free - sections == set()
