"""``cladeseg settings``: every setting with its value, range and meaning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_calls import ACDC, call

from cladeseg.bundle.settings import described_settings, setting_names
from cladeseg.files import DataError
from cladeseg.segmentation.workflow import TrainingSettings
from cladeseg.segmentation.workflow.settings import settings_page


def headlines(text: str) -> dict[str, str]:
    """Name of each setting → its line, without the meaning below it."""
    lines = [line for line in text.splitlines() if " = " in line and not line.startswith("   ")]
    return {line[2:].split(" = ")[0]: line for line in lines}


def test_every_setting_is_listed_with_its_default_and_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    text = call("settings").output
    found = headlines(text)
    assert list(found) == setting_names(TrainingSettings)
    for described in described_settings(TrainingSettings):
        assert found[described.name].startswith(f"  {described.name} = {described.default}")
        assert described.meaning in text
    assert "mix.weight = 1.0   number ≥ 0" in text
    assert not any(line.startswith("*") for line in found.values())


def test_a_bundles_values_are_marked_where_they_differ() -> None:
    found = headlines(call("settings", ACDC).output)
    assert found["data.layout"].startswith('* data.layout = "acdc"')
    assert 'default "auto"' in found["data.layout"]
    assert found["mix.weight"].startswith("  mix.weight")
    content = json.loads((ACDC / "configs" / "train.json").read_text(encoding="utf-8"))["settings"]
    given = [key for key, value in content.items() if value and key != "method"]
    assert all(any(line.startswith(f"* {group}.") for line in found.values()) for group in given)


def test_a_shipped_bundles_values_are_found_by_its_name() -> None:
    assert call("settings", "acdc").output == call("settings", ACDC).output


def test_a_setting_that_has_a_value_for_each_node_is_one_setting(tmp_path: Path) -> None:
    bundle = tmp_path / "own"
    (bundle / "configs").mkdir(parents=True)
    for name in ("train.json", "taxonomy.json"):
        (bundle / "configs" / name).write_text((ACDC / "configs" / name).read_text(encoding="utf-8"), encoding="utf-8")
    config = json.loads((bundle / "configs" / "train.json").read_text(encoding="utf-8"))
    config["settings"]["pseudo_label"]["threshold"] = {"heart": 0.9}
    (bundle / "configs" / "train.json").write_text(json.dumps(config), encoding="utf-8")
    assert '* pseudo_label.threshold = {"heart": 0.9}' in call("settings", bundle).output


def test_the_reference_page_is_the_models_own() -> None:
    assert call("settings", "--markdown").output == settings_page()


def test_settings_of_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    assert isinstance(call("settings", tmp_path).exception, DataError)
