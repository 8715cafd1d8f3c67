"""Which weights a command uses, and what it must know about them."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from cladeseg.bundle.trained_tree import tree_record
from cladeseg.bundle.weights_record import digest_of, sha256_of, with_own_sha256
from cladeseg.files import DataError, read_json, write_json
from cladeseg.segmentation.engines import load_weights
from cladeseg.segmentation.workflow import find_weights, network_from, trained, trained_model
from cladeseg.segmentation.workflow.inference import model_network
from cladeseg.segmentation.workflow.trained import find_bundle_weights, store_weights
from cladeseg.taxonomy import Node, Taxonomy

SAFE, PICKLED = "model.safetensors", "model.pt"
ACDC = Path(__file__).parents[3] / "bundles" / "acdc_subclass_segmentation"
NETWORK: dict[str, Any] = {"filters": [4, 4, 8], "kernels": [3, 3, 3], "strides": [1, 2, 2], "seed": 0}


def write_weights(
    folder: Path, description: dict[str, Any] | None = None, *, names: tuple[str, ...] = (PICKLED,)
) -> Path:
    """Files that nobody opens, with their record unless ``description`` is ``None``; gives ``model.pt``."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(f"weights of {folder.parent.name}")
    if description is not None:
        hashes = {name: sha256_of(folder / name) for name in names}
        (folder / "model.json").write_text(json.dumps(with_own_sha256({"sha256": hashes, **description})))
    return folder / PICKLED


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def list_in_metadata(bundle: Path, hashes: Any) -> Path:
    (bundle / "configs").mkdir(parents=True, exist_ok=True)
    (bundle / "configs" / "metadata.json").write_text(json.dumps({"weights": hashes}))
    return bundle / "configs" / "metadata.json"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle with both weight files, recorded in both places."""
    root = tmp_path / "bundle"
    write_weights(root / "models", {}, names=(SAFE, PICKLED))
    list_in_metadata(root, {name: sha256_of(root / "models" / name) for name in (SAFE, PICKLED)})
    return root


# ---- which weights ---------------------------------------------------------------------------------------------------


def test_named_weights_come_first_then_the_runs_own_then_the_bundles(tmp_path):
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    promoted = write_weights(bundle / "models", {})
    assert find_weights(run, bundle) == promoted
    own = write_weights(run / "models", {})
    assert find_weights(run, bundle) == own
    assert find_weights(run, bundle, "elsewhere/model.pt") == Path("elsewhere/model.pt")


def test_safetensors_are_preferred_beside_named_and_found_weights(tmp_path, bundle):
    models = bundle / "models"
    assert find_weights(tmp_path / "run", bundle) == find_bundle_weights(bundle) == models / SAFE
    assert find_weights(tmp_path / "run", bundle, models / PICKLED) == models / SAFE
    assert find_weights(tmp_path / "run", bundle, models / SAFE) == models / SAFE
    (models / PICKLED).unlink()
    assert find_weights(tmp_path / "run", bundle) == models / SAFE
    assert find_weights(tmp_path / "run", bundle, models / PICKLED) == models / PICKLED, "it does not exist: say so"


def test_missing_weights_are_refused_with_every_place_they_were_looked_for(tmp_path):
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    with pytest.raises(DataError) as raised:
        find_weights(run, bundle)
    message = str(raised.value)
    assert message.startswith(f"{run}: no trained weights")
    assert str(run / "models" / "model.pt") in message
    assert str(bundle / "models" / "model.pt") in message
    assert "--weights" in message
    with pytest.raises(DataError, match=rf"^{bundle}: no trained weights: .*{bundle / 'models' / 'model.pt'}"):
        find_bundle_weights(bundle)


def test_best_validation_weights_are_never_chosen_by_themselves(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "best_validation.pt").write_text("")
    with pytest.raises(DataError):
        find_weights(tmp_path, tmp_path / "bundle")


# ---- whose weights, and whole ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("damaged", [SAFE, PICKLED])
@pytest.mark.parametrize("fault", ["flipped", "truncated"])
@pytest.mark.parametrize("named", [False, True])
def test_damaged_weights_are_refused_by_name(tmp_path, bundle, damaged, fault, named):
    path = bundle / "models" / damaged
    if fault == "flipped":
        flip_a_bit(path)
    else:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=rf"^{path}: is damaged .*not opened.* {bundle / 'models' / 'model.json'} says"):
        find_weights(tmp_path / "run", bundle, bundle / "models" / PICKLED if named else None)


@pytest.mark.parametrize("name", [SAFE, PICKLED])
def test_weights_of_another_bundle_are_refused_by_name(tmp_path, bundle, name):
    other = tmp_path / "other"
    write_weights(other / "models", {}, names=(SAFE, PICKLED))
    shutil.copy(other / "models" / name, bundle / "models" / name)
    with pytest.raises(DataError, match=rf"^{bundle / 'models' / name}: .*another model's"):
        find_bundle_weights(bundle)


def test_a_whole_model_folder_of_another_bundle_disagrees_with_the_metadata(tmp_path, bundle):
    other = tmp_path / "other"
    write_weights(other / "models", {}, names=(SAFE, PICKLED))
    shutil.copytree(other / "models", bundle / "models", dirs_exist_ok=True)
    metadata = bundle / "configs" / "metadata.json"
    with pytest.raises(DataError, match=rf"^{bundle / 'models' / SAFE}: is damaged .* {metadata} says"):
        find_bundle_weights(bundle)


def test_found_weights_without_a_record_are_refused_and_named_ones_are_warned_of(tmp_path, caplog):
    path = write_weights(tmp_path / "bundle" / "models")
    with pytest.raises(DataError, match=rf"^{path}: nothing records its sha256"):
        find_weights(tmp_path / "run", tmp_path / "bundle")
    with caplog.at_level(logging.WARNING, logger="cladeseg"):
        assert find_bundle_weights(tmp_path / "bundle", path) == path
    assert f"{path}: nothing records its sha256" in caplog.text


def test_a_recorded_file_is_used_in_silence(tmp_path, bundle, caplog):
    with caplog.at_level(logging.WARNING, logger="cladeseg"):
        find_weights(tmp_path / "run", bundle, bundle / "models" / PICKLED)
    assert caplog.text == ""


def test_a_left_over_twin_without_a_record_is_not_taken_for_the_recorded_weights(tmp_path):
    path = write_weights(tmp_path / "models", {})
    path.with_name(SAFE).write_text("of an earlier training")
    with pytest.raises(DataError, match=rf"^{path.with_name(SAFE)}: nothing records its sha256"):
        find_weights(tmp_path, weights=path)


@pytest.mark.parametrize("edit", [{"spacing": [2.0, 2.0, 2.0]}, {"intensity": "brain"}, {"new": 1}])
@pytest.mark.parametrize("named", [False, True])
def test_an_edited_description_is_refused_by_name(tmp_path, edit, named):
    path = write_weights(tmp_path / "run" / "models", {"spacing": [1.0, 1.0, 1.0]})
    description = path.with_name("model.json")
    write_json({**read_json(description), **edit}, description)
    with pytest.raises(DataError, match=rf"^{description}: was changed since the weights were stored.*train anew$"):
        find_weights(tmp_path / "run", tmp_path / "bundle", path if named else None)
    with pytest.raises(DataError, match=rf"^{description}: was changed since the weights were stored.*train anew$"):
        trained_model(tmp_path / "run", ACDC, path if named else None)


def test_the_layout_of_a_description_does_not_count(tmp_path):
    path = write_weights(tmp_path / "models", {"spacing": [1.0, 1.0, 1.0]})
    content = read_json(path.with_name("model.json"))
    path.with_name("model.json").write_text(json.dumps(dict(reversed(content.items())), indent=7))
    assert find_weights(tmp_path) == path


@pytest.mark.parametrize("named", [False, True])
def test_a_description_without_its_own_sha256_is_refused(tmp_path, named):
    path = write_weights(tmp_path / "models")
    write_json({"sha256": {PICKLED: sha256_of(path)}}, path.with_name("model.json"))
    with pytest.raises(
        DataError, match=rf"^{path.with_name('model.json')}: nothing records its sha256, so it may have"
    ):
        find_weights(tmp_path, weights=path if named else None)


def test_a_description_that_the_metadata_list_is_needed_and_compared(bundle):
    description, models = bundle / "models" / "model.json", bundle / "models"
    hashes = {name: digest_of(models / name) for name in (SAFE, PICKLED, "model.json")}
    metadata = list_in_metadata(bundle, hashes)
    assert find_bundle_weights(bundle) == models / SAFE
    write_json(with_own_sha256({**read_json(description), "spacing": [9.0, 9.0, 9.0]}), description)
    with pytest.raises(DataError, match=rf"^{description}: was changed .* {metadata} says"):
        find_bundle_weights(bundle)
    description.unlink()
    with pytest.raises(DataError, match=rf"^{description}: is missing, though {metadata} lists it"):
        find_bundle_weights(bundle)


@pytest.mark.parametrize("hashes", ["0f", ["0f"], {"model.pt": 3}, 7])
def test_a_record_that_makes_no_sense_is_refused_by_name(bundle, hashes):
    metadata = list_in_metadata(bundle, hashes)
    with pytest.raises(DataError, match=rf"^{metadata}: 'weights' gives no sha256"):
        find_bundle_weights(bundle)


# ---- what belongs to them --------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A bundle whose settings say 2 mm."""
    root = tmp_path / "bundle"
    settings = {"data": {"spacing": [2.0, 2.0, 2.0], "channels": ["a", "b"]}}
    write_json({"settings": settings, "seed": 3}, root / "configs" / "train.json")
    nodes = [{"name": "background", "values": {"d": 0}}, {"name": "s", "values": {"d": 1}}]
    write_json({"name": "tree", "nodes": nodes}, root / "configs" / "taxonomy.json")
    return root


