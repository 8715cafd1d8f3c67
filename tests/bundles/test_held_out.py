"""An evaluation of cases that were trained on is no test, whatever they are called and whoever's weights these are."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import EVALUATE, Trained, command, json_of

from cladeseg.bundle.failure import root_cause


@pytest.fixture
def own(trained: Trained, tmp_path: Path) -> Trained:
    """The training with data of its own, to be changed."""
    data = Path(shutil.copytree(trained.data, tmp_path / "data"))
    return trained._replace(data=data, run=Path(shutil.copytree(trained.run, tmp_path / "R")))


def evaluate(place: Trained, **options: Any) -> None:
    command(place.bundle, "evaluating", EVALUATE, dataset_dir=str(place.data), output_dir=str(place.run), **options)


def refusal(place: Trained, **options: Any) -> str:
    with pytest.raises(Exception) as caught:
        evaluate(place, **options)
    assert not (place.run / "eval").exists()
    message = str(root_cause(caught.value))
    assert "\n" not in message
    return message


def split_of(run: Path) -> Any:
    return json_of(run / "datalist.json")


@pytest.mark.parametrize("part", ["test", "validation"])
def test_named_weights_of_another_run_count_with_their_own_split(own: Trained, tmp_path: Path, part: str) -> None:
    other = Path(shutil.copytree(own.run, tmp_path / "other"))
    split = split_of(own.run)
    trained_on = split[part][0]
    other_split = split_of(other)
    other_split[part] = [case for case in split[part] if case["patient"] != trained_on["patient"]]
    other_split["training"].append({**trained_on, "case": "renamed", "patient": "somebody"})
    (other / "datalist.json").write_text(json.dumps(other_split), encoding="utf-8")
    message = refusal(own, split=part, weights=str(other / "models" / "model.pt"))
    assert message.startswith(f"{other / 'datalist.json'}: 1 of these ")
    assert f"'{part}' is not held out: {trained_on['case']} (as renamed)" in message
    evaluate(own, split=part)


def test_a_copy_of_a_training_image_is_found_by_its_voxels(own: Trained) -> None:
    split = split_of(own.run)
    source, target = split["training"][0], split["test"][0]
    for key in ("image", "label"):
        if key in source:
            volume = nib.load(own.data / source[key])
            nib.save(nib.Nifti1Image(np.asanyarray(volume.dataobj), volume.affine), own.data / target[key])
    for key in ("sha1", "label_sha1"):
        target.pop(key, None)
    (own.run / "datalist.json").write_text(json.dumps(split), encoding="utf-8")
    assert f"{target['case']} (as {source['case']})" in refusal(own)


def test_all_cases_may_be_scored_with_a_warning(own: Trained, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="cladeseg"):
        evaluate(own, split="all")
    trained = len(split_of(own.run)["training"])
    assert f"{trained} of these 16 cases were trained on, so this is not a test score" in caplog.text


@pytest.mark.parametrize("key", ["image", "label"])
def test_files_that_changed_since_the_split_was_made_are_refused(own: Trained, key: str) -> None:
    path = own.data / split_of(own.run)["test"][0][key]
    volume = nib.load(path)
    voxels = np.asanyarray(volume.dataobj).copy()
    voxels.flat[0] = 1 - voxels.flat[0]
    nib.save(nib.Nifti1Image(voxels, volume.affine), path)
    assert refusal(own).startswith(f"{path}: not the {key} that the datalist was made of")


def test_weights_of_unknown_origin_are_warned_of(
    own: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = Path(shutil.copytree(own.run / "models", tmp_path / "found")) / "model.pt"
    with caplog.at_level(logging.WARNING, logger="cladeseg"):
        evaluate(own, weights=str(weights))
    assert "nothing says which cases these weights were trained on" in caplog.text


def test_an_evaluation_with_another_tree_names_what_changed(own: Trained, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(own.bundle, tmp_path / "bundle"))
    tree = json_of(bundle / "configs" / "taxonomy.json")
    values = {node["name"]: node["values"] for node in tree["nodes"] if "values" in node}
    values["myocardium"]["acdc"], values["left_ventricle"]["acdc"] = 3, 2
    (bundle / "configs" / "taxonomy.json").write_text(json.dumps(tree), encoding="utf-8")
    message = refusal(own._replace(bundle=bundle))
    assert message.startswith(f"{own.run / 'models' / 'model.json'}: was made with another tree than 'acdc'")
    assert "'myocardium' was 2 in acdc and is now 3" in message
