"""A bundle's model changes for a better one only, and then as a whole."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from cladeseg.bundle.config_text import config_text
from cladeseg.bundle.trained_tree import tree_record
from cladeseg.bundle.weights_record import WEIGHT_FILES, digest_of, sha256_of, with_own_sha256
from cladeseg.files import DataError
from cladeseg.segmentation.workflow import promote

CASES = "a1b2"


def write_model(folder: Path, score: float | None, *, fingerprint: str = CASES, weights: str = "", **more: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in WEIGHT_FILES:
        (folder / name).write_text(f"{weights or score} in {name}")
    content = {
        "network": {"head": f"of {score}"},
        "validation": {"metric": "mean_dice", "score": score, "fingerprint": fingerprint},
        "sha256": {name: sha256_of(folder / name) for name in WEIGHT_FILES},
        **more,
    }
    (folder / "model.json").write_text(json.dumps(with_own_sha256(content)))
    return folder


def hashes_of(folder: Path) -> dict[str, str]:
    return {name: digest_of(folder / name) for name in (*WEIGHT_FILES, "model.json")}


def content(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(folder.iterdir())} if folder.exists() else {}


@pytest.fixture
def bundle(tmp_path) -> Path:
    return write_model(tmp_path / "bundle" / "models", 0.8)


@pytest.fixture
def run(tmp_path) -> Path:
    return write_model(tmp_path / "run" / "models", 0.9)


# ---- replaced --------------------------------------------------------------------------------------------------------


def test_a_better_model_replaces_weights_and_description(run, bundle):
    assert promote(run, bundle) is True
    assert content(bundle) == content(run)


def test_an_empty_bundle_takes_the_first_model(run, tmp_path):
    assert promote(run, tmp_path / "new" / "models") is True
    assert content(tmp_path / "new" / "models") == content(run)


def test_a_score_replaces_a_model_without_one(run, tmp_path):
    bundle = write_model(tmp_path / "bundle" / "models", None)
    assert promote(run, bundle) is True


def test_a_score_on_the_runs_own_cases_decides_where_it_was_measured(run, tmp_path):
    bundle = write_model(tmp_path / "bundle" / "models", 0.95, fingerprint="of other cases")
    assert promote(run, bundle, baseline=0.85) is True
    assert content(bundle) == content(run)


def test_the_bundles_model_is_kept_if_it_does_better_on_the_runs_cases(run, tmp_path, caplog):
    bundle = write_model(tmp_path / "bundle" / "models", 0.1, fingerprint="of other cases")
    before = content(bundle)
    with caplog.at_level(logging.WARNING):
        assert promote(run, bundle, baseline=0.92) is False
    assert content(bundle) == before
    assert "its validation Dice 0.9200 is not below the new 0.9000" in caplog.text


def test_the_split_of_earlier_weights_does_not_outlive_them(run, bundle):
    (bundle / "datalist.json").write_text("{}")
    promote(run, bundle)
    assert not (bundle / "datalist.json").exists()


def test_the_runs_other_files_stay_where_they_are(run, bundle):
    (run / "best_validation.pt").write_text("other")
    (bundle / ".gitkeep").write_text("")
    promote(run, bundle)
    assert set(content(bundle)) == {".gitkeep", "model.json", *WEIGHT_FILES}


def write_metadata(bundle: Path, content: dict[str, Any]) -> Path:
    (bundle / "configs").mkdir(parents=True, exist_ok=True)
    (bundle / "configs" / "metadata.json").write_text(config_text(content))
    return bundle / "configs" / "metadata.json"


@pytest.mark.parametrize("earlier", [{}, {"weights": {"model.pt": "0f"}}])
def test_the_bundles_metadata_lists_all_three_files_and_keeps_its_layout(run, bundle, earlier):
    metadata = write_metadata(bundle.parent, {"version": "0.1.0", **earlier, "channels": {"0": "left"}})
    promote(run, bundle)
    stored = json.loads(metadata.read_text())
    assert stored == {"version": "0.1.0", "channels": {"0": "left"}, "weights": hashes_of(run)}
    assert metadata.read_text() == config_text(stored)


def test_metadata_of_a_kept_model_stays(tmp_path, bundle):
    metadata = write_metadata(bundle.parent, {"weights": hashes_of(bundle)})
    before = metadata.read_text()
    assert promote(write_model(tmp_path / "worse", 0.1), bundle) is False
    assert metadata.read_text() == before


# ---- kept ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        (0.7, "Dice 0.8000 is not below the new 0.7000"),
        (0.8, "Dice 0.8000 is not below the new 0.8000"),
        (None, "no validation score"),
    ],
    ids=["worse", "equal", "no score"],
)
def test_a_model_that_is_not_known_to_be_better_never_replaces(tmp_path, bundle, caplog, score, reason):
    run, before = write_model(tmp_path / "run", score, weights="new"), content(bundle)
    with caplog.at_level(logging.WARNING, logger="cladeseg"):
        assert promote(run, bundle) is False
    assert content(bundle) == before
    assert f"{bundle / 'model.pt'} is kept: " in caplog.text
    assert reason in caplog.text


def test_scores_of_other_validation_cases_are_not_compared(tmp_path, bundle, caplog):
    run, before = write_model(tmp_path / "run", 0.9, fingerprint="c3d4"), content(bundle)
    with caplog.at_level(logging.WARNING, logger="cladeseg"):
        assert promote(run, bundle) is False
    assert content(bundle) == before
    assert "other cases" in caplog.text
    assert "promote --force" in caplog.text


def test_a_model_without_a_description_is_kept(run, bundle, caplog):
    (bundle / "model.json").unlink()
    with caplog.at_level(logging.WARNING, logger="cladeseg"):
        assert promote(run, bundle) is False
    assert content(bundle) == {name: f"0.8 in {name}" for name in WEIGHT_FILES}
    assert "promote --force" in caplog.text


@pytest.mark.parametrize("score", [0.1, 0.8, None])
def test_force_replaces_in_any_case(tmp_path, bundle, score):
    run = write_model(tmp_path / "run", score, fingerprint="c3d4")
    assert promote(run, bundle, force=True) is True
    assert content(bundle) == content(run)


# ---- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["model.pt", "model.safetensors", "model.json"])
def test_a_run_without_a_finished_model_is_refused_by_name(run, bundle, missing):
    (run / missing).unlink()
    before = content(bundle)
    with pytest.raises(DataError, match=rf"^{run}: holds no finished model to promote, {missing} is missing"):
        promote(run, bundle, force=True)
    assert content(bundle) == before


@pytest.mark.parametrize("failing", ["model.pt", "model.safetensors", "model.json"])
def test_a_full_disk_leaves_the_bundles_model_whole(run, bundle, monkeypatch, failing):
    """Weights without their own description would be loaded into another network."""
    metadata = write_metadata(bundle.parent, {"version": "0.1.0"})
    before, recorded, copy = content(bundle), metadata.read_text(), shutil.copyfile

    def fail(source: Path, target: Path) -> Any:
        copy(source, target)
        if Path(source).name == failing:
            Path(target).write_text("ha")
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(DataError, match=rf"^{bundle}/model\.(pt|safetensors|json): .*No space"):
        promote(run, bundle)
    assert content(bundle) == before
    assert metadata.read_text() == recorded
    assert [file.name for file in metadata.parent.iterdir()] == [metadata.name]


def test_a_broken_description_is_refused_by_name(run, bundle):
    (bundle / "model.json").write_text("{")
    with pytest.raises(DataError, match=rf"^{bundle / 'model.json'}: cannot be read"):
        promote(run, bundle)


@pytest.mark.parametrize("name", WEIGHT_FILES)
def test_weights_that_disagree_with_their_record_are_not_promoted(run, bundle, name):
    (run / name).write_text("other")
    before = content(bundle)
    with pytest.raises(DataError, match=rf"^{run / name}: is damaged or another model's"):
        promote(run, bundle, force=True)
    assert content(bundle) == before


def test_an_edited_description_is_not_promoted(run, bundle):
    description = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**description, "spacing": [9, 9, 9]}))
    before = content(bundle)
    with pytest.raises(DataError, match=rf"^{run / 'model.json'}: was changed since the weights were stored"):
        promote(run, bundle, force=True)
    assert content(bundle) == before


@pytest.mark.parametrize("force", [False, True])
def test_weights_of_another_tree_are_not_promoted(tmp_path, bundle, flat_tree, brats_tree, force):
    (bundle.parent / "configs").mkdir()
    nodes = [{"name": n.name, "parent": n.parent, "values": dict(n.values)} for n in flat_tree.nodes]
    (bundle.parent / "configs" / "taxonomy.json").write_text(json.dumps({"name": "flat", "nodes": nodes}))
    own = write_model(tmp_path / "own", 0.9, taxonomy=tree_record(flat_tree))
    other = write_model(tmp_path / "other", 0.95, taxonomy=tree_record(brats_tree))
    assert promote(own, bundle, force=force) is True
    with pytest.raises(DataError, match=rf"^{other / 'model.json'}: was made with another tree than 'flat'"):
        promote(other, bundle, force=force)
    assert content(bundle) == content(own)


def test_a_bundle_of_the_installed_package_is_never_written_into(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "cladeseg"
    bundle = package / "shipped" / "bundles" / "acdc_subclass_segmentation"
    (bundle / "models").mkdir(parents=True)
    monkeypatch.setattr("cladeseg.bundle.shipped._PACKAGE", package)
    with pytest.raises(DataError, match="copy-bundle acdc FOLDER"):
        promote(tmp_path / "run", bundle / "models", force=True)
    assert list((bundle / "models").iterdir()) == []