def test_what_the_weights_were_trained_with_wins_over_the_config(own, tmp_path):
    write_weights(tmp_path / "run" / "models", {"spacing": [1.5, 1.5, 5.0]})
    assert trained_model(tmp_path / "run", own).spacing == [1.5, 1.5, 5.0]


def test_the_description_is_that_of_the_weights_in_use(own, tmp_path):
    write_weights(tmp_path / "run" / "models", {"spacing": [1.0]})
    write_weights(own / "models", {"spacing": [4.0]})
    named = write_weights(tmp_path / "named", {"spacing": [3.0]})
    assert trained_model(tmp_path / "run", own).spacing == [1.0]
    assert trained_model(tmp_path / "other", own).spacing == [4.0]
    assert trained_model(tmp_path / "run", own, named).spacing == [3.0]
    assert trained_model(tmp_path / "run", own, named.with_name(SAFE)).spacing == [3.0]


@pytest.mark.parametrize("description", [None, {"patch_size": [1]}], ids=["no description", "no such key"])
def test_the_bundles_settings_count_where_the_weights_say_nothing(own, tmp_path, description):
    write_weights(tmp_path / "run" / "models", description)
    assert trained_model(tmp_path / "run", own).spacing == [2.0, 2.0, 2.0]


def test_the_bundles_settings_count_before_anything_was_trained(own, tmp_path):
    found = trained_model(tmp_path / "run", own)
    assert (found.spacing, found.channels, found.intensity) == ([2.0, 2.0, 2.0], ["a", "b"], "percentiles")
    assert (found.network["in_channels"], found.network["seed"]) == (2, 3)


