"""Commands about folders of data: check, phantoms, stack-modalities, select."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from cli_calls import ACDC, TREE, call, images, labels

from cladeseg.files import DataError
from cladeseg.segmentation.data import VolumeStore, build_datalist
from cladeseg.segmentation.phantoms import write_acdc_phantoms
from cladeseg.taxonomy import TaxonomyError, load_taxonomy

# ---- phantoms --------------------------------------------------------------------------------------------------------


def test_phantoms_are_generated_once_and_as_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "generated"
    assert call("phantoms", folder, "--patients", 1, "--seed", 3, "--affines", "ras").exit_code == 0
    assert [file.name for file in folder.glob("patient*")] == ["patient001"]
    assert all(nib.aff2axcodes(nib.load(file).affine) == ("R", "A", "S") for file in images(folder))
    before = {file: file.stat().st_mtime_ns for file in images(folder)}
    assert call("phantoms", folder, "--patients", 1, "--seed", 3, "--affines", "ras").exit_code == 0
    assert {file: file.stat().st_mtime_ns for file in images(folder)} == before
    other = call("phantoms", folder, "--patients", 1, "--seed", 4)
    assert (other.exit_code, type(other.exception)) == (1, DataError)


@pytest.mark.parametrize(
    ("layout", "file"),
    [
        ("brats18", "Brats18_PHANTOM_001_1/Brats18_PHANTOM_001_1_t1ce.nii.gz"),
        ("brats23", "BraTS-GLI-00001-000/BraTS-GLI-00001-000-t2f.nii.gz"),
        ("msd", "dataset.json"),
        ("myops", "Case9001/Case9001_LGE.nii.gz"),
    ],
)
def test_phantoms_come_in_other_layouts(tmp_path: Path, layout: str, file: str) -> None:
    assert call("phantoms", tmp_path / "D", "--layout", layout, "--patients", 1).exit_code == 0
    assert (tmp_path / "D" / file).is_file()


# ---- check -----------------------------------------------------------------------------------------------------------


def test_check_shows_the_tree_and_what_the_folder_holds(data: Path) -> None:
    result = call("check", data, "--taxonomy", TREE)
    assert result.exit_code == 0
    assert result.output.index("heart") < result.output.index("└── ● left_heart")
    assert "● left_ventricle  acdc 3" in result.output
    assert "2: DCM 1, NOR 1" in result.output
    assert "4 read; 4 of them are the same after file → nodes → file" in result.output
    assert "nothing is wrong with any file" in result.output


def test_check_gives_sizes_along_the_patient_whatever_the_order_of_the_axes(tmp_path: Path) -> None:
    data = tmp_path / "varied"  # the fourth patient's slices are not along the last axis
    write_acdc_phantoms(data, patients=4, seed=1, shape=(24, 32, 5), spacing=(6.0, 6.0, 12.0))
    output = call("check", data, "--taxonomy", TREE).output
    low, high = output.split("inferior-superior ")[2].split()[0:3:2]
    assert 10.5 < float(low) < float(high) < 13.5


def test_a_torn_file_is_fatal(data: Path) -> None:
    torn = labels(data)[0]
    torn.write_bytes(torn.read_bytes()[:-16])
    result = call("check", data, "--taxonomy", TREE)
    assert result.exit_code == 1
    assert "1 fatal, 0 fixable, 0 info" in result.output
    assert f"fatal │ patient001/{torn.name}" in result.output
    assert "3 read; 3 of them are the same" in result.output


def test_a_missing_label_is_as_fatal_as_the_bundles_training_takes_it(data: Path, tmp_path: Path) -> None:
    labels(data)[1].unlink()
    result = call("check", data, "--taxonomy", TREE)
    assert result.exit_code == 1
    assert "1 fatal, 0 fixable, 0 info" in result.output
    assert "split.allow_missing_labels" in result.output
    configs = tmp_path / "bundle" / "configs"
    shutil.copytree(TREE.parent, configs)
    train = json.loads((configs / "train.json").read_text())
    train["settings"]["split"]["allow_missing_labels"] = True
    (configs / "train.json").write_text(json.dumps(train))
    result = call("check", data, "--taxonomy", configs / "taxonomy.json", "--workers", 1)
    assert result.exit_code == 0
    assert "0 fatal, 0 fixable, 1 info" in result.output


def test_check_prepares_the_images_as_the_bundle_does(data: Path) -> None:
    """A heart is no brain in four modalities, and check says so as a training would."""
    brats = ACDC.parent / "brats_subclass_segmentation" / "configs" / "taxonomy.json"
    options = ("--layout", "acdc", "--label-convention", "brats23")
    result = call("check", data, "--taxonomy", brats, *options)
    assert result.exit_code == 1
    assert "4 needed" in result.output


def test_a_label_that_would_not_come_back_is_counted(data: Path) -> None:
    file = labels(data)[0]
    label = nib.load(file)
    voxels = np.asarray(label.dataobj, dtype=np.float32)
    voxels[voxels == 3] += 0.0004
    nib.save(nib.Nifti1Image(voxels, label.affine), file)
    result = call("check", data, "--taxonomy", TREE)
    assert result.exit_code == 0
    assert "4 read; 3 of them are the same" in result.output
    assert "hold no integer" in result.output


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["--taxonomy", "none.json"], TaxonomyError, "none.json"),
        (["--taxonomy", TREE, "--label-convention", "brats"], TaxonomyError, "brats"),
        (["--taxonomy", TREE, "--layout", "dicom"], DataError, "dicom"),
    ],
)
def test_check_refuses_what_it_does_not_know(phantoms: Path, arguments: list[Any], error: type, words: str) -> None:
    result = call("check", phantoms, *arguments)
    assert (result.exit_code, type(result.exception)) == (1, error)
    assert words in str(result.exception)


def test_check_knows_the_layout_of_the_bundle_that_the_tree_is_in(tmp_path: Path) -> None:
    call("phantoms", tmp_path / "D", "--layout", "brats23", "--patients", 1)
    tree = ACDC.with_name("brats_subclass_segmentation") / "configs" / "taxonomy.json"
    result = call("check", tmp_path / "D", "--taxonomy", tree)
    assert result.exit_code == 0
    assert "whole_tumour" in result.output


# ---- stack-modalities ------------------------------------------------------------------------------------------------


def test_stack_joins_the_modalities_of_a_subject(tmp_path: Path) -> None:
    call("phantoms", tmp_path / "D", "--layout", "brats23", "--patients", 1)
    (subject,) = (path for path in (tmp_path / "D").iterdir() if path.is_dir())
    assert call("stack-modalities", subject, tmp_path / "one.nii.gz").exit_code == 0
    stacked, flair = nib.load(tmp_path / "one.nii.gz"), nib.load(next(subject.glob("*-t2f.nii.gz")))
    assert stacked.shape == (*flair.shape, 4)
    assert np.array_equal(np.asanyarray(stacked.dataobj)[..., 0], np.asanyarray(flair.dataobj))
    again = call("stack-modalities", subject, tmp_path / "one.nii.gz")
    assert isinstance(again.exception, DataError)
    assert call("stack-modalities", subject, tmp_path / "one.nii.gz", "--force").exit_code == 0


def test_stack_joins_modalities_of_other_names_in_the_order_asked_for(tmp_path: Path) -> None:
    call("phantoms", tmp_path / "D", "--layout", "myops", "--patients", 1)
    assert call("stack-modalities", tmp_path / "D", tmp_path / "out", "--channels", "T2, C0, LGE").exit_code == 0
    stacked = np.asanyarray(nib.load(tmp_path / "out" / "Case9001.nii.gz").dataobj)
    cine = np.asanyarray(nib.load(tmp_path / "D" / "Case9001" / "Case9001_C0.nii.gz").dataobj)
    assert np.array_equal(stacked[..., 1], cine)


# ---- select ----------------------------------------------------------------------------------------------------------


def test_select_proposes_patients_that_a_training_takes_by_name(tmp_path: Path) -> None:
    call("phantoms", tmp_path / "D", "--layout", "msd", "--patients", 6)
    tree = ACDC.with_name("hippocampus_subclass_segmentation") / "configs" / "taxonomy.json"
    where = ("--out", tmp_path / "out", "--taxonomy", tree, "--layout", "msd")
    result = call("select", tmp_path / "D", "--budget", 2, *where)
    assert result.exit_code == 0
    chosen = json.loads((tmp_path / "out" / "selection.json").read_text(encoding="utf-8"))["patients"]
    assert len(set(chosen)) == 2
    assert all(f"{patient}: " in result.output for patient in chosen)
    settings = {"layout": "msd", "label_convention": "msd", "fine_patients": chosen, "test_fraction": 0.0}
    with pytest.raises(DataError, match="nobody"):
        build_datalist(tmp_path / "D", load_taxonomy(tree), **{**settings, "fine_patients": ["nobody"]})
    datalist = build_datalist(tmp_path / "D", load_taxonomy(tree), **{**settings, "validation_fraction": 0.0})
    fine = {case["patient"] for case in datalist["training"] if case["supervision"] == "fine"}
    assert fine == set(chosen)


# ---- clean-store -----------------------------------------------------------------------------------------------------


def test_clean_store_removes_loaded_cases_and_refuses_other_folders(tmp_path: Path) -> None:
    store = VolumeStore(tmp_path / "loaded", {})
    store.put(store.path({"case": "a", "image": str(TREE)}), {"image": torch.zeros(1, 2, 2, 2)})
    result = call("clean-store", tmp_path / "loaded")
    assert result.exit_code == 0
    assert "1 loaded cases removed" in result.output
    assert not list((tmp_path / "loaded").iterdir())
    assert isinstance(call("clean-store", tmp_path / "nowhere").exception, DataError)
