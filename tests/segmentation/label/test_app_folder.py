"""The app folder is made from what is installed, and links the bundle."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.label import app_folder
from cladeseg.segmentation.label.app_folder import installed_app, prepare_app

BUNDLE = Path(__file__).parents[3] / "bundles" / "acdc_subclass_segmentation"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the sample app of an installed MONAI Label."""
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "main.py").write_text("class MyApp: ...\n", encoding="utf-8")
    monkeypatch.setattr(app_folder, "installed_app", lambda: folder)
    return folder


@pytest.mark.usefixtures("installed")
def test_the_folder_holds_their_app_ours_and_the_bundle(tmp_path: Path) -> None:
    app = prepare_app(BUNDLE, tmp_path / "app")
    assert (app / "monaibundle.py").read_text(encoding="utf-8") == "class MyApp: ...\n"
    assert (app / "model" / BUNDLE.name).resolve() == BUNDLE
    # MONAI Label finds an app by the name of a direct base class.
    (ours,) = [node for node in ast.parse((app / "main.py").read_text()).body if isinstance(node, ast.ClassDef)]
    assert "MONAILabelApp" in [ast.unparse(base) for base in ours.bases]


@pytest.mark.usefixtures("installed")
def test_a_second_preparation_moves_the_link(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / BUNDLE.name
    (other / "configs").mkdir(parents=True)
    for name in ("metadata.json", "train.json", "inference.json"):
        (other / "configs" / name).write_text("{}", encoding="utf-8")
    prepare_app(BUNDLE, tmp_path / "app")
    prepare_app(other, tmp_path / "app")
    assert (tmp_path / "app" / "model" / BUNDLE.name).resolve() == other


@pytest.mark.usefixtures("installed")
def test_a_folder_that_is_no_bundle_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"metadata\.json: not found; is .*nothing a bundle's folder"):
        prepare_app(tmp_path / "nothing", tmp_path / "app")


@pytest.mark.usefixtures("installed")
def test_a_copied_bundle_in_the_place_of_the_link_is_kept(tmp_path: Path) -> None:
    copied = tmp_path / "app" / "model" / BUNDLE.name / "models"
    copied.mkdir(parents=True)
    with pytest.raises(DataError, match="cannot be made into an app folder"):
        prepare_app(BUNDLE, tmp_path / "app")
    assert copied.is_dir()


def test_without_monai_label_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise app_folder.PackageNotFoundError(name)

    monkeypatch.setattr(app_folder, "distribution", missing)
    with pytest.raises(DataError, match=r"pip install 'cladeseg\[label\]'"):
        installed_app()