def test_a_broken_description_is_refused_by_name(own, tmp_path):
    path = write_weights(tmp_path / "run" / "models", {})
    path.with_name("model.json").write_text("{")
    with pytest.raises(DataError, match=rf"^{path.with_name('model.json')}: cannot be read"):
        trained_model(tmp_path / "run", own)


def test_a_description_that_nobody_recorded_must_make_sense(own, tmp_path):
    path = write_weights(tmp_path / "run" / "models")
    write_json({"spacing": "wide"}, path.with_name("model.json"))
    with pytest.raises(DataError, match=rf"^{path.with_name('model.json')}: 'spacing' cannot be used"):
        trained_model(tmp_path / "elsewhere", own, path)


def test_weights_of_another_tree_get_no_network(own, tmp_path, flat_tree, brats_tree):
    store(network_from(NETWORK, brats_tree).state_dict(), tmp_path / "run" / "models", brats_tree)
    model = trained_model(tmp_path / "run", own)
    assert model_network(model, brats_tree).state_dict().keys()
    description = tmp_path / "run" / "models" / "model.json"
    with pytest.raises(DataError, match=rf"^{description}: was made with another tree than 'flat'"):
        model_network(model, flat_tree)


def test_a_bundle_without_settings_is_refused_by_name(own, tmp_path):
    write_json({}, own / "configs" / "train.json")
    with pytest.raises(DataError, match=rf"^{own / 'configs' / 'train.json'}: needs an object 'settings'"):
        trained_model(tmp_path / "run", own)


