"""The one chain from files to what a network sees, and back."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from cladeseg.files import DataError, first_cause
from cladeseg.segmentation.transforms import chosen_modalities, postprocessing, preprocessing
from cladeseg.taxonomy import Node, Taxonomy

NAMES = ("flair", "t1")
TREE = Taxonomy("two", (Node("background", values={"d": 0}), Node("thing", values={"d": 7})))
#: Left-posterior-superior with 2 x 1 x 3 mm voxels.
AFFINE = np.array([[-2.0, 0, 0, 50], [0, -1, 0, 40], [0, 0, 3, -10], [0, 0, 0, 1]])


def write(path: Path, voxels: np.ndarray) -> str:
    nib.save(nib.Nifti1Image(voxels, AFFINE), path)
    return str(path)


@pytest.fixture
def brain() -> np.ndarray:
    """A box of tissue in air."""
    rng = np.random.default_rng(0)
    voxels = np.zeros((12, 14, 10), dtype=np.float32)
    voxels[2:9, 3:12, 1:8] = 500 + 100 * rng.standard_normal((7, 9, 7))
    return voxels


def test_a_brain_is_standardised_where_it_is_and_air_stays_zero(tmp_path, brain):
    file = write(tmp_path / "a.nii.gz", brain)
    image = preprocessing(spacing=(-1, -1, -1), intensity="brain")({"image": file})["image"]
    assert image.shape == (1, 7, 9, 7)
    inside = image[image != 0]
    assert float(inside.mean()) == pytest.approx(0, abs=1e-3)
    assert float(inside.std(correction=0)) == pytest.approx(1, abs=1e-3)

    half = brain.copy()
    half[5:] = 0  # the second modality covers half of the brain
    files = [file, write(tmp_path / "b.nii.gz", half)]
    image = preprocessing(spacing=(-1, -1, -1), intensity="brain", modalities=NAMES)({"image": files})["image"]
    assert image.shape == (2, 7, 9, 7)
    assert int((image[1] == 0).sum()) == 4 * 9 * 7
    assert float(image[1][image[1] != 0].mean()) == pytest.approx(0, abs=1e-3)


def test_percentiles_clip_what_a_vessel_or_a_clip_outshines(tmp_path, brain):
    brain[5, 5, 5] = 1e6
    file = write(tmp_path / "a.nii.gz", brain)
    image = preprocessing(spacing=(-1, -1, -1))({"image": file})["image"]
    assert float(image.max()) < 5
    assert float(image.mean()) == pytest.approx(0, abs=1e-3)


def test_a_loud_modality_does_not_set_the_limits_of_a_quiet_one(tmp_path, brain):
    """Percentiles over all channels at once would clip nothing of the quiet one, and its clip would outshine it."""
    quiet = brain.copy()
    quiet[5, 5, 5] = 5000
    files = [write(tmp_path / "a.nii.gz", 100 * brain), write(tmp_path / "b.nii.gz", quiet)]
    image = preprocessing(spacing=(-1, -1, -1), modalities=NAMES)({"image": files})["image"]
    alone = preprocessing(spacing=(-1, -1, -1))({"image": files[1]})["image"]
    torch.testing.assert_close(image[1].as_tensor(), alone[0].as_tensor())


def test_image_and_nodes_share_the_target_grid(tmp_path, brain):
    label = np.where(brain > 500, 7, 0).astype(np.uint8)
    item = {"image": write(tmp_path / "a.nii.gz", brain), "label": write(tmp_path / "l.nii.gz", label)}
    chain = preprocessing(spacing=(1.0, 1.0, -1), taxonomy=TREE, label_convention="d")
    out = chain(item)
    assert out["image"].shape[1:] == out["nodes"].shape[1:]
    assert out["nodes"].dtype == torch.uint8
    assert out["image"].dtype == torch.float32
    assert set(out["nodes"].unique().tolist()) == {0, TREE.index("thing")}


@pytest.mark.parametrize("intensity", ["percentiles", "brain"])
def test_a_mask_comes_back_on_the_grid_of_its_image(tmp_path, brain, intensity):
    """What is cut off round a brain comes back as background."""
    file = write(tmp_path / "a.nii.gz", brain)
    before = preprocessing(spacing=(-1, -1, -1), intensity=intensity)
    item = before({"image": file})
    bright = (item["image"].as_tensor() > 0).float()
    item["pred"] = MetaTensor(torch.log(torch.cat([1 - bright, bright]).clamp(min=1e-6)), meta=item["image"].meta)
    postprocessing(preprocessing=before, taxonomy=TREE, label_convention="d", output_dir=tmp_path)(item)
    mask = nib.load(tmp_path / "predictions" / "a.nii.gz")
    assert mask.affine == pytest.approx(AFFINE)
    level = brain[brain > 0].mean() if intensity == "brain" else brain.mean()
    assert np.asanyarray(mask.dataobj).tolist() == np.where(brain > level, 7, 0).tolist()


def test_a_modality_may_be_missing_at_inference_but_not_in_training(tmp_path, brain):
    item = {"image": [write(tmp_path / "a.nii.gz", brain), None]}
    chain = preprocessing(spacing=(-1, -1, -1), intensity="brain", modalities=NAMES)
    image = chain(item)["image"]
    assert not image[1].any()
    assert image[0].any()
    training = preprocessing(
        spacing=(-1, -1, -1), intensity="brain", modalities=NAMES, taxonomy=TREE, label_convention="d"
    )
    with pytest.raises(RuntimeError) as caught:  # MONAI's Compose wraps it
        training(item)
    cause = first_cause(caught.value)
    assert isinstance(cause, DataError)
    assert "t1 missing" in str(cause)


def test_what_is_not_used_is_zero(tmp_path, brain):
    files = [write(tmp_path / f"{name}.nii.gz", brain) for name in NAMES]
    chain = preprocessing(spacing=(-1, -1, -1), intensity="brain", modalities=NAMES, use="t1")
    image = chain({"image": files})["image"]
    assert [bool(channel.any()) for channel in image] == [False, True]


def test_an_unknown_kind_of_intensity_is_named():
    with pytest.raises(ValueError, match=r"'ct' is unknown; known are percentiles, brain"):
        preprocessing(spacing=(1, 1, 1), intensity="ct")


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (None, None),
        ("t1", ("t1",)),
        ("t1, flair", ("flair", "t1")),
        (("t1", "flair"), ("flair", "t1")),
        (["flair"], ("flair",)),
    ],
)
def test_modalities_are_chosen_by_name_and_kept_in_order(use, expected):
    assert chosen_modalities(use, NAMES) == expected


@pytest.mark.parametrize(("use", "word"), [("t2", "t2"), ("flair,pd", "pd"), ((), "known are flair, t1")])
def test_an_unknown_modality_is_named(use, word):
    with pytest.raises(ValueError, match=word):
        chosen_modalities(use, NAMES)
