"""One image in, one label on the image's own grid out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.inferers import SimpleInferer, SlidingWindowInferer
from monai.transforms import Compose, Invertd, LoadImaged
from torch import Tensor, nn

from cladeseg.files import DataError
from cladeseg.segmentation.inferers import Predictor
from cladeseg.segmentation.inferers import predictor as predictor_module
from cladeseg.segmentation.transforms import (
    CheckImaged,
    KeepLargestRegiond,
    LeavesToLabeld,
    OrientAxesd,
    ProbabilitiesFromLogsd,
    Spacingd,
)
from cladeseg.taxonomy import Taxonomy, TaxonomyError

LPS = np.array([[-2.0, 0, 0, 30], [0, -2.0, 0, 11], [0, 0, 6.0, -7], [0, 0, 0, 1]])
TRANSPOSED = np.array([[0, 0, 2.0, 5], [6.0, 0, 0, 3], [0, -2.0, 0, 1], [0, 0, 0, 1]])


class ByIntensity(nn.Module):
    """Leaf i where the image is nearest to i; remembers how it was called."""

    def __init__(self, leaves: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.arange(leaves, dtype=torch.float32))
        self.shapes: list[tuple[int, ...]] = []
        self.modes: list[tuple[bool, bool]] = []

    def forward(self, image: Tensor) -> Tensor:
        self.shapes.append(tuple(image.shape))
        self.modes.append((self.training, torch.is_grad_enabled()))
        return (-20 * (image - self.values.view(1, -1, 1, 1, 1)) ** 2).log_softmax(dim=1)


def parts_of(
    tree: Taxonomy, network: nn.Module, spacing: tuple[float, ...] = (2, 2, 6), axis_order: str = "RAS"
) -> tuple[Any, ...]:
    preprocessing = Compose(
        [
            LoadImaged("image", reader="NibabelReader", ensure_channel_first=True),
            CheckImaged("image"),
            OrientAxesd("image", axis_order),
            Spacingd("image", pixdim=spacing, mode="bilinear"),
        ]
    )
    postprocessing = Compose(
        [
            ProbabilitiesFromLogsd("pred"),
            Invertd("pred", preprocessing, orig_keys="image", nearest_interp=False, to_tensor=True),
            LeavesToLabeld(tree, "acdc", keys="pred"),
        ]
    )
    return network, preprocessing, SimpleInferer(), postprocessing


def predictor_of(tree: Taxonomy, network: nn.Module, spacing: tuple[float, ...] = (2, 2, 6)) -> Predictor:
    return Predictor(*parts_of(tree, network, spacing))


def picture(shape: tuple[int, int, int] = (12, 10, 6)) -> np.ndarray:
    """Blocks of intensity 0…3, alike along no axis."""
    voxels = np.zeros(shape, np.float32)
    voxels[2:9, 2:8, 1:5] = 2
    voxels[4:7, 4:6, 1:4] = 3
    voxels[1:3, 2:8, 2:5] = 1
    return voxels


def save(voxels: np.ndarray, path: Path, affine: np.ndarray = LPS) -> Path:
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return path


@pytest.mark.parametrize(
    ("affine", "spacing"),
    [(np.diag([2, 2, 6, 1]), (2, 2, 6)), (LPS, (2, 2, 6)), (TRANSPOSED, (2, 6, 2))],
    ids=["RAS", "LPS", "transposed"],
)
def test_the_label_lies_on_the_images_own_grid(acdc_tree, tmp_path, affine, spacing):
    path = save(picture(), tmp_path / "image.nii.gz", affine)
    label = predictor_of(acdc_tree, ByIntensity(4), spacing)(path)
    assert label.shape == (1, 12, 10, 6)
    assert not label.is_floating_point()
    np.testing.assert_array_equal(label[0].numpy(), picture())
    np.testing.assert_allclose(label.affine, affine)


def test_resampling_is_undone(acdc_tree, tmp_path):
    """Twice as fine along x and y: the network sees a larger image, the label keeps the file's shape."""
    network = ByIntensity(4)
    blocks = np.kron(picture((12, 10, 6)), np.ones((2, 2, 1), np.float32))
    label = predictor_of(acdc_tree, network, spacing=(1, 1, 6))(save(blocks, tmp_path / "image.nii.gz"))
    assert network.shapes == [(1, 1, 47, 39, 6)]
    assert label.shape == (1, 24, 20, 6)
    assert (label[0].numpy() == blocks).mean() > 0.9


def test_the_network_answers_in_eval_mode_without_a_graph(acdc_tree, tmp_path):
    network = ByIntensity(4).train()
    label = predictor_of(acdc_tree, network)(save(picture(), tmp_path / "image.nii.gz"))
    assert network.modes == [(False, False)]
    assert not label.requires_grad


