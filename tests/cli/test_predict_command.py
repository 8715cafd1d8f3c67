"""``cladeseg predict``: what it writes, what it refuses, and that its masks are those of the bundle's command."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from cli_calls import ACDC, BRATS, NETWORK, call, images, in_own_process, small_bundle
from typer.testing import Result

import own_process
from cladeseg.bundle.failure import root_cause
from cladeseg.bundle.weights_record import sha256_of
from cladeseg.files import DataError
from cladeseg.segmentation.phantoms import write_brats_phantoms
from cladeseg.segmentation.workflow import BundlePredictor, load_predictor
from cladeseg.volumes import write_label

ALL = ("--probabilities", "--uncertainty", "--flips", "allowed")


def predict(source: Path, out: Path, bundle: Path, *more: Any) -> Result:
    device = [] if "--device" in more else ["--device", "cpu"]
    return call("predict", source, out, "--bundle", bundle, *device, *more)


def predicted(source: Path, out: Path, bundle: Path, *more: Any) -> dict[str, bytes]:
    """Content of every file that a prediction writes, but for the record's and those of the page."""
    result = predict(source, out, bundle, *more)
    assert (result.exit_code, result.exception) == (0, None)
    return {file.name: file.read_bytes() for file in out.iterdir() if file.is_file() and file.suffix != ".json"}


