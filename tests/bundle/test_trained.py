"""Which weights a command uses, and what it must know about them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from cladeseg.bundle import find_weights, network_from, trained_setting
from cladeseg.bundle.trained import describe_weights, sha256_of
from cladeseg.errors import DataError

NETWORK: dict[str, Any] = {"filters": [4, 4, 8], "kernels": [3, 3, 3], "strides": [1, 2, 2], "hidden": 4, "seed": 0}


def write_weights(folder: Path, description: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.pt").write_text("weights")
    if description is not None:
        (folder / "model.json").write_text(json.dumps(description))
    return folder / "model.pt"


# ---- which weights ---------------------------------------------------------------------------------------------------


def test_named_weights_come_first_then_the_runs_own_then_the_bundles(tmp_path):
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    promoted = write_weights(bundle / "models")
    assert find_weights(run, bundle) == promoted
    own = write_weights(run / "models")
    assert find_weights(run, bundle) == own
    assert find_weights(run, bundle, "elsewhere/model.pt") == Path("elsewhere/model.pt")


def test_missing_weights_are_refused_with_every_place_they_were_looked_for(tmp_path):
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    with pytest.raises(DataError) as raised:
        find_weights(run, bundle)
    message = str(raised.value)
    assert message.startswith(f"{run}: no trained weights")
    assert str(run / "models" / "model.pt") in message
    assert str(bundle / "models" / "model.pt") in message
    assert "--weights" in message


def test_best_validation_weights_are_never_chosen_by_themselves(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "best_validation.pt").write_text("")
    with pytest.raises(DataError):
        find_weights(tmp_path, tmp_path / "bundle")


# ---- what belongs to them --------------------------------------------------------------------------------------------


def test_what_the_weights_were_trained_with_wins_over_the_config(tmp_path):
    write_weights(tmp_path / "run" / "models", {"spacing": [1.5, 1.5, 5.0]})
    assert trained_setting("spacing", [2.0, 2.0, -1.0], tmp_path / "run", tmp_path) == [1.5, 1.5, 5.0]


def test_the_description_is_that_of_the_weights_in_use(tmp_path):
    write_weights(tmp_path / "run" / "models", {"spacing": [1.0]})
    write_weights(tmp_path / "bundle" / "models", {"spacing": [2.0]})
    named = write_weights(tmp_path / "named", {"spacing": [3.0]})
    assert trained_setting("spacing", None, tmp_path / "run", tmp_path / "bundle") == [1.0]
    assert trained_setting("spacing", None, tmp_path / "other", tmp_path / "bundle") == [2.0]
    assert trained_setting("spacing", None, tmp_path / "run", tmp_path / "bundle", named) == [3.0]


@pytest.mark.parametrize("description", [None, {"patch_size": [1]}], ids=["no description", "no such key"])
def test_the_default_counts_where_the_weights_say_nothing(tmp_path, description):
    write_weights(tmp_path / "models", description)
    assert trained_setting("spacing", [2.0], tmp_path) == [2.0]


def test_the_default_counts_before_anything_was_trained(tmp_path):
    assert trained_setting("spacing", [2.0], tmp_path / "run", tmp_path / "bundle") == [2.0]


def test_a_broken_description_is_refused_by_name(tmp_path):
    path = write_weights(tmp_path / "models", {})
    path.with_name("model.json").write_text("{")
    with pytest.raises(DataError, match=rf"^{path.with_name('model.json')}: cannot be read"):
        trained_setting("spacing", [2.0], tmp_path)


def test_a_description_comes_back_through_its_file(tmp_path):
    path = write_weights(tmp_path / "models")
    validation = {"metric": "mean_dice", "score": 0.5, "fingerprint": "a"}
    inference = {"spacing": [2.0], "patch_size": [8, 8, 4]}
    described = describe_weights(path, network=NETWORK, inference=inference, validation=validation)
    path.with_name("model.json").write_text(json.dumps(described))
    assert trained_setting("network", None, tmp_path) == NETWORK
    assert trained_setting("patch_size", None, tmp_path) == [8, 8, 4]
    assert trained_setting("validation", None, tmp_path) == validation
    assert trained_setting("sha256", None, tmp_path) == hashlib.sha256(b"weights").hexdigest() == sha256_of(path)


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
