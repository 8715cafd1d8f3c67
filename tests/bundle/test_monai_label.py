"""What a bundle does differently inside MONAI Label."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cladeseg.bundle import choose_run_folder
from cladeseg.bundle.monai_label import mask_label_convention
from cladeseg.files import DataError
from cladeseg.segmentation.workflow import resolve_run_convention
from cladeseg.taxonomy import Taxonomy


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONAI_LABEL_APP_DIR", "/somewhere/app")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "inference.json").write_text(json.dumps({"label_convention": "brats23"}), encoding="utf-8")
    return tmp_path


def test_a_command_writes_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.usefixtures("inside")
def test_labels_from_monai_label_are_read_as_the_masks_are_written(bundle: Path, brats_tree: Taxonomy) -> None:
    assert resolve_run_convention("auto", "data", "brats", brats_tree, bundle) == "brats23"


@pytest.mark.usefixtures("inside")
def test_a_named_label_convention_counts_everywhere(bundle: Path, brats_tree: Taxonomy) -> None:
    assert resolve_run_convention("brats18", "data", "brats", brats_tree, bundle) == "brats18"


def test_a_config_without_label_convention_is_named(bundle: Path) -> None:
    (bundle / "configs" / "inference.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"inference\.json: needs the key 'label_convention'"):
        mask_label_convention(bundle)
