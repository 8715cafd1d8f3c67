"""Masks in the format that is asked for, and no image or earlier file is ever written over."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from cli_calls import ACDC, NETWORK, call, images, small_bundle
from typer.testing import Result
from volume_formats import write_dicom, write_itk, write_nifti

import own_process
from cladeseg.bundle.failure import root_cause
from cladeseg.files import DataError
from cladeseg.volumes import read_volume

with_highdicom = pytest.mark.skipif(find_spec("highdicom") is None, reason="needs the extra cladeseg[dicom]")
AFFINE = np.array([[-6.0, 0, 0, 70], [0, -6, 0, 51], [0, 0, 10, -13], [0, 0, 0, 1]])


def predict(source: Path, out: Path, bundle: Path, *more: Any) -> Result:
    return call("predict", source, out, "--bundle", bundle, "--device", "cpu", *more)


def inference(bundle: Path, dataset: Path, output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monai.bundle", "run", "inference", "--config_file", "configs/inference.json"]
    command += ["--dataset_dir", str(dataset), "--output_dir", str(output), "--device", "cpu", *more]
    return own_process.run(command, cwd=bundle)


def content(folder: Path) -> dict[str, bytes]:
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    return {name: file.read_bytes() for name, file in files.items() if not name.startswith(("qc", "results"))}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose network sees every structure in the phantom."""
    folder = tmp_path_factory.mktemp("bundle")
    return small_bundle(folder, ACDC, NETWORK, decided=True, spacing=[6.0, 6.0, -1.0], patch_size=[16, 16, 4])


@pytest.fixture(scope="module")
def voxels(phantoms: Path) -> np.ndarray:
    """One phantom's, as every format holds them."""
    return np.asarray(nib.load(images(phantoms)[0]).dataobj).astype(np.int16)