def test_the_inferer_gets_a_plain_batch_of_one(acdc_tree, tmp_path):
    """MetaTensors would drag their metadata through every layer and window."""
    kinds = []

    def inferer(images: Tensor, network: nn.Module) -> Tensor:
        kinds.append((type(images), images.shape[:2]))
        return SlidingWindowInferer((8, 8, 4), padding_mode="replicate")(images, network)

    predictor = predictor_of(acdc_tree, ByIntensity(4))
    predictor.inferer = inferer
    label = predictor(save(picture(), tmp_path / "image.nii.gz"))
    assert kinds == [(Tensor, (1, 1))]
    np.testing.assert_array_equal(label[0].numpy(), picture())


def test_a_path_may_be_text_and_calls_do_not_influence_each_other(acdc_tree, tmp_path):
    predictor = predictor_of(acdc_tree, ByIntensity(4))
    path, other = save(picture(), tmp_path / "a.nii.gz"), save(picture()[::-1], tmp_path / "b.nii.gz", TRANSPOSED)
    first = predictor(path)
    predictor(other)
    torch.testing.assert_close(predictor(str(path)).as_tensor(), first.as_tensor())


def test_log_probabilities_lie_on_the_grid_that_the_network_sees(acdc_tree, tmp_path):
    """Voxels of half the size along x and y, in an order that is not the file's."""
    path = save(picture(), tmp_path / "image.nii.gz", TRANSPOSED)
    network = ByIntensity(4).train()
    predictor = predictor_of(acdc_tree, network, spacing=(1, 1, 6))
    predictor.inferer = lambda images, asked: asked(images).half()
    found = predictor.log_probs(path)
    seen = predictor.preprocessing({"image": str(path)})["image"]
    assert (found.shape, found.dtype, found.requires_grad) == ((4, *seen.shape[1:]), torch.float32, False)
    assert network.modes == [(False, False)]
    np.testing.assert_allclose(np.linalg.norm(found.affine[:3, :3], axis=0), [1, 1, 6])
    np.testing.assert_allclose(found.affine, seen.affine)
    expected = ByIntensity(4)(seen.as_tensor()[None])[0].half().float()
    torch.testing.assert_close(found.as_tensor(), expected.detach())


def test_an_image_without_log_probabilities_is_named(acdc_tree, tmp_path):
    with pytest.raises(DataError, match=rf"^{tmp_path / 'none.nii.gz'}: "):
        predictor_of(acdc_tree, ByIntensity(4)).log_probs(tmp_path / "none.nii.gz")


# ---- everything that derives from one prediction ---------------------------------------------------------------------


@pytest.mark.parametrize("affine", [LPS, TRANSPOSED], ids=["LPS", "transposed"])
def test_probabilities_lie_on_the_images_own_grid_and_are_inverted_once(acdc_tree, tmp_path, affine, monkeypatch):
    path = save(picture(), tmp_path / "image.nii.gz", affine)
    predictor, inverted, invert = predictor_of(acdc_tree, ByIntensity(4), spacing=(1, 1, 6)), [], Invertd.__call__
    monkeypatch.setattr(Invertd, "__call__", lambda self, data: inverted.append(self) or invert(self, data))
    prediction = predictor.predict(path)
    assert prediction.probabilities.shape == (4, 12, 10, 6)
    assert prediction.uncertainty.shape == (12, 10, 6)
    assert len(inverted) == 1
    np.testing.assert_array_equal(prediction.label[0].numpy(), prediction.probabilities.argmax(0).numpy())
    np.testing.assert_array_equal(prediction.label[0].numpy(), predictor(path)[0].numpy())
    assert prediction.voxel_ml == pytest.approx(0.024)


class ByPlace(nn.Module):
    """Leaf 1 where the first voxels along an axis are, the background elsewhere."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, image: Tensor) -> Tensor:
        scores = torch.zeros(len(image), 4, *image.shape[2:])
        scores[:, 0] = 4
        scores.narrow(self.dim, 0, 2)[:, 1] = 8
        return scores.log_softmax(dim=1)


@pytest.mark.parametrize(("order", "dim"), [("RAS", 2), ("RSA", 3), ("stored", 1)])
def test_flips_are_anatomical_whatever_the_order_of_the_networks_axes(acdc_tree, tmp_path, order, dim):
    """The file's axes are A, P and R: posterior-anterior is another axis of what the network sees in each order."""
    tree = Taxonomy("sides", acdc_tree.nodes, ("posterior-anterior", "inferior-superior"))
    path = save(np.random.default_rng(0).random((12, 6, 10)).astype(np.float32), tmp_path / "image.nii.gz", TRANSPOSED)
    parts = parts_of(tree, ByPlace(dim + 1), axis_order=order)
    views = ((), ("posterior-anterior",)), ((), ("inferior-superior",))
    plain = Predictor(*parts).log_probs(path).exp().as_tensor()
    along, across = (Predictor(*parts, flips=flips).log_probs(path).exp().as_tensor() for flips in views)
    torch.testing.assert_close(along, (plain + plain.flip(dim)) / 2)
    torch.testing.assert_close(across, plain)
    assert not torch.equal(along, plain)


