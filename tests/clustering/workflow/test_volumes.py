"""Objects of label volumes from training to clusters."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cladeseg.clustering.workflow import ClusteringPlan, GroupingOptions, find_trained, run_inference, run_training
from cladeseg.files import DataError

#: Half axes in voxels and grey level of each kind.
KINDS = {"round": ((4, 4, 4), 60), "long": ((7, 3, 3), 90), "flat": ((6, 6, 2), 120), "small": ((3, 3, 2), 160)}
UNSEEN = {"large": ((8, 7, 6), 75), "thin": ((8, 2, 2), 140)}
SETTINGS = {"objects": {"outlined": "parts"}, "split": {"test": 0.0}, "model": {"zero": {"folds": 2, "batches": 3}}}
OPTIONS = GroupingOptions(resamples=3)


def ellipsoid(half: tuple[int, ...], centre: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    away = (np.indices(shape) - np.reshape(centre, (3, 1, 1, 1))) / np.reshape(half, (3, 1, 1, 1))
    return (away**2).sum(axis=0) <= 1


def write_scan(folder: Path, name: str, kinds: dict[str, tuple[tuple[int, ...], int]], seed: int) -> list[str]:
    """One lesion of each kind in a row, all with the number 1; their kinds in the order of their parts."""
    rng = np.random.default_rng(seed)
    image, mask = rng.normal(20, 2, (20 * len(kinds), 20, 20)), np.zeros((20 * len(kinds), 20, 20), dtype=np.int16)
    for at, (half, level) in enumerate(kinds.values()):
        inside = ellipsoid(half, (20 * at + 10, 10, 10), mask.shape)
        image[inside] = level + rng.normal(0, 3, inside.sum())
        mask[inside] = 1
    image[0, 0, 0], image[-1, -1, -1] = 0, 200
    for end, values in (("", image.astype(np.float32)), ("_objects", mask)):
        nib.save(nib.Nifti1Image(values, np.eye(4)), folder / f"{name}{end}.nii.gz")
    return list(kinds)


def write_scans(folder: Path, kinds: dict[str, tuple[tuple[int, ...], int]], scans: int, first: int) -> Path:
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "class"])
        for number in range(first, first + scans):
            names = write_scan(folder, f"p{number}", kinds, number)
            rows.writerows([f"p{number}#{part}", name] for part, name in enumerate(names, 1))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("volumes")
    data = write_scans(folder / "seen", KINDS, 6, first=0)
    run_training(ClusteringPlan(settings=SETTINGS, dataset_dir=data, output_dir=folder / "R"), "cpu")
    return folder / "R"


def test_lesions_of_kinds_that_no_training_saw_are_grouped_by_shape_and_texture(run: Path, tmp_path: Path) -> None:
    data = write_scans(tmp_path / "unseen", UNSEEN, 5, first=50)
    found = run_inference(find_trained(run), dataset_dir=data, output_dir=run, options=OPTIONS)
    kinds = [name.partition("#")[2] for name in found.ids]
    assert len(set(zip(kinds, found.numbers.tolist(), strict=True))) == 2
    assert (run / "contact_sheet.png").is_file()


def test_pictures_are_refused_by_a_model_of_volumes(run: Path, tmp_path: Path) -> None:
    from PIL import Image

    picture = np.random.default_rng(0).integers(0, 60, (32, 32), dtype=np.uint8)
    picture[8:24, 8:24] = 200
    Image.fromarray(picture).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"the model was trained on volumes of 1 channel\(s\)"):
        run_inference(find_trained(run), dataset_dir=tmp_path, output_dir=run, options=OPTIONS)
