"""Images that would be answered with a silently wrong mask are refused by name; all others pass untouched."""

from __future__ import annotations

import pickle
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from cladeseg.files import DataError, first_cause
from cladeseg.segmentation.transforms import CheckImaged, CheckNormalised, preprocessing


def image(*shape: int, file: str = "/scans/p1.nii.gz") -> MetaTensor:
    return MetaTensor(torch.arange(float(torch.tensor(shape).prod())).reshape(shape), meta={"filename_or_obj": file})


def planted(value: float) -> MetaTensor:
    volume = image(1, 4, 5, 3)
    volume[0, 3, 4, 2] = value
    return volume


def test_a_good_image_passes_as_it_is():
    volume, other = image(1, 4, 5, 3), object()
    out = CheckImaged("image")({"image": volume, "case": other})
    assert out["image"] is volume
    assert out["case"] is other


@pytest.mark.parametrize(
    ("volume", "fault"),
    [
        (image(1, 4, 5), "2D"),
        (image(1, 4, 5, 3, 2), "4D"),
        (image(2, 4, 5, 3), "2 channels; 1 needed"),
        (planted(float("nan")), "1 voxels are not finite"),
        (planted(float("inf")), "1 voxels are not finite"),
        (planted(float("-inf")), "1 voxels are not finite"),
        (image(1, 4, 5, 3) * 0 + 7, "every voxel holds the same value"),
        (image(1, 4, 5, 0), "empty"),
    ],
)
def test_a_fault_is_named_with_the_file(volume: MetaTensor, fault: str):
    with pytest.raises(DataError, match=rf"^/scans/p1\.nii\.gz: .*{fault}"):
        CheckImaged("image")({"image": volume})


def test_one_deviating_voxel_is_enough_to_be_an_image():
    volume = image(1, 4, 5, 3) * 0
    volume[0, 0, 0, 0] = 1e-3
    CheckImaged("image")({"image": volume})


def test_integer_images_are_images():
    CheckImaged("image")({"image": image(1, 4, 5, 3).to(torch.int16)})


def test_the_number_of_channels_is_a_choice():
    CheckImaged("image", channels=4)({"image": image(4, 3, 3, 3)})
    CheckImaged("image", channels=None)({"image": image(7, 3, 3, 3)})
    with pytest.raises(DataError, match="1 channels; 4 needed"):
        CheckImaged("image", channels=4)({"image": image(1, 3, 3, 3)})


def test_every_key_is_checked_and_an_unknown_file_is_named_by_its_key():
    check = CheckImaged(["image", "flair"])
    with pytest.raises(DataError, match=r"^flair: "):
        check({"image": image(1, 4, 5, 3), "flair": torch.zeros(1, 4, 5, 3)})


def multichannel(*constant: tuple[int, float]) -> MetaTensor:
    volume = image(4, 3, 3, 3)
    for channel, value in constant:
        volume[channel] = value
    return volume


@pytest.mark.parametrize("present", [["flair"], ["t1", "t2"], ["flair", "t1", "t2"]])
def test_channels_of_absent_modalities_may_be_zero_throughout(present: list[str]):
    absent = [(channel, 0.0) for channel in range(4 - len(present))]
    CheckImaged("image", channels=4)({"image": multichannel(*absent), "modalities": present})


def test_a_channel_that_is_there_must_vary_and_is_named():
    item = {"image": multichannel((1, 0.0)), "modalities": ["flair", "t1", "t1ce", "t2"]}
    with pytest.raises(DataError, match=r"^/scans/p1\.nii\.gz: t1 is empty"):
        CheckImaged("image", channels=4)(item)
    with pytest.raises(DataError, match="channel 2 is empty"):
        CheckImaged("image", channels=4)({"image": multichannel((2, 7.0))})


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_an_absent_channel_excuses_no_other(value: float):
    item = {"image": multichannel((0, 0.0), (3, value)), "modalities": ["t1", "t1ce", "t2"]}
    with pytest.raises(DataError, match="one of t1, t1ce, t2 is empty"):
        CheckImaged("image", channels=4)(item)


def test_an_image_whose_only_modality_is_constant_is_refused():
    item = {"image": image(4, 3, 3, 3) * 0, "modalities": ["t1"]}
    with pytest.raises(DataError, match="is empty: every voxel"):
        CheckImaged("image", channels=4)(item)


def test_it_pickles():
    assert pickle.loads(pickle.dumps(CheckImaged("image", channels=2))).channels == 2


# ---- after the last lossy step ---------------------------------------------------------------------------------------


def saved(voxels: np.ndarray, folder: Path) -> str:
    file = folder / "scan.nii.gz"
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), file)
    return str(file)


def refusal(file: str, intensity: str) -> str:
    with pytest.raises(RuntimeError) as caught:
        preprocessing(spacing=(1, 1, 1), intensity=intensity)({"image": file})
    return str(first_cause(caught.value))


@pytest.mark.parametrize("intensity", ["percentiles", "brain"])
def test_intensities_without_a_variance_in_float32_are_refused(tmp_path: Path, intensity: str) -> None:
    voxels = np.random.default_rng(0).uniform(-3e38, 3e38, (8, 8, 4)).astype(np.float32)
    file = saved(voxels, tmp_path)
    assert refusal(file, intensity).startswith(f"{file}: its intensities are too large")


def test_an_image_that_clipping_leaves_constant_is_refused(tmp_path: Path) -> None:
    voxels = np.zeros((20, 20, 10), np.int16)
    voxels[3:5, 3, 3:5] = 900  # 0.1 % of the voxels
    file = saved(voxels, tmp_path)
    assert refusal(file, "percentiles").startswith(f"{file}: too few voxels hold anything")
    preprocessing(spacing=(1, 1, 1), intensity="brain")(
        {"image": saved(np.arange(2000.0).reshape(20, 20, 5), tmp_path)}
    )


def test_absent_modalities_may_be_empty_and_present_ones_may_not() -> None:
    volume = image(2, 4, 5, 3)
    volume[1] = 0
    assert CheckNormalised("image")({"image": volume, "modalities": ["flair"]})["image"] is volume
    for present in ({}, {"modalities": ["flair", "t1"]}):
        with pytest.raises(DataError, match="nothing of 1 of 2 channels"):
            CheckNormalised("image")({"image": volume, **present})
