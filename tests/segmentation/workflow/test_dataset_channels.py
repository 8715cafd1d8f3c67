"""A new bundle gets its channels from the data set, or from the user where names contradict nothing."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cladeseg.files import DataError, write_json
from cladeseg.segmentation.workflow.dataset_channels import dataset_channels


def save(path: Path, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4, *[channels] * (channels > 1)), np.uint8), np.eye(4)), path)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for patient in ("p1", "p2"):
        for name in ("T2", "C0", "gd"):
            save(tmp_path / patient / f"{patient}_{name}.nii.gz")
    return tmp_path


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    save(tmp_path / "imagesTr" / "a.nii.gz", channels=2)
    content = {"modality": {"0": "FLAIR", "1": "T1"}, "training": [{"image": "imagesTr/a.nii.gz"}]}
    write_json(content, tmp_path / "dataset.json")
    return tmp_path


@pytest.mark.parametrize(("wanted", "named"), [((), ["C0", "T2"]), (("T2", "C0"), ["T2", "C0"]), (("T2",), ["T2"])])
def test_files_are_chosen_by_name(files: Path, wanted: tuple[str, ...], named: list[str]) -> None:
    assert dataset_channels(files, "folders", wanted) == named


def test_a_channel_that_is_not_there_is_refused(files: Path) -> None:
    with pytest.raises(DataError, match="has no channel 'LGE'; it has C0, T2"):
        dataset_channels(files, "folders", ("LGE",))


def test_the_volumes_of_a_file_may_be_called_otherwise_but_keep_their_order(stacks: Path) -> None:
    assert dataset_channels(stacks, "msd") == ["FLAIR", "T1"]
    assert dataset_channels(stacks, "msd", ("a", "b")) == ["a", "b"]
    for wrong in (("T1", "FLAIR"), ("FLAIR",)):
        with pytest.raises(DataError, match="holds the channels FLAIR, T1 in this order"):
            dataset_channels(stacks, "msd", wrong)


def test_channels_that_nobody_names_are_asked_for(stacks: Path) -> None:
    write_json({"training": [{"image": "imagesTr/a.nii.gz"}]}, stacks / "dataset.json")
    with pytest.raises(DataError, match="2 channels; name them in their order, with --channels a,b"):
        dataset_channels(stacks, "msd")
    with pytest.raises(DataError, match="2 channels, not the 3 named a, b, c"):
        dataset_channels(stacks, "msd", ("a", "b", "c"))
