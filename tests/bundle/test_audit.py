"""An audit finds what a bundle could do, from its files' letters alone."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from cladeseg.bundle.audit import AuditFinding, audit_bundle
from cladeseg.bundle.audit_report import audit_exit_code, audit_json, audit_table
from cladeseg.bundle.audit_rules import judge
from cladeseg.files import DataError
from cladeseg.segmentation.workflow import promote
from cladeseg.segmentation.workflow.trained import store_weights
from cladeseg.taxonomy import load_taxonomy

REPOSITORY = Path(__file__).parents[2]
BUNDLES = sorted(path.parent.parent for path in REPOSITORY.glob("bundles/*/configs/metadata.json"))
INFERENCE = "configs/inference.json"


def copy_of(bundle: Path, target: Path) -> Path:
    """A bundle as its repository ships it, without what a person at work may have promoted or run in it."""
    for name in ("configs", "docs"):
        shutil.copytree(bundle / name, target / name)
    shutil.copy(bundle / "LICENSE", target)
    metadata = json.loads((target / "configs" / "metadata.json").read_text(encoding="utf-8"))
    metadata.pop("weights", None)
    (target / "configs" / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    (target / "models").mkdir()
    (target / "models" / ".gitkeep").touch()
    return target


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return copy_of(BUNDLES[0], tmp_path / "bundle")


def plant(bundle: Path, changes: dict[str, Any], file: str = INFERENCE) -> None:
    path = bundle / file
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")


def refused(bundle: Path) -> list[tuple[str, str, str, str]]:
    return [(f.kind, f.file, f.key, f.value) for f in audit_bundle(bundle) if not f.allowed]


# ---- ours ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shipped", BUNDLES, ids=lambda path: path.name)
def test_our_bundles_are_clean(shipped: Path, tmp_path: Path) -> None:
    bundle = copy_of(shipped, tmp_path / "bundle")
    assert refused(bundle) == []
    assert ("macro", "%run") in {(f.kind, f.value) for f in audit_bundle(bundle)}
    assert [f for f in audit_bundle(bundle) if f.kind == "expression"] == []


@pytest.mark.parametrize(
    "shipped", [path for path in BUNDLES if path.name.endswith("_subclass_segmentation")], ids=lambda path: path.name
)
def test_what_our_inference_calls_is_listed(shipped: Path, tmp_path: Path) -> None:
    bundle = copy_of(shipped, tmp_path / "bundle")
    targets = {f.value for f in audit_bundle(bundle) if f.kind == "target" and f.file == INFERENCE}
    assert {"Dataset", "SupervisedEvaluator", "cladeseg.taxonomy.load_taxonomy"} <= targets


def test_documentation_may_hold_web_addresses_and_they_are_listed(bundle: Path) -> None:
    urls = {f.key for f in audit_bundle(bundle) if f.kind == "url"}
    assert "schema" in urls
    plant(bundle, {"data_source": "ftp://example.org/x", "network": "https://example.org"}, "configs/metadata.json")
    assert [entry[2] for entry in refused(bundle)] == ["data_source", "network"]


def test_promoted_weights_are_listed_with_their_record(bundle: Path, tmp_path: Path) -> None:
    tree = load_taxonomy(bundle / "configs" / "taxonomy.json")
    store_weights({"a": torch.zeros(2)}, tmp_path / "run", network={}, inference={}, taxonomy=tree, validation={})
    promote(tmp_path / "run", bundle / "models")
    assert refused(bundle) == []
    assert sorted(f.file for f in audit_bundle(bundle) if f.kind == "weights") == [
        "models/model.pt",
        "models/model.safetensors",
    ]
    (bundle / "models" / "model.pt").write_bytes(b"other")
    assert refused(bundle) == [("weights", "models/model.pt", "", "model.pt")]


# ---- planted ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("expression", "$__import__('os').system('true')"),
        ("expression", "$@device"),
        ("url", "https://example.org/weights.pt"),
        ("url", "see s3://bucket/x"),
        ("path", "../other/weights.pt"),
        ("path", "models/../../x"),
        ("path", "/etc/passwd"),
        ("path", "~/x"),
        ("path", "C:\\x"),
        ("path", "models\\..\\..\\x"),
        ("macro", "%../other.json::run"),
        ("macro", "%/tmp/other.json::run"),
        ("macro", "%https://example.org/other.json"),
    ],
)
def test_a_planted_string_is_found_with_its_place(bundle: Path, kind: str, value: str) -> None:
    plant(bundle, {"deep": [{"level": value}]})
    assert refused(bundle) == [(kind, INFERENCE, "deep#0#level", value)]


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.run",
        "scripts.evil.Thing",
        "builtins.eval",
        "torchvision.models.resnet18",
        "monai_evil.thing",
        "torch.os.system",
        "cladeseg.files.os.remove",
        "cladeseg.taxonomy.yaml.unsafe_load",
        "torch.nn.Module.__class__",
        "torch.load",
        "torch.hub.help",
        "monai.bundle.run",
        "monai.utils.optional_import",
        "run_cmd",
        "download_url",
        "instantiate",
        "@elsewhere",
        "%elsewhere",
        "$str",
        "",
        "a b",
    ],
)
def test_a_planted_target_is_found(bundle: Path, target: str) -> None:
    plant(bundle, {"network_def": {"_target_": target}})
    assert refused(bundle) == [("target", INFERENCE, "network_def#_target_", target)]


@pytest.mark.parametrize("key", ["a#_target_", "a::_target_", "train#trainer#_target_"])
def test_a_target_that_is_set_by_a_long_key_is_found(bundle: Path, key: str) -> None:
    plant(bundle, {key: "os.system"})
    assert refused(bundle) == [("target", INFERENCE, key, "os.system")]


@pytest.mark.parametrize("target", [["os", "system"], {"_target_": "Dataset"}, None, 3])
def test_a_target_that_is_no_string_is_found(bundle: Path, target: Any) -> None:
    plant(bundle, {"a": {"_target_": target}})
    assert [entry[:3] for entry in refused(bundle)] == [("target", INFERENCE, "a#_target_")]


@pytest.mark.parametrize(
    "target",
    [
        "UNet",
        "monai.networks.nets.UNet",
        "monai.transforms.io.dictionary.LoadImaged",
        "torch.optim.AdamW",
        "torch.device",
    ],
)
def test_usual_targets_are_allowed(target: str) -> None:
    verdict = judge("_target_", target)
    assert verdict is not None
    assert verdict.allowed


@pytest.mark.parametrize("text", ["16*n", "@spacing", "T1 / T2 images", "a sentence ... and more", "0.1.0", ""])
def test_plain_text_is_no_finding(text: str) -> None:
    assert judge("description", text) is None


def test_a_weight_name_that_leaves_the_folder_is_found(bundle: Path) -> None:
    plant(bundle, {"weights": {"../model.pt": "0f"}}, "configs/metadata.json")
    assert refused(bundle) == [("path", "configs/metadata.json", "weights#../model.pt", "../model.pt")]


# ---- any bundle ------------------------------------------------------------------------------------------------------


def test_yaml_and_configs_in_any_folder_are_read(bundle: Path) -> None:
    (bundle / "configs" / "more.yaml").write_text("a:\n  _target_: os.system\n  b: [1, $2]\n")
    (bundle / "large_files.yml").write_text("large_files:\n- path: models/model.ts\n  url: https://example.org/x\n")
    assert refused(bundle) == [
        ("url", "large_files.yml", "large_files#0#url", "https://example.org/x"),
        ("target", "configs/more.yaml", "a#_target_", "os.system"),
        ("expression", "configs/more.yaml", "a#b#1", "$2"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("torn.json", "{"),
        ("twice.json", '{"a": {"_target_": "os.system", "_target_": "UNet"}}'),
        ("deep.json", "[" * 100_000),
        ("object.yaml", "a: !!python/object/apply:os.system ['true']"),
        ("latin.json", b'{"a": "\xff"}'),
    ],
)
def test_a_config_that_cannot_be_read_as_plain_data_is_found(bundle: Path, name: str, text: str | bytes) -> None:
    (bundle / "configs" / name).write_bytes(text.encode() if isinstance(text, str) else text)
    assert refused(bundle) == [("unreadable", f"configs/{name}", "", name)]


def test_yaml_aliases_do_not_blow_up(bundle: Path) -> None:
    levels = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30))
    (bundle / "configs" / "bomb.yaml").write_text(f"a0: &a0 ['$1']\n{levels}\n")
    assert refused(bundle) == [("expression", "configs/bomb.yaml", "a0#0", "$1")]


def test_nothing_of_the_bundle_is_imported_or_run(bundle: Path, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    (bundle / "scripts").mkdir()
    (bundle / "scripts" / "__init__.py").write_text(f"open({str(witness)!r}, 'w')")
    plant(bundle, {"a": f"$open({str(witness)!r}, 'w')", "b": {"_target_": "scripts.thing"}})
    assert [entry[0] for entry in refused(bundle)] == ["expression", "target", "script"]
    assert not witness.exists()
    assert not any(name.split(".")[0] == "scripts" for name in sys.modules)


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("script", "scripts/evil.py"),
        ("weights", "models/model.pt"),
        ("weights", "models/model.safetensors"),
        ("file", "models/model.ts"),
        ("file", "models/model.pkl"),
        ("file", "models/noend"),
        ("file", "configs/logging.conf"),
    ],
)
def test_files_that_could_do_harm_are_found(bundle: Path, kind: str, file: str) -> None:
    (bundle / file).parent.mkdir(exist_ok=True)
    (bundle / file).write_bytes(b"x")
    assert [entry[:2] for entry in refused(bundle)] == [(kind, file)]


def test_links_that_leave_the_folder_are_found(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "evil.json").write_text('{"a": "$1"}')
    (bundle / "linked").symlink_to(tmp_path / "outside", target_is_directory=True)
    (bundle / "configs" / "linked.json").symlink_to(tmp_path / "outside" / "evil.json")
    (bundle / "configs" / "inside.json").symlink_to("inference.json")
    found = {f.file: f.allowed for f in audit_bundle(bundle) if f.kind == "link"}
    assert found == {"linked": False, "configs/linked.json": False, "configs/inside.json": True}


def test_a_missing_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"^{tmp_path / 'none'}: no such folder"):
        audit_bundle(tmp_path / "none")


# ---- what comes out --------------------------------------------------------------------------------------------------

GOOD = AuditFinding("target", "a.json", "k", "UNet", True, "a MONAI component")
BAD = AuditFinding("expression", "a.json", "l", "$[red]1[/red]", False, "is evaluated as Python code")


def test_the_exit_code_is_one_as_soon_as_something_is_not_allowed() -> None:
    assert [audit_exit_code(findings) for findings in ([], [GOOD], [GOOD, BAD])] == [0, 0, 1]


def test_json_holds_every_field() -> None:
    content = json.loads(audit_json([GOOD, BAD], "B"))
    assert (content["bundle"], content["allowed"]) == ("B", False)
    assert [AuditFinding(**entry) for entry in content["findings"]] == [GOOD, BAD]
    assert json.loads(audit_json([], "B"))["allowed"] is True


def test_the_table_shows_what_is_not_allowed_first_and_letter_by_letter() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(audit_table([GOOD, BAD], "B"))
    text = console.export_text()
    assert "B: 2 findings, 1 not allowed" in text
    assert "$[red]1[/red]" in text
    assert text.index("$[red]") < text.index("UNet")
