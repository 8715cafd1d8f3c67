"""Whatever way a file stores a volume, the network sees the same array and the mask lies where its structures are.

The property is tested over all 48 orientations, slices that are thick along each anatomical axis, and straight and
oblique acquisitions, through the chain of a bundle's inference config.
"""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from bundle_runs import ACDC, INFERENCE
from monai.bundle import ConfigParser
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from cladeseg.files import write_json
from cladeseg.segmentation.inferers import Predictor

ORIENTATIONS = ["".join(codes) for ends in permutations(("LR", "PA", "IS")) for codes in product(*ends)]
SHAPE = (6, 8, 7)


class ReadsLeaves(nn.Module):
    """The leaf of each voxel is the rank of its intensity; remembers the ranks that it was shown."""

    def __init__(self, leaves: int) -> None:
        super().__init__()
        self.leaves = leaves
        self.shown = torch.empty(0)

    def forward(self, image: Tensor) -> Tensor:
        levels, ranks = image.mul(100).round().unique(return_inverse=True)
        assert len(levels) == self.leaves
        self.shown = ranks[0, 0]
        return torch.nn.functional.one_hot(ranks[:, 0], self.leaves).movedim(-1, 1).float().clamp(1e-6).log()


def anatomy() -> np.ndarray:
    """Leaves 0…3 along R, A and S, so irregular that no flip or exchange of axes leaves them in place."""
    return np.random.default_rng(1).integers(0, 4, SHAPE).astype(np.uint8)


def placed(thick: int, degrees: float) -> np.ndarray:
    """Affine of the RAS array: voxels of 2 mm, 6 mm along one axis, turned about all three."""
    affine = np.eye(4)
    spacing = [6.0 if axis == thick else 2.0 for axis in range(3)]
    turn = Rotation.from_euler("xyz", [degrees, -degrees, degrees / 2], degrees=True)
    affine[:3, :3] = turn.as_matrix() * spacing
    affine[:3, 3] = (-41.3, 17.9, 63.1)
    return affine


def predictor_of(folder: Path, spacing: list[float], patch: list[int], order: str) -> tuple[Predictor, ReadsLeaves]:
    """The chain of the bundle round a network that returns what it sees."""
    parser = ConfigParser()
    parser.read_config(str(ACDC / INFERENCE))
    parser.update({"bundle_root": str(ACDC), "weights": str(folder / "none.pt"), "output_dir": str(folder)})
    write_json({"spacing": spacing, "axis_order": order, "patch_size": patch}, folder / "model.json")
    chain = (parser.get_parsed_content(name) for name in ("preprocessing", "inferer", "postprocessing"))
    network = ReadsLeaves(4)
    return Predictor(network, *chain), network


@pytest.mark.parametrize("order", ["RAS", "SLA"])
@pytest.mark.parametrize("degrees", [0, 20], ids=["straight", "oblique"])
@pytest.mark.parametrize("thick", [0, 1, 2], ids=["sagittal", "coronal", "axial"])
def test_the_network_sees_one_array_and_the_mask_is_the_files(
    tmp_path: Path, thick: int, degrees: float, order: str
) -> None:
    leaves, affine = anatomy(), placed(thick, degrees)
    plain = nib.Nifti1Image(leaves, affine)
    wanted = nib.orientations.axcodes2ornt(order)
    turn = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), wanted)
    shown = nib.orientations.apply_orientation(leaves, turn)
    spacing = nib.affines.voxel_sizes(plain.as_reoriented(turn).affine).tolist()
    predictor, network = predictor_of(tmp_path, spacing, list(shown.shape), order)
    for orientation in ORIENTATIONS:
        stored = plain.as_reoriented(nib.orientations.axcodes2ornt(orientation))
        truth = np.asarray(stored.dataobj)
        image = nib.Nifti1Image((100 + 50 * truth).astype(np.int16), stored.affine)
        nib.save(image, tmp_path / f"{orientation}.nii.gz")
        predictor(tmp_path / f"{orientation}.nii.gz")
        np.testing.assert_array_equal(network.shown.numpy(), shown, err_msg=orientation)
        mask = nib.load(tmp_path / "predictions" / f"{orientation}.nii.gz")
        np.testing.assert_array_equal(np.asarray(mask.dataobj), truth, err_msg=orientation)
        np.testing.assert_array_equal(mask.affine, nib.load(tmp_path / f"{orientation}.nii.gz").affine)


def test_the_48_orientations_are_all_there_are() -> None:
    assert len(set(ORIENTATIONS)) == 48