@pytest.fixture(scope="module")
def expected(voxels: np.ndarray, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The mask of the NIfTI."""
    folder = tmp_path_factory.mktemp("nifti")
    assert predict(write_nifti(voxels, folder / "scan.nii.gz", AFFINE), folder / "out", bundle).exit_code == 0
    mask = read_volume(folder / "out" / "scan.nii.gz")
    assert len(np.unique(mask.voxels)) == 4
    return mask.voxels


@pytest.mark.parametrize("chosen", ["nifti", "nrrd", "mha"])
def test_the_format_that_is_asked_for_is_written_maps_included(
    voxels: np.ndarray, expected: np.ndarray, bundle: Path, tmp_path: Path, chosen: str
) -> None:
    ending = {"nifti": ".nii.gz", "nrrd": ".nrrd", "mha": ".mha"}[chosen]
    write_dicom(voxels, tmp_path / "D" / "one", AFFINE)
    write_itk(voxels, tmp_path / "D" / "two.mha", AFFINE)
    options = ("--output-format", chosen, "--probabilities", "--uncertainty")
    assert predict(tmp_path / "D", tmp_path / "out", bundle, *options).exit_code == 0
    names = {f"{case}{kind}{ending}" for case in ("one", "two") for kind in ("", "_probabilities", "_uncertainty")}
    assert set(content(tmp_path / "out")) == {*names, "volumes.csv", "prediction.json"}
    for case in ("one", "two"):
        np.testing.assert_array_equal(read_volume(tmp_path / "out" / f"{case}{ending}").voxels, expected)
        leaves = read_volume(tmp_path / "out" / f"{case}_probabilities{ending}").voxels
        np.testing.assert_array_equal(leaves.argmax(axis=-1), expected)
    record = json.loads((tmp_path / "out" / "prediction.json").read_text(encoding="utf-8"))
    assert (set(record["files"]), record["settings"]["output_format"]) == (names, chosen)


def test_a_fourth_axis_of_one_does_not_matter(
    voxels: np.ndarray, expected: np.ndarray, bundle: Path, tmp_path: Path
) -> None:
    image = write_nifti(voxels[..., None], tmp_path / "scan.nii.gz", AFFINE)
    assert predict(image, tmp_path / "out", bundle).exit_code == 0
    mask = nib.load(tmp_path / "out" / "scan.nii.gz")
    np.testing.assert_array_equal(np.asarray(mask.dataobj), expected)


def test_both_commands_write_the_same_in_the_format_that_is_asked_for(
    voxels: np.ndarray, bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "D").mkdir()
    image = write_itk(voxels, tmp_path / "D" / "scan.mha")
    done = inference(bundle, image.parent, tmp_path / "R", "--output_format", "nrrd")
    assert done.returncode == 0, done.stderr
    assert predict(image.parent, tmp_path / "out", bundle, "--output_format", "nrrd").exit_code == 0
    one, other = (tmp_path / folder / "scan.nrrd" for folder in ("R/predictions", "out"))
    assert one.read_bytes() == other.read_bytes()


@with_highdicom
def test_a_dicom_series_gets_a_dicom_segmentation_of_the_trees_leaves(
    voxels: np.ndarray, expected: np.ndarray, bundle: Path, tmp_path: Path
) -> None:
    import highdicom

    series = write_dicom(voxels, tmp_path / "scan", AFFINE)
    options = ("--output-format", "dicom-seg", "--uncertainty")
    assert predict(series, tmp_path / "out", bundle, *options).exit_code == 0
    assert {*content(tmp_path / "out")} >= {"scan.dcm", "scan_uncertainty.nii.gz"}
    done = inference(bundle, series, tmp_path / "R", "--output_format", "dicom-seg")
    assert done.returncode == 0, done.stderr
    for file in (tmp_path / "out" / "scan.dcm", tmp_path / "R" / "predictions" / "scan.dcm"):
        found = highdicom.seg.segread(file)
        assert [one.SegmentLabel for one in found.SegmentSequence] == [
            "right_ventricle",
            "myocardium",
            "left_ventricle",
        ]
        planes = found.get_volume(combine_segments=True, allow_missing_positions=True)
        counts = np.unique(planes.array[planes.array > 0], return_counts=True)
        np.testing.assert_array_equal(counts, np.unique(expected[expected > 0], return_counts=True))


@with_highdicom
def test_segmentations_beside_and_among_the_slices_are_no_images(
    voxels: np.ndarray, bundle: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write_dicom(voxels, tmp_path / "D" / name, AFFINE)
    assert predict(tmp_path / "D", tmp_path / "D", bundle, "--output-format", "dicom-seg").exit_code == 0
    (tmp_path / "D" / "prediction.json").unlink()
    shutil.copy(tmp_path / "D" / "a.dcm", tmp_path / "D" / "a")
    assert predict(tmp_path / "D", tmp_path / "out", bundle).exit_code == 0
    assert {*content(tmp_path / "out")} == {"a.nii.gz", "b.nii.gz", "volumes.csv", "prediction.json"}


@with_highdicom
@pytest.mark.parametrize("more", [[], ["--resume"], ["--overwrite"]], ids=["", "resume", "overwrite"])
def test_no_slice_of_a_series_is_overwritten(voxels: np.ndarray, bundle: Path, tmp_path: Path, more: list[str]) -> None:
    series = write_dicom(voxels, tmp_path / "scan", AFFINE)
    min(series.iterdir()).rename(series / "scan.dcm")
    before = content(tmp_path)
    result = predict(series, series, bundle, "--output-format", "dicom-seg", *more)
    assert "scan.dcm: is one of the images" in str(result.exception)
    assert content(tmp_path) == before


@with_highdicom
def test_an_earlier_dicom_segmentation_is_set_aside_by_overwrite_alone(
    voxels: np.ndarray, bundle: Path, tmp_path: Path
) -> None:
    series = write_dicom(voxels, tmp_path / "scan", AFFINE)
    options = (series, tmp_path / "out", bundle, "--output-format", "dicom-seg")
    assert predict(*options).exit_code == 0
    before = content(tmp_path / "out")
    assert isinstance(predict(*options).exception, DataError)
    assert content(tmp_path / "out") == before
    assert predict(*options, "--overwrite").exit_code == 0
    after = content(tmp_path / "out")
    assert after["scan.dcm.1"] == before["scan.dcm"] != after["scan.dcm"]


def test_without_highdicom_the_way_out_is_said_before_anything_is_written(
    voxels: np.ndarray, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = write_dicom(voxels, tmp_path / "scan", AFFINE)
    monkeypatch.setitem(sys.modules, "highdicom", None)
    result = predict(series, tmp_path / "out", bundle, "--output-format", "dicom-seg")
    assert (result.exit_code, type(result.exception)) == (1, DataError)
    assert "install cladeseg[dicom]" in str(result.exception)
    assert not (tmp_path / "out").exists()
    assert predict(series, tmp_path / "out", bundle).exit_code == 0


def test_an_image_that_is_no_dicom_series_gets_no_dicom_segmentation(
    voxels: np.ndarray, bundle: Path, tmp_path: Path
) -> None:
    write_dicom(voxels, tmp_path / "D" / "one", AFFINE)
    other = write_nifti(voxels, tmp_path / "D" / "two.nii.gz", AFFINE)
    result = predict(tmp_path / "D", tmp_path / "out", bundle, "--output-format", "dicom-seg")
    assert str(result.exception).startswith(f"{other}: is no DICOM series")
    assert not (tmp_path / "out").exists()


def test_an_unknown_format_is_named(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    result = predict(phantoms, tmp_path / "out", bundle, "--output-format", "png")
    assert "'png' is unknown; known are nifti, nrrd, mha, dicom-seg" in str(result.exception)
    assert not (tmp_path / "out").exists()


# ---- images are never written over -----------------------------------------------------------------------------------


@pytest.fixture
def scans(voxels: np.ndarray, tmp_path: Path) -> Path:
    """A folder S with one image."""
    (tmp_path / "S").mkdir()
    write_nifti(voxels, tmp_path / "S" / "x.nii.gz", AFFINE)
    return tmp_path / "S"


@pytest.mark.parametrize("more", [[], ["--resume"], ["--overwrite"]], ids=["", "resume", "overwrite"])
@pytest.mark.parametrize("kind", ["folder", "file", "link to the folder", "second name", "link to the file"])
def test_an_image_is_not_overwritten_whatever_path_leads_to_it(
    scans: Path, bundle: Path, tmp_path: Path, kind: str, more: list[str]
) -> None:
    out, source = scans, scans
    if kind == "file":
        source = scans / "x.nii.gz"
    elif kind == "link to the folder":
        out = tmp_path / "T"
        out.symlink_to(scans)
    elif kind.endswith(("name", "file")):
        out = tmp_path / "T"
        out.mkdir()
        link = out / "x.nii.gz"
        link.hardlink_to(scans / "x.nii.gz") if kind == "second name" else link.symlink_to(scans / "x.nii.gz")
    before = content(tmp_path)
    result = predict(source, out, bundle, *more)
    assert (result.exit_code, type(result.exception)) == (1, DataError)
    assert "x.nii.gz: is one of the images" in str(result.exception)
    assert content(tmp_path) == before


def test_the_bundles_command_takes_no_mask_for_an_image_and_overwrites_none(
    scans: Path, bundle: Path, tmp_path: Path
) -> None:
    first = inference(bundle, scans, tmp_path / "R")
    assert first.returncode == 0, first.stderr
    before = content(tmp_path)
    again = inference(bundle, tmp_path / "R" / "predictions", tmp_path / "R")
    assert again.returncode != 0
    assert "error: " in again.stderr
    assert "x.nii.gz" in again.stderr.splitlines()[-1]
    second = inference(bundle, scans, tmp_path / "R")
    assert second.returncode != 0
    assert "x.nii.gz: is there already; add --overwrite True" in second.stderr.splitlines()[-1]
    assert content(tmp_path) == before
    third = inference(bundle, scans, tmp_path / "R", "--overwrite", "True")
    assert third.returncode == 0, third.stderr
    masks = content(tmp_path / "R" / "predictions")
    assert masks["x.nii.gz"] == masks["x.nii.gz.1"] == before["R/predictions/x.nii.gz"]


def test_a_mask_without_its_record_is_an_image_that_is_not_overwritten(
    scans: Path, bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "R").mkdir()
    scans.rename(tmp_path / "R" / "predictions")
    before = content(tmp_path)
    done = inference(bundle, tmp_path / "R" / "predictions", tmp_path / "R")
    assert done.returncode != 0
    assert "x.nii.gz: is one of the images" in done.stderr.splitlines()[-1]
    assert content(tmp_path) == before


# ---- earlier files ---------------------------------------------------------------------------------------------------


def test_overwrite_sets_aside_what_an_earlier_call_wrote(scans: Path, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert predict(scans, out, bundle, "--uncertainty").exit_code == 0
    before = content(out)
    refused = predict(scans, out, bundle, "--overlap", "0.5")
    assert "--overwrite" in str(refused.exception)
    assert content(out) == before
    assert predict(scans, out, bundle, "--overlap", "0.5", "--overwrite").exit_code == 0
    after = content(out)
    assert {name.removesuffix(".1"): bytes_ for name, bytes_ in after.items() if name.endswith(".1")} == before
    assert {name for name in after if not name.endswith(".1")} == {"x.nii.gz", "volumes.csv", "prediction.json"}
    assert "x_uncertainty.nii.gz" not in json.loads(after["prediction.json"])["files"]


def test_resume_and_overwrite_exclude_each_other(scans: Path, bundle: Path, tmp_path: Path) -> None:
    result = predict(scans, tmp_path / "out", bundle, "--resume", "--overwrite")
    assert isinstance(result.exception, ValueError)
    assert not (tmp_path / "out").exists()


def test_masks_beside_their_images_are_not_predicted_again(scans: Path, bundle: Path, tmp_path: Path) -> None:
    shutil.move(scans / "x.nii.gz", scans / "x.nii.gz.part")
    image = nib.load(shutil.copy(scans / "x.nii.gz.part", tmp_path / "y.nii.gz"))
    nib.save(image, scans / "x.nii")
    assert predict(scans, scans, bundle).exit_code == 0
    assert {*content(scans)} == {"x.nii", "x.nii.gz", "x.nii.gz.part", "prediction.json", "volumes.csv"}
    assert predict(scans, tmp_path / "again", bundle).exit_code == 0
    assert {*content(tmp_path / "again")} == {"x.nii.gz", "prediction.json", "volumes.csv"}


def test_weights_with_nan_give_no_mask(scans: Path, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    weights = tmp_path / "models" / "broken.pt"
    shutil.copy(bundle / "models" / "model.json", tmp_path / "models" / "model.json")
    state = torch.load(bundle / "models" / "model.pt", weights_only=True)
    state[next(iter(state))].view(-1)[0] = torch.nan
    torch.save(state, weights)
    result = predict(scans, tmp_path / "out", ACDC, "--weights", weights)
    assert result.exit_code == 1
    assert isinstance(root_cause(result.exception), DataError)
    assert not list((tmp_path / "out").glob("*.nii.gz"))
