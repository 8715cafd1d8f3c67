"""Results pages come from records alone, and those of the repository are what its records give."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "docs" / "_site"))
sys.path.insert(0, str(REPOSITORY / "tests" / "benchmark" / "speed"))

import results_pages  # noqa: E402
from planted_records import INFERENCE, MADE  # noqa: E402

from cladeseg.benchmark.store import CaseRow, ResultStore, RunRow  # noqa: E402
from cladeseg.files import write_json  # noqa: E402


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With one bundle, one grid of two methods, and the list between its marks."""
    root = tmp_path / "repository"
    (root / "configs" / "benchmarks").mkdir(parents=True)
    (root / "docs").mkdir()
    (root / "docs" / "results.md").write_text(
        f"# Results\n\nBefore.\n\n{results_pages.BEGIN}\nold\n{results_pages.END}\n\nAfter.\n", encoding="utf-8"
    )
    (root / "bundles").mkdir()
    (root / "bundles" / "hippo").symlink_to(REPOSITORY / "bundles" / "hippocampus_subclass_segmentation")
    grid = {
        "name": "small",
        "bundle": "../../bundles/hippo",
        "split": "test",
        "n": [1],
        "draws": [0],
        "records": "../../records",
        "results": "../../pages/small",
        "ours": "ours",
        "phantoms": {"cases": 6},
        "methods": [{"name": "ours", "label": "ours"}, {"name": "alone", "label": "fine alone"}],
    }
    (root / "configs" / "benchmarks" / "small.json").write_text(json.dumps(grid), encoding="utf-8")
    return root


def record(store: ResultStore, method: str, dice: float) -> None:
    key = {"method": method, "n": 1, "draw": 0, "seed": 0, "split": "test"}
    cases = [
        CaseRow(**key, case=f"c{i}", patient=f"c{i}", node=node, dice=dice, iou=dice, hd95_mm=1.0, status="ok")
        for i in range(3)
        for node in ("anterior", "posterior")
    ]
    run = RunRow(**key, status="finished", dice=dice, iou=dice, hd95_mm=1.0, cases=3, patients=3, seconds=9.0)
    store.add(run, cases)


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_grid_has_a_page_once_each_method_has_a_run(repository: Path, tmp_path: Path) -> None:
    store = ResultStore(repository / "records")
    record(store, "ours", 0.9)
    assert results_pages.main(repository, tmp_path / "a") == [tmp_path / "a" / "docs" / "results.md"]
    record(store, "alone", 0.8)
    page, _ = results_pages.main(repository, tmp_path / "b")
    assert page == tmp_path / "b" / "pages" / "small" / "README.md"
    assert "| ours | 1 | 1 of 1 |" in page.read_text(encoding="utf-8")


def test_the_same_records_give_the_same_pages(repository: Path, tmp_path: Path) -> None:
    store = ResultStore(repository / "records")
    for method, dice in (("ours", 0.9), ("alone", 0.8)):
        record(store, method, dice)
    for target in ("a", "b"):
        results_pages.main(repository, tmp_path / target)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_what_stands_around_the_list_stays(repository: Path) -> None:
    results_pages.main(repository)
    text = (repository / "docs" / "results.md").read_text(encoding="utf-8")
    assert text.startswith("# Results\n\nBefore.\n")
    assert text.endswith("\n\nAfter.\n")
    assert "old" not in text


def test_times_and_profiles_come_from_their_records(repository: Path, tmp_path: Path) -> None:
    readme = repository / "bundles" / "acdc" / "docs" / "README.md"
    readme.parent.mkdir(parents=True)
    before, after = f"# ACDC\n\n{results_pages.PROFILES}\n", f"{results_pages.END_OF_PROFILES}\n\n## Results\n"
    readme.write_text(f"{before}old\n{after}", encoding="utf-8")
    records = repository / results_pages.SPEED
    record = {**MADE, "bundle": "acdc", "dataset": "ACDC", "inference": INFERENCE}
    write_json(record, records / "inference_acdc.json")
    results_pages.main(repository, tmp_path / "a")
    shown, page = (tmp_path / "a" / name for name in ("bundles/acdc/docs/README.md", "docs/speed.md"))
    text = shown.read_text(encoding="utf-8")
    assert text.startswith(f"{before}## Profiles\n")
    assert text.endswith(f"(../../../docs/speed.md#inference) has the spread, the command and the machine.\n{after}")
    assert "### acdc, ACDC" in page.read_text(encoding="utf-8")
    (records / "inference_acdc.json").unlink()
    results_pages.main(repository, tmp_path / "b")
    assert (tmp_path / "b" / "bundles/acdc/docs/README.md").read_text(encoding="utf-8") == before + after


def test_the_pages_of_the_repository_are_those_that_its_records_give(tmp_path: Path) -> None:
    results_pages.main(REPOSITORY, tmp_path)
    for name, content in files_of(tmp_path).items():
        assert (REPOSITORY / name).read_bytes() == content, f"{name}: write it anew with make results"


def test_every_page_of_results_stands_in_the_list() -> None:
    text = (REPOSITORY / "docs" / "results.md").read_text(encoding="utf-8")
    for page in REPOSITORY.glob("bundles/*/docs/results/*/README.md"):
        assert f"](../{page.relative_to(REPOSITORY).as_posix()})" in text