# ---- both files ------------------------------------------------------------------------------------------------------


VALIDATION = {"metric": "mean_dice", "score": 0.5, "fingerprint": "a"}


TREE = Taxonomy("flat", (Node("background", values={"flat": 0}), Node("a", values={"flat": 1})))


def store(state: dict[str, torch.Tensor], models: Path, tree: Taxonomy = TREE) -> None:
    inference = {"patch_size": [8, 8, 4]}
    store_weights(state, models, network=NETWORK, inference=inference, taxonomy=tree, validation=VALIDATION)


def test_a_training_leaves_two_files_of_the_same_tensors_and_a_record_of_both(acdc_tree, tmp_path):
    network = network_from(NETWORK, acdc_tree)
    store(network.state_dict(), tmp_path / "models")
    assert sorted(file.name for file in (tmp_path / "models").iterdir()) == ["model.json", PICKLED, SAFE]
    for name in (PICKLED, SAFE):
        other = load_weights(network_from({**NETWORK, "seed": 1}, acdc_tree), tmp_path / "models" / name)
        assert all(torch.equal(value, other.state_dict()[key]) for key, value in network.state_dict().items())
    described = read_json(tmp_path / "models" / "model.json")
    assert (described["network"], described["patch_size"]) == (NETWORK, [8, 8, 4])
    assert described["validation"] == VALIDATION
    hashes = {name: hashlib.sha256((tmp_path / "models" / name).read_bytes()).hexdigest() for name in (PICKLED, SAFE)}
    assert described["sha256"] == {**hashes, "model.json": digest_of(tmp_path / "models" / "model.json")}
    assert described["taxonomy"] == tree_record(TREE)
    assert find_weights(tmp_path) == tmp_path / "models" / SAFE


def test_a_full_disk_leaves_the_earlier_weights_whole(tmp_path, monkeypatch):
    store({"a": torch.zeros(2)}, tmp_path / "models")

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trained, "write_safetensors", fail)
    with pytest.raises(DataError, match="No space"):
        store({"a": torch.ones(2)}, tmp_path / "models")
    assert find_weights(tmp_path) == tmp_path / "models" / SAFE
    assert torch.load(tmp_path / "models" / PICKLED, weights_only=True)["a"].tolist() == [0, 0]
    assert len(list((tmp_path / "models").iterdir())) == 3


def test_a_damaged_file_is_refused_before_it_is_opened(acdc_tree, tmp_path, monkeypatch):
    opened: list[Any] = []
    store(network_from(NETWORK, acdc_tree).state_dict(), tmp_path / "models")
    flip_a_bit(tmp_path / "models" / SAFE)
    monkeypatch.setattr("cladeseg.segmentation.engines.weights.load_file", lambda *a, **k: opened.append(a))
    monkeypatch.setattr("cladeseg.segmentation.engines.weights.load_state", lambda *a, **k: opened.append(a))
    with pytest.raises(DataError, match=rf"^{tmp_path / 'models' / SAFE}: is damaged"):
        load_weights(network_from(NETWORK, acdc_tree), find_weights(tmp_path))
    assert opened == []


# ---- the network -----------------------------------------------------------------------------------------------------


def test_a_network_is_built_from_its_options(acdc_tree):
    one, other = network_from(NETWORK, acdc_tree), network_from(NETWORK, acdc_tree)
    assert [value.tolist() for value in one.state_dict().values()] == [
        value.tolist() for value in other.state_dict().values()
    ]
    assert len(one.state_dict()) > 10


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({**NETWORK, "haed": "flat"}, "haed"),
        ({**NETWORK, "head": "flatt"}, "flatt"),
        ({"filters": [4, 4, 8]}, "kernels"),
    ],
    ids=["unknown", "impossible", "missing"],
)
def test_options_that_fit_no_network_are_named(acdc_tree, options, named):
    with pytest.raises(ValueError, match=named):
        network_from(options, acdc_tree)
