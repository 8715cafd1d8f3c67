"""What comes with cladeseg is found by name, in a checkout and in an installed package, and is never written into."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cladeseg.bundle import shipped
from cladeseg.bundle.shipped import (
    copy_bundle,
    find_bundle,
    is_shipped,
    raise_if_shipped,
    shipped_bundles,
    shipped_config,
    shipped_root,
)
from cladeseg.files import DataError

REPOSITORY = Path(__file__).parents[2]
ACDC = REPOSITORY / "bundles" / "acdc_subclass_segmentation"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with one bundle, laid out as a wheel installs it."""
    package = tmp_path / "site-packages" / "cladeseg"
    shutil.copytree(ACDC, package / "shipped" / "bundles" / ACDC.name)
    shutil.copytree(REPOSITORY / "configs", package / "shipped" / "configs")
    monkeypatch.setattr(shipped, "_PACKAGE", package)
    return package


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# ---- finding ---------------------------------------------------------------------------------------------------------


def test_a_checkout_ships_its_own_folders() -> None:
    assert shipped_root() == REPOSITORY
    assert list(shipped_bundles()) == [
        *("acdc", "brats", "heterogeneous_pretraining", "hippocampus", "histology_expression_classification"),
        *("myops", "omics", "organoid_clustering"),
    ]


def test_an_installed_package_goes_before_what_lies_above_it(installed: Path) -> None:
    for name in ("bundles", "configs"):
        (installed.parents[1] / name).mkdir()
    assert shipped_root() == installed / "shipped"
    assert shipped_bundles() == {"acdc": installed / "shipped" / "bundles" / ACDC.name}


def test_a_package_that_lost_its_bundles_says_so(installed: Path) -> None:
    shutil.rmtree(installed / "shipped" / "bundles" / ACDC.name)
    with pytest.raises(DataError, match="shipped/bundles: holds no bundle; install cladeseg again"):
        shipped_bundles()
    shutil.rmtree(installed / "shipped")
    with pytest.raises(DataError, match=r"site-packages/cladeseg: the bundles .* install cladeseg again"):
        shipped_root()


@pytest.mark.parametrize("name", ["acdc", "acdc_subclass_segmentation"])
def test_a_shipped_bundle_is_found_by_name_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()  # a folder of data with that name is no bundle
    assert find_bundle(name) == ACDC


def test_nothing_is_found_above_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_bundle("acdc", tmp_path / "bundles" / "knee")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(DataError):
        find_bundle("knee")
    with pytest.raises(DataError):
        find_bundle("bundles/knee")


def test_a_bundle_in_the_current_directory_goes_before_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    copy_bundle("acdc", "acdc")
    assert find_bundle("acdc") == tmp_path / "acdc"
    assert find_bundle(Path("acdc")).is_absolute()


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("adcc", "acdc"), ("bundles/hippocampus_segmentation", "hippocampus"), ("/nowhere/brat", "brats")],
)
def test_an_unknown_bundle_is_refused_with_the_nearest_name(asked: str, nearest: str) -> None:
    with pytest.raises(DataError) as caught:
        find_bundle(asked)
    assert str(caught.value).startswith(f"{asked}: ")
    assert f"did you mean '{nearest}'? There are acdc, brats, heterogeneous_pretraining, hippocampus, " in str(
        caught.value
    )


@pytest.mark.parametrize("name", ["profiles/acdc_gpu.json", "profiles/acdc_gpu", Path("profiles", "acdc_gpu.json")])
def test_an_overlay_is_found_by_its_path_in_configs(name: str | Path) -> None:
    assert shipped_config(name) == REPOSITORY / "configs" / "profiles" / "acdc_gpu.json"


@pytest.mark.parametrize("name", ["profiles/acdc_gpuu.json", "../configs/profiles/acdc_gpu.json", "profiles"])
def test_an_unknown_overlay_is_refused_with_the_nearest_one(name: str) -> None:
    with pytest.raises(DataError, match=r"did you mean 'profiles/acdc_gpu\.json'\?" if "gpu" in name else "did you"):
        shipped_config(name)


