"""Commands on more and more cases: the cases are links, each command is a process, and what is measured is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from cladeseg.benchmark.cohorts import growth, growth_figure, growth_study, growth_table
from cladeseg.benchmark.cohorts.small_bundle import small_bundle
from cladeseg.benchmark.speed.record import MADE
from cladeseg.files import DataError, read_json
from cladeseg.segmentation.data import find_images
from cladeseg.segmentation.workflow import load_predictor


def test_each_size_is_measured_once_on_links_to_the_same_phantoms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def version(bundle: Path, data: Path, out: Path) -> list[str]:
        asked.append(data)
        return ["--version"]

    monkeypatch.setattr(growth, "COMMANDS", {"version": version})
    result = growth_study(tmp_path, sizes=(3, 12))
    assert growth_study(tmp_path, sizes=(3, 12)) == result == read_json(tmp_path / "growth.json")["growth"]
    assert set(MADE) < set(read_json(tmp_path / "growth.json"))
    assert [path.name for path in asked] == ["links_3", "links_12"]
    assert [len(find_images(path / "imagesTr")) for path in asked] == [3, 12]
    assert len({file.stat().st_ino for file in (asked[1] / "imagesTr").iterdir()}) == 10
    assert all(row["seconds"] > 0 and row["peak_mb"] > 5 for row in result["version"].values())
    assert growth_table(result).count("| version |") == 2
    growth_figure(result, tmp_path / "growth.webp")
    assert (tmp_path / "growth.webp").read_bytes()[8:12] == b"WEBP"


def test_a_command_that_fails_is_named_with_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "COMMANDS", {"nonsense": lambda *paths: ["nonsense"]})
    with pytest.raises(DataError, match=r"nonsense: failed \((?s:.)*No such command"):
        growth_study(tmp_path, sizes=(2,))


def test_the_table_says_what_a_further_case_costs() -> None:
    rows = {"10": {"cpu_seconds": 5.0, "peak_mb": 500.0}, "1000": {"cpu_seconds": 104.0, "peak_mb": 525.0}}
    assert "| predict | 1,000 | 104 | 100 | 525 | +5% |" in growth_table({"predict": rows})


def test_the_small_bundle_predicts_and_is_made_once(tmp_path: Path) -> None:
    bundle = small_bundle(tmp_path)
    before = (bundle / "models" / "model.pt").stat().st_mtime_ns
    assert small_bundle(tmp_path) == bundle
    assert (bundle / "models" / "model.pt").stat().st_mtime_ns == before
    assert load_predictor(bundle, device="cpu").taxonomy.name == "hippocampus"
