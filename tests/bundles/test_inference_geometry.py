"""A mask lies where its structure is, on the image's own grid, whichever way it is asked for."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monai.bundle
import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from cladeseg.bundle.failure import root_cause
from cladeseg.files import DataError, write_json
from cladeseg.segmentation.inferers import Predictor
from cladeseg.segmentation.workflow import load_predictor, network_from, promote
from cladeseg.segmentation.workflow.trained import store_weights
from cladeseg.taxonomy import load_taxonomy

BUNDLE = Path(__file__).parents[2] / "bundles" / "acdc_subclass_segmentation"
PATCH = [32, 32, 4]
NETWORK = {
    "in_channels": 1,
    "backbone": "dynunet",
    "filters": [4, 4, 8],
    "kernels": [[3, 3, 1], [3, 3, 1], [3, 3, 3]],
    "strides": [[1, 1, 1], [2, 2, 1], [2, 2, 1]],
    "head": "flat",
    "prior": True,
    "separate_norm": True,
    "seed": 4,
}
Spacing = tuple[float, float, float]


def stored(orientation: str, spacing: Spacing, degrees: float = 0) -> np.ndarray:
    """Affine of an array whose axes run as ``orientation`` says, turned by ``degrees`` about x and y."""
    axes = np.zeros((3, 3))
    for axis, (world, sign) in enumerate(nib.orientations.axcodes2ornt(tuple(orientation)).astype(int)):
        axes[world, axis] = sign
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xy", [degrees, degrees], degrees=True).as_matrix() @ axes * spacing
    affine[:3, 3] = (-41.3, 17.9, 63.1)
    return affine


def write(path: Path, voxels: np.ndarray, affine: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(voxels, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    nib.save(image, path)
    return path


# ---- a perfect network: the mask is the structure --------------------------------------------------------------------


class Threshold(nn.Module):
    """Sees the bright structure and nothing else: one-hot log p(leaf) of an image above a level."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = level

    def forward(self, image: Tensor) -> Tensor:
        bright = (image > self.level).float()
        nothing = torch.zeros_like(image)
        return torch.cat([1 - bright, nothing, nothing, bright], dim=1).clamp(1e-6).log()