def test_relative_paths_between_grids_overlays_and_bundles_hold(installed: Path) -> None:
    grids = shipped_config("benchmarks/acdc").parent
    assert (grids / "../../bundles" / ACDC.name / "configs" / "train.json").is_file()
    assert (grids / "../ablations/fine_only.json").resolve() == shipped_config("ablations/fine_only")


# ---- copying ---------------------------------------------------------------------------------------------------------


def test_a_copy_holds_the_bundle_without_what_runs_and_benchmarks_left_in_it(installed: Path, tmp_path: Path) -> None:
    source = find_bundle("acdc")
    before = {name for name in files_of(source) if not name.startswith("docs/results/")}
    for left in ("runs/1/models/model.pt", "eval/metrics.json", "docs/results/acdc/records/a.json"):
        (source / left).parent.mkdir(parents=True, exist_ok=True)
        (source / left).touch()
    (source / "models" / "model.pt").touch()
    copy = copy_bundle("acdc", tmp_path / "new" / "mine")
    assert copy == tmp_path / "new" / "mine"
    assert files_of(copy) == {*before, "models/model.pt"}
    assert (copy / "configs" / "train.json").read_bytes() == (source / "configs" / "train.json").read_bytes()


def test_the_copy_of_a_read_only_installation_can_be_written(installed: Path, tmp_path: Path) -> None:
    source = find_bundle("acdc")
    for path in (*source.rglob("*"), source):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        copy = copy_bundle("acdc", tmp_path / "mine")
    finally:
        for path in (source, *sorted(source.rglob("*"))):
            path.chmod(0o755)
    assert all(path.stat().st_mode & 0o200 for path in (copy, *copy.rglob("*")))


def test_an_empty_folder_is_filled_and_another_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    copy_bundle("acdc", tmp_path / "mine")
    stored = (tmp_path / "mine" / "configs" / "train.json").read_bytes()
    with pytest.raises(DataError, match="mine: is not empty"):
        copy_bundle("brats", tmp_path / "mine")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file: is not empty"):
        copy_bundle("acdc", tmp_path / "file")
    assert (tmp_path / "mine" / "configs" / "train.json").read_bytes() == stored


def test_an_interrupted_copy_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[Path] = []
    copyfile = shutil.copyfile

    def fail_at_the_third(source: Path, target: Path) -> None:
        if len(copied) == 2:
            raise OSError("No space left on device")
        copyfile(source, target)
        copied.append(target)

    monkeypatch.setattr(shipped.shutil, "copyfile", fail_at_the_third)
    with pytest.raises(DataError, match=r"mine: the copy of acdc_subclass_segmentation.*No space left"):
        copy_bundle("acdc", tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


# ---- writing ---------------------------------------------------------------------------------------------------------


def test_a_bundle_of_an_installed_package_is_shipped_and_others_are_not(installed: Path, tmp_path: Path) -> None:
    assert is_shipped(find_bundle("acdc"))
    assert is_shipped(installed / "shipped" / "bundles" / ACDC.name / "models")
    assert not is_shipped(copy_bundle("acdc", tmp_path / "mine"))
    assert not is_shipped(tmp_path / "site-packages")


def test_a_link_to_an_installed_bundle_is_shipped_too(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(find_bundle("acdc"), target_is_directory=True)
    assert is_shipped(tmp_path / "link")


def test_the_bundles_of_a_checkout_are_there_to_be_trained_in() -> None:
    assert not any(is_shipped(folder) for folder in shipped_bundles().values())
    raise_if_shipped(ACDC)


def test_writing_into_an_installed_bundle_is_refused_with_the_command_that_copies_it(installed: Path) -> None:
    with pytest.raises(DataError, match=r"acdc_subclass_segmentation: belongs .*'cladeseg copy-bundle acdc FOLDER'"):
        raise_if_shipped(find_bundle("acdc"))