def volumes(out: Path) -> list[dict[str, str]]:
    with (out / "volumes.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def plain(phantoms: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What is written where nothing but the masks is asked for."""
    return predicted(phantoms, tmp_path_factory.mktemp("plain") / "out", bundle)


# ---- masks -----------------------------------------------------------------------------------------------------------


def test_predict_writes_the_mask_of_every_image_on_its_own_grid(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    written = predicted(phantoms, tmp_path / "masks", bundle)
    predictor = load_predictor(bundle, device="cpu")
    assert sorted(written) == sorted([*(image.name for image in images(phantoms)), "volumes.csv"])
    for image in images(phantoms):
        mask = nib.load(tmp_path / "masks" / image.name)
        assert np.array_equal(np.asarray(mask.dataobj), predictor(image)[0].numpy())
        assert np.array_equal(mask.affine, nib.load(image).affine)


def test_the_masks_are_those_of_the_bundles_own_command_byte_by_byte(
    phantoms: Path, bundle: Path, plain: dict[str, bytes], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "monai.bundle", "run", "inference", "--config_file", "configs/inference.json"]
    command += ["--dataset_dir", str(phantoms), "--output_dir", str(tmp_path), "--device", "cpu"]
    own_process.run(command, cwd=bundle, check=True)
    masks = {file.name: file.read_bytes() for file in (tmp_path / "predictions").glob("*.nii.gz")}
    assert masks == {name: content for name, content in plain.items() if name != "volumes.csv"}


def test_predict_takes_one_file_and_named_weights(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("model.pt", "model.json"):
        shutil.copy(bundle / "models" / name, tmp_path / "models" / name)
    image, weights = images(phantoms)[0], tmp_path / "models" / "model.pt"
    written = predicted(image, tmp_path / "out", ACDC, "--weights", weights)
    assert set(written) == {image.name, "volumes.csv"}
    record = json.loads((tmp_path / "out" / "prediction.json").read_text(encoding="utf-8"))
    assert record["settings"]["weights"] == sha256_of(weights)
    assert record["versions"]["torch"] == torch.__version__


# ---- what else it writes ---------------------------------------------------------------------------------------------


def test_probabilities_and_uncertainty_belong_to_the_mask(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    written = predicted(phantoms, out, bundle, *ALL)
    cases = [image.name.removesuffix(".nii.gz") for image in images(phantoms)]
    endings = (".nii.gz", "_probabilities.nii.gz", "_uncertainty.nii.gz")
    assert set(written) == {f"{case}{ending}" for case in cases for ending in endings} | {"volumes.csv"}
    for case, image in zip(cases, images(phantoms), strict=True):
        mask, p, uncertainty = (nib.load(out / f"{case}{ending}") for ending in endings)
        assert all(np.array_equal(file.affine, nib.load(image).affine) for file in (mask, p, uncertainty))
        leaves = np.asarray(p.dataobj)
        np.testing.assert_allclose(leaves.sum(axis=-1), 1, atol=1e-5)
        np.testing.assert_array_equal(leaves.argmax(axis=-1), np.asarray(mask.dataobj))  # ACDC's integers are 0…3
        entropy, heart = np.asarray(uncertainty.dataobj), leaves[..., 1:].sum(axis=-1)
        assert entropy.shape == leaves.shape[:3]
        assert not entropy[heart < 0.499].any()
        assert (entropy[heart > 0.501] > 0).all()
        assert entropy.max() <= np.log(3) + 1e-6


def test_other_outputs_leave_the_masks_as_they_are(
    phantoms: Path, bundle: Path, plain: dict[str, bytes], tmp_path: Path
) -> None:
    written = predicted(phantoms, tmp_path / "out", bundle, "--probabilities", "--uncertainty")
    assert {name: written[name] for name in plain} == plain


def test_flips_average_what_the_network_says_of_mirrored_views(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    image = images(phantoms)[0]
    predicted(image, tmp_path / "out", bundle, "--probabilities", "--flips", "allowed")
    found = np.asarray(nib.load(next((tmp_path / "out").glob("*_probabilities.nii.gz"))).dataobj)
    predictor = load_predictor(bundle, device="cpu")
    seen = predictor.preprocessing({"image": str(image)})["image"].as_tensor()[None]
    log_probs = predictor.log_probs

    def mirrored(axes: tuple[int, ...]) -> torch.Tensor:
        dims = [axis + 2 for axis in axes]
        with torch.no_grad():
            return predictor.inferer(seen.flip(dims), predictor.network).flip(dims).exp()

    views = [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    expected = torch.stack([mirrored(axes) for axes in views]).mean(0)[0]
    flipped = load_predictor(bundle, device="cpu", flips="allowed")
    torch.testing.assert_close(flipped.log_probs(image).exp().as_tensor(), expected, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(log_probs(image).exp().as_tensor(), expected, atol=1e-4)
    np.testing.assert_allclose(np.moveaxis(found, -1, 0), flipped.predict(image).probabilities, atol=1e-6)


def test_volumes_are_the_masks_voxels_in_millilitres(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    predicted(phantoms, tmp_path / "out", bundle)
    rows = volumes(tmp_path / "out")
    parts = {
        "right_ventricle": (1,),
        "myocardium": (2,),
        "left_ventricle": (3,),
        "left_heart": (2, 3),
        "heart": (1, 2, 3),
    }
    for image in images(phantoms):
        mask = nib.load(tmp_path / "out" / image.name)
        ml = abs(np.linalg.det(mask.affine[:3, :3])) / 1000
        mine = {row["node"]: row for row in rows if f"{row['case']}.nii.gz" == image.name}
        for node, values in parts.items():
            voxels = int(np.isin(np.asarray(mask.dataobj), values).sum())
            assert int(mine[node]["voxels"]) == voxels
            assert float(mine[node]["volume_ml"]) == pytest.approx(voxels * ml, abs=1e-5)


def test_verbose_tells_each_case_and_quiet_nothing(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    loud = predict(phantoms, tmp_path / "loud", bundle, "-v")
    for image in images(phantoms):
        (line,) = (one for one in loud.stderr.splitlines() if f" {image.name.removesuffix('.nii.gz')}: " in one)
        assert "heart" in line
        assert " ml" in line
    assert "predicting" in loud.stderr
    quiet = predict(phantoms, tmp_path / "quiet", bundle, "-q")
    assert (quiet.stderr, quiet.stdout) == (
        "",
        f"predictions are in {tmp_path / 'quiet'}\npage: {tmp_path / 'quiet' / 'qc' / 'report.html'}\n",
    )


# ---- several modalities ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def brains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two BraTS phantoms, the first without t1."""
    folder = tmp_path_factory.mktemp("brains") / "data"
    write_brats_phantoms(folder, subjects=2, seed=1, naming="brats18", shape=(24, 24, 20), spacing=(6.0, 6.0, 8.0))
    min(folder.rglob("*_t1.nii.gz")).unlink()
    return folder


@pytest.fixture(scope="module")
def brats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of four modalities with a small random network."""
    options = {**NETWORK, "in_channels": 4}
    return small_bundle(
        tmp_path_factory.mktemp("brats"), BRATS, options, spacing=[6.0, 6.0, 8.0], patch_size=[16, 16, 8]
    )


def test_modalities_that_are_not_named_are_not_looked_at(brains: Path, brats: Path, tmp_path: Path) -> None:
    chosen = predicted(brains, tmp_path / "chosen", brats, "--modalities", "t1ce,flair", "--probabilities")
    only = tmp_path / "only"
    shutil.copytree(brains, only, ignore=shutil.ignore_patterns("*_t1.nii.gz", "*_t2.nii.gz"))
    assert predicted(only, tmp_path / "rest", brats, "--probabilities") == chosen
    assert predicted(brains, tmp_path / "all", brats, "--probabilities") != chosen
    record = json.loads((tmp_path / "chosen" / "prediction.json").read_text(encoding="utf-8"))
    assert record["settings"]["modalities"] == ["flair", "t1ce"]


def test_a_case_is_predicted_from_the_modalities_that_it_has(brains: Path, brats: Path, tmp_path: Path) -> None:
    result = predict(brains, tmp_path / "out", brats, "-v")
    lines = [line for line in result.stderr.splitlines() if " s from " in line]
    assert ["flair, t1, t1ce, t2" in line for line in lines] == [False, True]
    assert ["flair, t1ce, t2" in line for line in lines] == [True, False]
    (warning,) = [line for line in result.stderr.splitlines() if "has no" in line]
    assert warning.endswith("_001_1: has no t1; it is predicted without")


# ---- nothing is lost -------------------------------------------------------------------------------------------------


def test_an_earlier_prediction_is_not_overwritten(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    before = predicted(phantoms, tmp_path / "out", bundle)
    result = predict(phantoms, tmp_path / "out", bundle)
    assert (result.exit_code, type(result.exception)) == (1, DataError)
    assert "--resume" in str(result.exception)
    assert {name: (tmp_path / "out" / name).read_bytes() for name in before} == before


@pytest.mark.parametrize("force", [[], ["--resume"]], ids=["", "resume"])
def test_a_file_of_someone_else_is_not_overwritten(
    phantoms: Path, bundle: Path, tmp_path: Path, force: list[str]
) -> None:
    mine = tmp_path / "out" / images(phantoms)[1].name
    mine.parent.mkdir()
    mine.write_bytes(b"drawn by hand")
    result = predict(phantoms, mine.parent, bundle, *force)
    assert isinstance(result.exception, DataError)
    assert [file.read_bytes() for file in mine.parent.iterdir()] == [b"drawn by hand"]


def test_two_images_that_would_write_one_file_are_refused(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "D").mkdir()
    image = Path(shutil.copy(images(phantoms)[0], tmp_path / "D" / "a.nii.gz"))
    write_label(np.asarray(nib.load(image).dataobj), image, image.with_name("a.nrrd"))
    result = predict(tmp_path / "D", tmp_path / "out", bundle)
    assert "would be the same case 'a'" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_an_interrupted_prediction_goes_on_where_it_stopped(
    phantoms: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = predicted(phantoms, tmp_path / "whole", bundle, *ALL)
    original, calls = BundlePredictor.predict, []

    def dies(self: BundlePredictor, image: Any) -> Any:
        calls.append(image)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, image)

    monkeypatch.setattr(BundlePredictor, "predict", dies)
    assert predict(phantoms, tmp_path / "out", bundle, *ALL).exit_code == 130
    assert len({row["case"] for row in volumes(tmp_path / "out")}) == 2
    calls[:] = ["", "", ""]
    assert predicted(phantoms, tmp_path / "out", bundle, *ALL, "--resume") == whole
    assert len(calls) == 3 + len(images(phantoms)) - 2, "what was finished is not predicted again"


def test_further_images_join_a_folder_with_the_same_settings(
    phantoms: Path, bundle: Path, plain: dict[str, bytes], tmp_path: Path
) -> None:
    for image in images(phantoms):
        predict(image, tmp_path / "out", bundle)
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").glob("*.[nc]*")} == plain


@pytest.mark.parametrize("more", [["--flips", "allowed"], ["--overlap", "0.5"]])
def test_predictions_with_other_settings_do_not_mix(
    phantoms: Path, bundle: Path, tmp_path: Path, more: list[str]
) -> None:
    first, second = images(phantoms)[:2]
    before = predicted(first, tmp_path / "out", bundle)
    result = predict(second, tmp_path / "out", bundle, *more, "--resume")
    assert f"'{more[0].removeprefix('--')}' was" in str(result.exception)
    assert {name: (tmp_path / "out" / name).read_bytes() for name in before} == before


# ---- refused before anything is predicted ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--weights", "none.pt"], "none.pt"),
        (["--modalities", "flair"], "flair"),
        (["--label-convention", "brats"], "brats"),
        (["--device", "cuda"], "cuda"),
        (["--flips", "all"], "'all' is unknown"),
    ],
)
def test_an_option_that_cannot_be_met_is_named(
    phantoms: Path, bundle: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    if words == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    result = predict(phantoms, tmp_path / "out", bundle, *arguments)
    assert words in str(root_cause(result.exception))
    assert not (tmp_path / "out").exists()


def test_what_monai_wraps_is_still_one_line(phantoms: Path, bundle: Path, tmp_path: Path) -> None:
    command = in_own_process("predict", phantoms, tmp_path / "out", "--bundle", bundle, "--modalities", "flair")
    done = own_process.run(command)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: modalities: 'flair' is unknown")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--overlap", "1"], ["--overlap", "-0.1"]])
def test_values_outside_their_range_are_refused_by_the_command_line(
    phantoms: Path, bundle: Path, tmp_path: Path, arguments: list[str]
) -> None:
    result = predict(phantoms, tmp_path / "out", bundle, *arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.output


def test_a_broken_image_stops_it_before_the_first_mask(data: Path, bundle: Path, tmp_path: Path) -> None:
    broken = images(data)[-1]
    broken.write_bytes(broken.read_bytes()[:-16])
    result = predict(data, tmp_path / "out", bundle)
    assert broken.name in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_bundle_is_named(phantoms: Path, tmp_path: Path) -> None:
    result = predict(phantoms, tmp_path / "out", tmp_path)
    assert f"{tmp_path}: is neither a bundle's folder" in str(result.exception)
    assert list(tmp_path.iterdir()) == []