def test_a_flip_that_the_tree_does_not_allow_is_refused(acdc_tree):
    with pytest.raises(TaxonomyError, match="left-right"):
        Predictor(*parts_of(acdc_tree, ByIntensity(4)), flips=((), ("left-right",)))


def test_a_postprocessing_without_a_label_is_refused(acdc_tree):
    *parts, postprocessing = parts_of(acdc_tree, ByIntensity(4))
    with pytest.raises(ValueError, match="LeavesToLabeld"):
        Predictor(*parts, Compose(postprocessing.transforms[:-1]))


# ---- refusals: one DataError that starts with the file, not MONAI's account of its transforms ------------------------


@pytest.mark.parametrize(
    ("voxels", "reason"),
    [
        (np.full((6, 6, 4), np.nan, np.float32), "not finite"),
        (np.zeros((6, 6, 4), np.float32), "same value"),
        (np.random.default_rng(0).normal(size=(6, 6)).astype(np.float32), "2D"),
        (np.random.default_rng(0).normal(size=(6, 6, 4, 2)).astype(np.float32), "2 channels"),
    ],
    ids=["nan", "constant", "2D", "4D"],
)
def test_an_image_that_cannot_be_used_is_refused_by_name(acdc_tree, tmp_path, voxels, reason):
    path = save(voxels, tmp_path / "image.nii.gz")
    with pytest.raises(DataError, match=rf"^{path}: .*{reason}"):
        predictor_of(acdc_tree, ByIntensity(4))(path)


def test_a_truncated_image_is_refused_by_name(acdc_tree, tmp_path):
    path = save(picture(), tmp_path / "image.nii.gz")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=rf"^{path}: "):
        predictor_of(acdc_tree, ByIntensity(4))(path)


def test_a_missing_image_is_refused_by_name(acdc_tree, tmp_path):
    with pytest.raises(DataError, match=rf"^{tmp_path / 'none.nii.gz'}: "):
        predictor_of(acdc_tree, ByIntensity(4))(tmp_path / "none.nii.gz")


# ---- several files ---------------------------------------------------------------------------------------------------


class Fails:
    """Preprocessing that remembers what it was given and fails as MONAI would."""

    def __init__(self) -> None:
        self.given: list[object] = []

    def __call__(self, item: dict[str, object]) -> dict[str, object]:
        self.given.append(item["image"])
        raise RuntimeError("applying transform") from ValueError("bad voxels")


def test_channels_are_handed_on_as_text_and_a_failure_names_the_first_file(acdc_tree, tmp_path):
    predictor = predictor_of(acdc_tree, ByIntensity(4))
    predictor.preprocessing = Fails()
    with pytest.raises(DataError, match=rf"^{tmp_path / 't1.nii'}: ValueError: bad voxels"):
        predictor([None, tmp_path / "t1.nii", "t2.nii"])
    assert predictor.preprocessing.given == [[None, str(tmp_path / "t1.nii"), "t2.nii"]]
    with pytest.raises(DataError, match="names no file"):
        predictor([None, None])


@pytest.mark.parametrize("regions", [[], ["heart"]])
def test_little_memory_gives_the_same_label_and_probabilities(
    acdc_tree: Taxonomy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regions: list[str]
) -> None:
    image = save(picture(), tmp_path / "image.nii.gz")
    network, preprocessing, inferer, postprocessing = parts_of(acdc_tree, ByIntensity(4), (3, 2, 6))
    steps = list(postprocessing.transforms)
    steps.insert(2, KeepLargestRegiond(acdc_tree, regions))
    parts = network, preprocessing, inferer, Compose(steps)
    plenty = Predictor(*parts).predict(image)
    room = 12 * 10 * 6 * 4 * 3 * 3.5 / 2**30  # 3.5 of the 4 leaves on the image's grid, which is the larger one
    restored: list[Any] = []
    original = predictor_module.restore_by_leaf
    monkeypatch.setattr(predictor_module, "restore_by_leaf", lambda *given: restored.append(1) or original(*given))
    little = Predictor(*parts, max_ram=room).predict(image)
    assert restored
    assert torch.equal(little.label, plenty.label)
    assert torch.equal(torch.as_tensor(little.label.affine), torch.as_tensor(plenty.label.affine))
    assert torch.equal(little.probabilities, plenty.probabilities)


def test_too_little_memory_is_refused_with_what_is_needed(acdc_tree: Taxonomy, tmp_path: Path) -> None:
    image = save(picture(), tmp_path / "image.nii.gz")
    with pytest.raises(DataError, match=r"image\.nii\.gz: needs at least .* GiB .* max_ram allows 1e-06"):
        Predictor(*parts_of(acdc_tree, ByIntensity(4)), max_ram=1e-6).predict(image)


def test_no_memory_is_no_limit_that_can_be_meant(acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match="max_ram: GiB"):
        Predictor(*parts_of(acdc_tree, ByIntensity(4)), max_ram=0)