def structure(shape: tuple[int, int, int]) -> np.ndarray:
    """A large and a small box, off centre, so that no flip or exchange of axes leaves them in place."""
    x, y, z = shape
    inside = np.zeros(shape, bool)
    inside[x // 6 : x // 2, y // 4 : y * 3 // 4, z // 8 : z * 5 // 8] = True
    inside[x * 2 // 3 : x * 5 // 6, y // 8 : y // 4 + 1, z // 2 : z * 7 // 8] = True
    return inside


def predict(image: Path, inside: np.ndarray, output_dir: Path) -> nib.Nifti1Image:
    """Run the chain of the bundle's inference config round a perfect network; the file that it writes."""
    parser = ConfigParser()
    parser.read_config(str(BUNDLE / "configs" / "inference.json"))
    # Not the weights that may have been promoted here, whose description would choose another grid.
    paths = {"bundle_root": str(BUNDLE), "weights": str(output_dir / "none.pt"), "output_dir": str(output_dir)}
    write_json({"spacing": TARGET}, output_dir / "model.json")
    parser.update(paths)
    share = inside.mean()
    halfway = (0.5 - share) / np.sqrt(share * (1 - share))  # between dark and bright, after normalisation
    chain = (parser.get_parsed_content(name) for name in ("preprocessing", "inferer", "postprocessing"))
    Predictor(Threshold(halfway), *chain)(image)
    return nib.load(output_dir / "predictions" / image.name)


#: What images are resampled to here.
TARGET = [2.0, 2.0, -1.0]


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


#: Nothing is resampled.
AT_TARGET = {
    "ras": (stored("RAS", (2, 2, 9)), (40, 36, 8)),
    "lps": (stored("LPS", (2, 2, 9)), (40, 36, 8)),
    "psr": (stored("PSR", (2, 2, 9)), (40, 36, 8)),
    "slices-first": (stored("IAL", (9, 2, 2)), (8, 40, 36)),
    "slices-second": (stored("RIP", (2, 9, 2)), (36, 8, 40)),
    "oblique": (stored("RAS", (2, 2, 9), degrees=25), (40, 36, 8)),
    "oblique-permuted": (stored("SLP", (9, 2, 2), degrees=-20), (8, 40, 36)),
    "45-degrees": (stored("ASL", (2, 9, 2), degrees=45), (40, 8, 36)),
    "smaller-than-a-patch": (stored("LAS", (2, 2, 10)), (16, 14, 8)),
    "larger-than-a-patch": (stored("LAS", (2, 2, 10)), (90, 84, 9)),
}
RESAMPLED = {
    "fine": (stored("RAS", (1.25, 1.25, 8)), (64, 56, 10)),
    "fine-lps": (stored("LPS", (0.9, 1.4, 8)), (72, 56, 10)),
    "coarse-oblique": (stored("PSR", (3.1, 2.6, 10), degrees=20), (48, 40, 12)),
    "fine-oblique-permuted": (stored("SLP", (10, 1.3, 1.3), degrees=-25), (8, 64, 56)),
    "strongly-anisotropic": (stored("ARI", (0.8, 3.4, 12)), (100, 40, 10)),
    "isotropic": (stored("LIA", (1.5, 1.5, 1.5)), (32, 40, 48)),
    "thin-slices": (stored("ALS", (3, 3, 0.9)), (32, 28, 40)),
}


@pytest.mark.parametrize("name", [*AT_TARGET, *RESAMPLED])
def test_the_mask_lies_where_the_structure_is(tmp_path: Path, name: str):
    affine, shape = {**AT_TARGET, **RESAMPLED}[name]
    inside = structure(shape)
    path = write(tmp_path / f"{name}.nii.gz", np.where(inside, 900, 100).astype(np.int16), affine)
    image, mask = nib.load(path), predict(path, inside, tmp_path / "run")
    assert mask.shape == image.shape
    np.testing.assert_array_equal(mask.affine, image.affine)
    labels = np.asarray(mask.dataobj)
    assert set(np.unique(labels)) == {0, 3}
    if name in AT_TARGET:
        np.testing.assert_array_equal(labels == 3, inside)
    else:
        assert dice(labels == 3, inside) >= 0.9


# ---- one answer, two ways to it --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the bundle with a promoted network that has learnt nothing: its masks show every rounding."""
    root = tmp_path_factory.mktemp("bundle") / "copy"
    shutil.copytree(BUNDLE, root, ignore=shutil.ignore_patterns("models"))
    tree = load_taxonomy("configs/taxonomy.json", root)
    network = network_from(NETWORK, tree)
    run, settings = root.parent / "run", {"spacing": [2.0, 2.0, -1.0], "patch_size": PATCH}
    store_weights(network.state_dict(), run, network=NETWORK, inference=settings, taxonomy=tree, validation={})
    promote(run, root / "models", force=True)
    return root


Infer = Callable[..., dict[str, Path]]


@pytest.fixture
def infer(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Infer:
    """The bundle's inference command on a folder; gives case → mask."""
    monkeypatch.chdir(bundle)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # the command replaces it
    monkeypatch.setattr(sys, "argv", ["monai.bundle"])
    output_dir = tmp_path / "run"

    def run(dataset_dir: Path, **overrides: Any) -> dict[str, Path]:
        files = {"config_file": "configs/inference.json", "dataset_dir": str(dataset_dir)}
        monai.bundle.run("inference", **files, output_dir=str(output_dir), **overrides)
        return {mask.name.removesuffix(".nii.gz"): mask for mask in (output_dir / "predictions").glob("*.nii.gz")}

    return run


def scan(path: Path, affine: np.ndarray, shape: tuple[int, int, int] = (30, 26, 5), seed: int = 0) -> Path:
    """A smooth random image."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return write(path, (gaussian_filter(noise, 1.5) * 1000 + 300).astype(np.float32), affine)


SCANS = {
    "ras": (stored("RAS", (1.6, 1.6, 9)), (36, 30, 5)),
    "lps": (stored("LPS", (2.5, 2.5, 8)), (30, 40, 6)),
    "oblique": (stored("PSR", (10, 1.5, 1.5), degrees=25), (5, 40, 36)),
    "anisotropic": (stored("ARI", (0.8, 3.4, 12)), (60, 20, 5)),
}


def test_the_command_and_the_python_way_give_the_same_bytes(bundle: Path, infer: Infer, tmp_path: Path):
    for seed, (name, (affine, shape)) in enumerate(SCANS.items()):
        scan(tmp_path / "data" / f"{name}.nii.gz", affine, shape, seed)
    masks = infer(tmp_path / "data")
    assert set(masks) == set(SCANS)
    predictor = load_predictor(bundle, device="cpu")
    for name, file in masks.items():
        image, written = nib.load(tmp_path / "data" / f"{name}.nii.gz"), nib.load(file)
        mask = predictor(tmp_path / "data" / f"{name}.nii.gz")
        voxels = np.asarray(written.dataobj)
        assert len(np.unique(voxels)) > 1  # else the comparison would say nothing
        assert voxels.dtype == mask.numpy().dtype
        assert voxels.tobytes() == mask[0].numpy().tobytes()
        assert written.affine.tobytes() == mask.affine.numpy().tobytes() == image.affine.tobytes()
        assert written.shape == image.shape


def test_asking_writes_nothing(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # where a relative output_dir would begin
    before = sorted(bundle.rglob("*"))
    path = scan(tmp_path / "data" / "scan.nii.gz", stored("LPS", (2, 2, 9)))
    load_predictor(bundle, device="cpu")(path)
    assert sorted(bundle.rglob("*")) == before
    assert [file.name for file in tmp_path.rglob("*.nii.gz")] == ["scan.nii.gz"]


# ---- which files -----------------------------------------------------------------------------------------------------


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def plant_nan(path: Path) -> None:
    image = nib.load(path)
    voxels = np.array(np.asarray(image.dataobj))
    voxels[3, 4, 2] = np.nan
    write(path, voxels, image.affine)


def flatten(path: Path) -> None:
    write(path, np.full((30, 26, 5), 7, np.int16), stored("RAS", (2, 2, 9)))


def stack(path: Path) -> None:
    image = nib.load(path)
    write(path, np.stack([image.dataobj] * 2, axis=-1), image.affine)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (truncate, "cannot be read"),
        (plant_nan, "1 voxels are not finite"),
        (flatten, "every voxel is 7"),
        (stack, "4D"),
    ],
)
def test_a_bad_file_stops_the_command_before_the_first_mask(
    infer: Infer, tmp_path: Path, spoil: Callable[[Path], None], fault: str
):
    for name in ("a_good", "b_good", "z_bad"):
        scan(tmp_path / "data" / f"{name}.nii.gz", stored("RAS", (2, 2, 9)))
    spoil(tmp_path / "data" / "z_bad.nii.gz")
    with pytest.raises(Exception) as error:
        infer(tmp_path / "data")
    cause = root_cause(error.value)
    assert isinstance(cause, DataError)
    assert str(cause).startswith(f"{tmp_path / 'data' / 'z_bad.nii.gz'}: ")
    assert fault in str(cause)
    assert "good" not in str(cause)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("spoil", [plant_nan, flatten, stack])
def test_the_python_way_refuses_the_same_files(bundle: Path, tmp_path: Path, spoil: Callable[[Path], None]):
    path = scan(tmp_path / "bad.nii.gz", stored("RAS", (2, 2, 9)))
    spoil(path)
    with pytest.raises(Exception) as error:
        load_predictor(bundle, device="cpu")(path)
    cause = root_cause(error.value)
    assert isinstance(cause, DataError)
    assert str(cause).startswith(f"{path}: ")


def test_every_image_gets_its_own_mask_and_labels_are_no_images(infer: Infer, tmp_path: Path):
    data, affine = tmp_path / "data", stored("LPS", (2, 2, 9))
    scan(data / "site_a" / "scan.nii.gz", affine, seed=1)
    scan(data / "site_b" / "scan.nii.gz", affine, seed=2)
    scan(data / "site_b" / "other.nii", affine, seed=3)
    write(data / "site_b" / "scan_gt.nii.gz", np.zeros((30, 26, 5), np.uint8), affine)  # constant: no image
    masks = infer(data)
    assert set(masks) == {"site_a__scan", "site_b__scan", "other"}
    one, other = (np.asarray(nib.load(masks[f"site_{s}__scan"]).dataobj) for s in "ab")
    assert (one != other).any()


@pytest.mark.parametrize("names", [("scan.nii", "scan.nii.gz"), ("a/scan.nii.gz", "b/scan.nii.gz", "a__scan.nii.gz")])
def test_two_images_never_share_a_mask(infer: Infer, tmp_path: Path, names: tuple[str, ...]):
    for name in names:
        scan(tmp_path / "data" / name, stored("LPS", (2, 2, 9)))
    with pytest.raises(Exception) as error:
        infer(tmp_path / "data")
    assert "would be the same case" in str(root_cause(error.value))
    assert not (tmp_path / "run").exists()


def test_the_named_weights_count(bundle: Path, infer: Infer, tmp_path: Path):
    data, weights = tmp_path / "data", tmp_path / "mine" / "model.pt"
    image = scan(data / "scan.nii.gz", stored("LPS", (2, 2, 9)))
    weights.parent.mkdir()
    network = network_from({**NETWORK, "seed": 1}, load_taxonomy("configs/taxonomy.json", bundle))
    torch.save(network.state_dict(), weights)
    description = json.loads((bundle / "models" / "model.json").read_text(encoding="utf-8"))
    del description["sha256"]
    (weights.parent / "model.json").write_text(json.dumps(description), encoding="utf-8")
    voxels = np.asarray(nib.load(infer(data, weights=str(weights))["scan"]).dataobj)
    np.testing.assert_array_equal(voxels, load_predictor(bundle, weights=weights, device="cpu")(image)[0].numpy())
    assert (voxels != load_predictor(bundle, device="cpu")(image)[0].numpy()).any()
