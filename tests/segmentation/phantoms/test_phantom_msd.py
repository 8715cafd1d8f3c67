"""Phantom hippocampi: the Decathlon's layout, and a border that shape decides and brightness does not."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from cladeseg.segmentation.phantoms.msd import write_msd_phantoms

ANTERIOR, POSTERIOR = 1, 2
TINY = {"shape": (22, 24, 20), "spacing": (1.7, 2.0, 1.7)}
SEED = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("phantoms") / "msd"
    write_msd_phantoms(home, cases=10, seed=SEED, **TINY)
    return home


def cases(folder: Path) -> list[tuple[nib.Nifti1Image, nib.Nifti1Image]]:
    """Image and label of each case that dataset.json lists."""
    listed = json.loads((folder / "dataset.json").read_text())["training"]
    return [(nib.load(folder / case["image"]), nib.load(folder / case["label"])) for case in listed]


def canonical(volume: nib.Nifti1Image) -> np.ndarray:
    return np.asarray(nib.as_closest_canonical(volume).dataobj)


def test_the_layout_is_that_of_the_decathlon(folder: Path):
    content = json.loads((folder / "dataset.json").read_text())
    assert content["modality"] == {"0": "MRI"}
    assert content["labels"] == {"0": "background", "1": "Anterior", "2": "Posterior"}
    assert content["numTraining"] == len(content["training"]) == 10
    assert (content["numTest"], content["test"]) == (0, [])
    assert content["training"][1] == {
        "image": "./imagesTr/hippocampus_002.nii.gz",
        "label": "./labelsTr/hippocampus_002.nii.gz",
    }
    for image, label in cases(folder):
        assert label.get_data_dtype() == np.uint8
        assert image.shape == label.shape
        np.testing.assert_array_equal(image.affine, label.affine)
        np.testing.assert_allclose(image.get_sform(coded=True)[0], image.get_qform(coded=True)[0], atol=1e-4)
        assert set(np.unique(canonical(label))) == {0, ANTERIOR, POSTERIOR}


def test_intensities_span_four_decades_in_two_types(folder: Path):
    images = [image for image, _ in cases(folder)]
    largest = [float(np.asarray(image.dataobj).max()) for image in images]
    assert 99 < min(largest) < 1e3
    assert 1e5 < max(largest) < 1e6
    assert {image.get_data_dtype() for image in images} == {np.dtype(np.int16), np.dtype(np.float32)}


def test_the_anterior_part_lies_further_to_the_front_of_the_world(folder: Path):
    axes = set()
    for _, label in cases(folder):
        axes.add("".join(nib.aff2axcodes(label.affine)))
        values = np.asarray(label.dataobj)
        anterior, posterior = (
            nib.affines.apply_affine(label.affine, np.argwhere(values == v)).mean(0) for v in (ANTERIOR, POSTERIOR)
        )
        towards = anterior - posterior
        assert towards[1] > 0.7 * np.linalg.norm(towards)
    assert axes == {"RAS", "LPS", "ARI"}


def test_orientation_is_a_matter_of_storage_alone(folder: Path, tmp_path: Path):
    write_msd_phantoms(tmp_path / "ras", cases=4, seed=SEED, affines="ras", **TINY)
    for varied, ras in zip(cases(folder)[:4], cases(tmp_path / "ras"), strict=True):
        for one, other in zip(varied, ras, strict=True):
            np.testing.assert_array_equal(canonical(one), canonical(other))


def test_the_hippocampus_is_one_long_piece_whose_head_is_thicker(folder: Path):
    for _, label in cases(folder):
        values = canonical(label)
        parts, _ = ndimage.label(values > 0, np.ones((3, 3, 3)))
        assert np.bincount(parts.ravel())[1:].max() > 0.97 * (values > 0).sum()
        length, width, height = (np.ptp(np.argwhere(values)[:, axis]) * TINY["spacing"][axis] for axis in (1, 0, 2))
        assert length > 1.5 * max(width, height)
        head, body = ((values == v).sum((0, 2)) for v in (ANTERIOR, POSTERIOR))
        assert head.max() > 1.3 * np.median(body[body > 0])


def test_brightness_does_not_tell_the_parts_but_shows_the_whole(folder: Path):
    for image, label in cases(folder):
        intensity, values = canonical(image), canonical(label)
        middle = [
            np.median(intensity[ndimage.binary_erosion(values > 0) & (values == v)]) for v in (ANTERIOR, POSTERIOR)
        ]
        white = np.percentile(intensity, 85)
        assert max(middle) < 0.9 * white
        assert abs(middle[0] - middle[1]) < 0.15 * white
        # Fluid of the horn: dark voxels right beside the hippocampus, as in T1.
        beside = ndimage.binary_dilation(values > 0, iterations=2) & (values == 0)
        assert (intensity[beside] < 0.6 * min(middle)).any()


def test_left_and_right_ones_occur(folder: Path):
    # The cistern, dark from top to bottom, lies medially of the hippocampus.
    darker_on_the_left = []
    for image, _ in cases(folder):
        intensity = canonical(image)
        darker_on_the_left.append(bool(intensity[:3].mean() < intensity[-3:].mean()))
    assert set(darker_on_the_left) == {True, False}


def test_the_same_request_gives_the_same_bytes_and_another_seed_does_not(folder: Path, tmp_path: Path):
    first = write_msd_phantoms(tmp_path / "a", cases=1, seed=SEED, **TINY)[1:]
    other = write_msd_phantoms(tmp_path / "b", cases=1, seed=SEED + 1, **TINY)[1:]
    for file, different in zip(first, other, strict=True):
        # Also: a case does not depend on how many are made.
        assert file.read_bytes() == (folder / file.relative_to(tmp_path / "a")).read_bytes()
        assert file.read_bytes() != different.read_bytes()


@pytest.mark.parametrize(
    ("wrong", "name"),
    [({"cases": 0}, "cases"), ({"shape": (8, 8, 8)}, "shape"), ({"spacing": (1, 1)}, "spacing")],
)
def test_an_impossible_request_names_the_argument(wrong: dict, name: str, tmp_path: Path):
    with pytest.raises(ValueError, match=name):
        write_msd_phantoms(tmp_path / "a", **wrong)
    assert not (tmp_path / "a").exists()
