"""Every layout is recognised by itself, lists the same scans and patients, and says what it passes over."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import get_args

import pytest
from laid_out import CHANNELS, SCANS, WRITERS, bids, datalist, folders, msd, nnunet, touch, write_json

from cladeseg.files import DataError
from cladeseg.segmentation.data import LAYOUTS, build_datalist, channel_names, resolve_layout, scan, scan_with_channels
from cladeseg.segmentation.data.datalist import open_or_build_datalist
from cladeseg.segmentation.data.layouts import AUTO, recognise_layout
from cladeseg.segmentation.phantoms import write_acdc_phantoms, write_brats_phantoms, write_msd_phantoms
from cladeseg.segmentation.workflow.settings import DataSettings
from cladeseg.taxonomy import Taxonomy

SEVERAL = sorted(WRITERS.keys() - {"msd"})


def test_the_setting_knows_every_layout() -> None:
    assert set(get_args(DataSettings.model_fields["layout"].annotation)) == {AUTO, *LAYOUTS}


@pytest.mark.parametrize("layout", WRITERS)
def test_a_folder_is_recognised_and_its_scans_are_grouped_by_patient(tmp_path: Path, layout: str) -> None:
    root = WRITERS[layout](tmp_path, ("T1",))
    assert recognise_layout(root) == layout
    cases = scan(root)
    assert sorted(case["patient"].removeprefix("sub-") for case in cases) == sorted(SCANS.values())
    for case in cases:
        assert case.keys() == {"case", "patient", "group", "image", "label"}
        assert (root / case["image"]).is_file()
        assert (root / case["label"]).is_file()
    assert [case["case"] for case in cases] == sorted(case["case"] for case in cases)


@pytest.mark.parametrize("layout", SEVERAL)
def test_channels_are_named_in_order_and_chosen_by_name(tmp_path: Path, layout: str) -> None:
    root = WRITERS[layout](tmp_path)
    assert channel_names(scan_with_channels(root)) == CHANNELS
    both, turned, one = (scan(root, channels=names) for names in ((), ("T2", "T1"), ("T2",)))
    assert [case["image"][::-1] for case in both] == [case["image"] for case in turned]
    assert [case["image"][1] for case in both] == [case["image"] for case in one]
    with pytest.raises(DataError, match="has no channel 'FLAIR'; it has T1, T2"):
        scan(root, channels=("T1", "FLAIR"))


@pytest.mark.parametrize("layout", WRITERS)
def test_no_patient_is_on_two_sides_and_the_layout_is_stored(
    tmp_path: Path, layout: str, flat_tree: Taxonomy, caplog: pytest.LogCaptureFixture
) -> None:
    root = WRITERS[layout](tmp_path / "D", ("T1",))
    settings = {"label_convention": "auto", "validation_supervision": "fine", "progress": False}
    for seed in range(4):
        with caplog.at_level(logging.INFO):
            built = build_datalist(root, flat_tree, seed=seed, **settings)
        side = {case["patient"]: part for part in ("training", "validation", "test") for case in built[part]}
        assert len(side) == 4
        assert all(side[case["patient"]] == part for part in side.values() for case in built[part])
        assert built["layout"] == layout
    assert f"its layout is '{layout}'" in caplog.text
    stored = tmp_path / "R" / "datalist.json"
    first = open_or_build_datalist(stored, root, flat_tree, **settings)
    assert open_or_build_datalist(stored, root, flat_tree, **settings) == first


def test_the_phantoms_are_recognised(tmp_path: Path) -> None:
    write_acdc_phantoms(tmp_path / "acdc", patients=1, shape=(24, 24, 4), spacing=(8, 8, 9))
    write_msd_phantoms(tmp_path / "msd", cases=1, shape=(22, 24, 20))
    for year in ("brats18", "brats23"):
        small = {"shape": (24, 24, 20), "spacing": (8, 8, 8), "naming": year}
        write_brats_phantoms(tmp_path / year, subjects=1, **small)
        assert recognise_layout(tmp_path / year) == "brats"
    assert [recognise_layout(tmp_path / name) for name in ("acdc", "msd")] == ["acdc", "msd"]


def test_a_layout_without_its_key_file_is_still_its_own_and_says_what_is_missing(tmp_path: Path) -> None:
    write_acdc_phantoms(tmp_path, patients=1, shape=(24, 24, 4), spacing=(8, 8, 9))
    (tmp_path / "patient001" / "Info.cfg").unlink()
    with pytest.raises(DataError, match=r"Info\.cfg: missing"):
        scan(tmp_path)


def test_a_folder_in_no_layout_is_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii.gz", "b.nii.gz")
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}: no layout fits (")
    assert all(f"{name}: {layout.needs}" in message for name, layout in LAYOUTS.items())
    assert message.endswith("name it with --layout or the setting data.layout")
    assert "\n" not in message


def test_a_folder_in_two_layouts_is_refused_and_either_can_be_named(tmp_path: Path) -> None:
    msd(tmp_path)
    bids(tmp_path)
    with pytest.raises(DataError, match=r"several layouts fit \(bids: .*; msd: .*\); name it with --layout"):
        scan(tmp_path)
    assert {case["image"].split("/")[0] for case in scan(tmp_path, "msd")} == {"imagesTr"}
    assert resolve_layout(tmp_path, "bids") == "bids"


def test_names_alone_decide_only_where_no_list_does(tmp_path: Path) -> None:
    folders(tmp_path, ("T1",))
    assert recognise_layout(tmp_path) == "folders"
    write_json(tmp_path, "mine.json", {"training": [{"image": "p1/p1a.nii.gz"}]})
    assert recognise_layout(tmp_path) == "datalist"


def test_a_broken_list_is_named_where_nothing_fits(tmp_path: Path) -> None:
    touch(tmp_path, "imagesTr/a.nii.gz")
    (tmp_path / "dataset.json").write_text('{"training": [')
    with pytest.raises(DataError, match=r"dataset\.json: cannot be read"):
        scan(tmp_path)


def test_a_file_or_nothing_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "cases.json")
    with pytest.raises(DataError, match="is a file; give its folder"):
        scan(tmp_path / "cases.json")
    with pytest.raises(DataError, match="no such folder"):
        scan(tmp_path / "none")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_named_layout_that_the_folder_is_not_in_is_refused_by_name(tmp_path: Path, layout: str) -> None:
    touch(tmp_path / "D", "notes.txt")
    for root in (tmp_path / "D", tmp_path / "none"):
        with pytest.raises(DataError, match=f"^{root}"):
            scan(root, layout)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("write", [datalist, msd, nnunet])
def test_a_byte_order_mark_changes_nothing(tmp_path: Path, write: object, encoding: str) -> None:
    root = write(tmp_path, ("T1",))  # type: ignore[operator]
    before = scan(root)
    (file,) = root.glob("*.json")
    file.write_text(file.read_text(encoding="utf-8"), encoding=encoding)
    assert scan(root) == before
