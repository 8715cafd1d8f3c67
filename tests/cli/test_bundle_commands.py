"""Commands about bundles: new-bundle, validate, audit, promote."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cli_calls import ACDC, TREE, call

from cladeseg.bundle.weights_record import WEIGHT_FILES, sha256_of, with_own_sha256
from cladeseg.files import DataError


def model(folder: Path, score: float, weights: bytes) -> Path:
    (folder / "models").mkdir(parents=True)
    (folder / "configs").mkdir()
    (folder / "configs" / "train.json").write_text("{}", encoding="utf-8")
    for name in WEIGHT_FILES:
        (folder / "models" / name).write_bytes(weights)
    hashes = dict.fromkeys(WEIGHT_FILES, sha256_of(folder / "models" / "model.pt"))
    description = {"validation": {"score": score, "fingerprint": "same cases"}, "sha256": hashes}
    (folder / "models" / "model.json").write_text(json.dumps(with_own_sha256(description)))
    return folder


@pytest.mark.parametrize(
    ("score", "options", "kept"), [(0.9, [], False), (0.7, [], True), (0.7, ["--force"], False), (0.8, [], True)]
)
def test_only_a_better_run_is_promoted_unless_forced(
    tmp_path: Path, score: float, options: list[str], kept: bool
) -> None:
    run, target = model(tmp_path / "R", score, b"new"), model(tmp_path / "bundle", 0.8, b"old")
    result = call("promote", run, target, *options)
    assert result.exit_code == int(kept)
    assert (target / "models" / "model.pt").read_bytes() == (b"old" if kept else b"new")


def test_promote_makes_no_bundle_out_of_a_typing_error(tmp_path: Path) -> None:
    run = model(tmp_path / "R", 0.9, b"new")
    result = call("promote", run, tmp_path / "bumdle")
    assert (result.exit_code, type(result.exception)) == (1, DataError)
    assert not (tmp_path / "bumdle").exists()


def test_a_copy_of_a_shipped_bundle_is_a_bundle_and_never_written_over(tmp_path: Path) -> None:
    assert call("copy-bundle", "hippocampus", tmp_path / "mine").exit_code == 0
    assert {path.name for path in (tmp_path / "mine").iterdir()} >= {"configs", "docs", "models"}
    assert call("validate", tmp_path / "mine").exit_code == 0
    again = call("copy-bundle", "hippocampus", tmp_path / "mine")
    assert (again.exit_code, type(again.exception)) == (1, DataError)
    assert "is not empty" in str(again.exception)


def test_bundles_are_found_by_name_or_the_nearest_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("audit", "acdc").exit_code == 0
    assert call("validate", "acdc").output == "acdc: no problem found\n"
    for command in (["audit"], ["validate"], ["copy-bundle", "hipocampus", "mine"], ["promote", "R", "hipocampus"]):
        refused = call(*command, *(["hipocampus"] if len(command) == 1 else []))
        assert (refused.exit_code, type(refused.exception)) == (1, DataError)
        assert "did you mean 'hippocampus'?" in str(refused.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_goes_before_a_shipped_bundle_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acdc").mkdir()
    assert call("validate", "acdc").exit_code == 0, "a folder of data is no bundle"
    shutil.copytree(ACDC / "configs", tmp_path / "acdc" / "configs")
    assert call("validate", "acdc").exit_code == 1, "this one lacks its licence"


def test_a_new_bundle_is_valid_and_safe(phantoms: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "mine"
    made = call("new-bundle", bundle, "--taxonomy", TREE, "--layout", "acdc", "--dataset", phantoms)
    assert made.exit_code == 0
    assert call("validate", bundle).exit_code == 0
    assert call("audit", bundle).exit_code == 0
    assert isinstance(call("new-bundle", bundle, "--taxonomy", TREE).exception, DataError), "it is there already"


def test_validate_names_what_is_missing_and_audit_what_is_foreign(tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(ACDC, tmp_path / "copy", ignore=shutil.ignore_patterns("models")))
    inference = bundle / "configs" / "inference.json"
    config = json.loads(inference.read_text(encoding="utf-8"))
    del config["network"]
    config["note"] = "$__import__('os').getcwd()"
    inference.write_text(json.dumps(config), encoding="utf-8")
    refused = call("validate", bundle)
    assert refused.exit_code == 1
    assert "network" in refused.output
    found = call("audit", bundle, "--json")
    assert found.exit_code == 1
    foreign = [entry for entry in json.loads(found.output)["findings"] if not entry["allowed"]]
    assert [entry["value"] for entry in foreign] == ["$__import__('os').getcwd()"]
