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
from cladeseg.bundle.settings import flat
from cladeseg.segmentation.workflow import TrainingSettings, bundle_plan
from cladeseg.segmentation.workflow.new_bundle import TEMPLATE
from cladeseg.segmentation.workflow.settings import TOP_LEVEL
from cladeseg.taxonomy import load_taxonomy

BUNDLES = sorted(
    path.parent.parent for path in REPOSITORY.glob("bundles/*_subclass_segmentation/configs/metadata.json")
)
CONFIGS = sorted(file for bundle in BUNDLES for file in (bundle / "configs").glob("*.json"))
METADATA = "configs/metadata.json"
SCHEMA = REPOSITORY / "src" / "cladeseg" / "bundle" / "metadata_schema.json"
#: The label convention of a bundle's masks, which ``channel_def`` describes.
MASKS = {"acdc": "acdc", "brats": "brats23", "hippocampus": "msd", "myops": "myops"}


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


def test_inference_without_weights_takes_the_bundles_own_settings(bundle: Path, tmp_path: Path) -> None:
    """Nothing of the training is written a second time into the inference config."""
    inference, plan = config(bundle, INFERENCE), bundle_plan(bundle)
    inference["output_dir"], inference["weights"] = str(tmp_path), str(tmp_path / "no_weights.pt")
    model = inference.get_parsed_content("model")
    assert {"network": model.network, **{key: getattr(model, key) for key in plan.inference}} == {
        "network": plan.network,
        **plan.inference,
    }
    assert inference.get_parsed_content("taxonomy") == plan.taxonomy


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
    return [place for name in names for place in difference(one.get(name), other.get(name), (), f"{where}/{name}")]


def plain_values(content: dict[str, Any]) -> set[str]:
    """Top-level keys that a user sets."""
    components = {key for key, value in content.items() if isinstance(value, dict) and "_target_" in value}
    return set(content) - {"train", "validate", "initialize", "run"} - components


@pytest.mark.parametrize("name", ["train.json", "evaluate.json", "inference.json"])
def test_a_bundle_is_the_template_with_other_values(bundle: Path, name: str) -> None:
    """What bundles share lives in the package; ``cladeseg new-bundle`` writes it."""
    template, own = json_of(TEMPLATE / name), json_of(bundle / "configs" / name)
    assert list(template) == list(own)
    assert difference(template, own, plain_values(template)) == []


def test_a_training_config_has_every_group_and_no_default(bundle: Path) -> None:
    """Every group, so that an overlay or a command line may write into it; no default, so that it stands once."""
    settings = json_of(bundle / TRAIN)["settings"]
    groups = [name for name, value in TrainingSettings().model_dump().items() if isinstance(value, dict)]
    assert [name for name in settings if name != "method"] == groups
    defaults = flat(TrainingSettings().model_dump(mode="json"))
    del settings["method"]
    assert [name for name, value in flat(settings).items() if defaults[name] == value] == []


def test_a_training_config_is_short(bundle: Path) -> None:
    assert len((bundle / TRAIN).read_text(encoding="utf-8").splitlines()) <= 80


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


def test_every_top_level_value_of_the_training_reaches_its_plan(bundle: Path) -> None:
    """A training setting that a resume does not compare would make a resumed training another one in silence."""
    content = json_of(bundle / TRAIN)
    assert set(TOP_LEVEL) <= set(content)
    passed = set(content["plan"].values())
    assert {key for key in plain_values(content) if f"@{key}" not in passed} == {"training"}
