"""What a bundle does differently inside MONAI Label."""

from __future__ import annotations

from pathlib import Path

import pytest

from cladeseg.bundle import choose_run_folder


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONAI_LABEL_APP_DIR", "/somewhere/app")


def test_a_command_writes_where_the_config_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONAI_LABEL_APP_DIR", raising=False)
    assert choose_run_folder(tmp_path / "R", tmp_path).root == tmp_path / "R"


@pytest.mark.usefixtures("inside")
def test_each_training_of_monai_label_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    roots = []
    for _ in range(3):
        roots.append(Path(choose_run_folder("runs/hippocampus", tmp_path).root))
        roots[-1].mkdir(parents=True)
    assert len(set(roots)) == 3
    assert {root.parent for root in roots} == {tmp_path / "runs"}


@pytest.mark.usefixtures("inside")
def test_the_folder_is_named_in_the_bundle_and_not_in_the_app_folder_that_links_it(tmp_path: Path) -> None:
    bundle, link = tmp_path / "bundle", tmp_path / "link"
    bundle.mkdir()
    link.symlink_to(bundle, target_is_directory=True)
    assert Path(choose_run_folder("runs/hippocampus", link).root).parent == bundle / "runs"
