"""How uncertain a network is about a case, where it is known by heart."""

from __future__ import annotations

import math

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.inferers import SimpleInferer
from monai.transforms import Compose, LoadImaged
from torch import Tensor, nn

from cladeseg.segmentation.inferers import Predictor
from cladeseg.segmentation.selection import SuperclassLoader, case_uncertainty, uncertainties
from cladeseg.segmentation.transforms import CheckImaged, LeavesToLabeld, OrientAxesd, Spacingd
from cladeseg.taxonomy import Taxonomy


def log_probs(tree: Taxonomy, **leaves: float) -> Tensor:
    """(L, 1) of one voxel."""
    return torch.tensor([[leaves.get(name, 0.0)] for name in tree.leaf_names]).log()


def test_only_voxels_of_a_known_superclass_count(acdc_tree: Taxonomy) -> None:
    uniform = torch.full((4, 2, 3), 0.25).log()
    nodes = torch.tensor([[0, 1, 2], [3, acdc_tree.root, acdc_tree.root]])
    assert case_uncertainty(uniform, acdc_tree, nodes) == 0
    nodes[0, 0], nodes[0, 1] = acdc_tree.index("heart"), acdc_tree.index("left_heart")
    assert case_uncertainty(uniform, acdc_tree, nodes) == pytest.approx((math.log(3) + math.log(2)) / 2, rel=1e-6)


def test_half_precision_and_small_integers_will_do(acdc_tree: Taxonomy) -> None:
    nodes = torch.full((2, 2, 2), acdc_tree.index("heart"), dtype=torch.uint8)
    half = torch.full((4, 2, 2, 2), 0.25).log().half()
    assert case_uncertainty(half, acdc_tree, nodes) == pytest.approx(math.log(3), rel=1e-5)


def test_shapes_that_do_not_fit_are_refused(acdc_tree: Taxonomy) -> None:
    with pytest.raises(ValueError, match=r"log_probs \(3, 5\) should be \(4, 5\)"):
        case_uncertainty(torch.zeros(3, 5), acdc_tree, torch.zeros(5, dtype=torch.long))


def test_without_an_outline_a_case_is_averaged_over_its_organ_not_over_its_image(acdc_tree: Taxonomy) -> None:
    uncertain = log_probs(acdc_tree, myocardium=0.5, left_ventricle=0.5).expand(-1, 4)
    air = log_probs(acdc_tree, background=1.0).expand(-1, 96)
    assert case_uncertainty(torch.cat([uncertain, air], 1), acdc_tree) == pytest.approx(math.log(2))


def test_a_case_without_an_organ_is_certain(acdc_tree: Taxonomy) -> None:
    air = log_probs(acdc_tree, background=1.0).expand(-1, 64)
    assert case_uncertainty(air, acdc_tree) == 0


def test_a_flat_tree_has_nothing_to_be_uncertain_about(flat_tree: Taxonomy) -> None:
    assert case_uncertainty(log_probs(flat_tree, a=0.5, b=0.5), flat_tree) == pytest.approx(0, abs=1e-6)


class Torn(nn.Module):
    """Torn between the tree's leaves 1 and 2 where the image is bright, certain of leaf 1 elsewhere."""

    def forward(self, image: Tensor) -> Tensor:
        bright = (image > 5).float()
        rows = [torch.zeros_like(image), 1 - bright / 2, bright / 2]
        return torch.cat(rows, dim=1).log()


def test_the_network_is_scored_where_the_superclass_lies(write, hippocampus_tree: Taxonomy) -> None:
    # The network works on another grid than the label's: half the voxel size along z.
    image, label = np.zeros((8, 10, 6), np.float32), np.zeros((8, 10, 6), np.uint8)
    label[2:6, 2:6, 1:5] = 2
    image[4:, :, :] = 10  # half of the structure is uncertain, and much outside it
    calm = np.where(label > 0, 1.0, image).astype(np.float32)
    folder = write({"half": (image, label), "calm": (calm, label)})
    chain = [
        LoadImaged("image", reader="NibabelReader", ensure_channel_first=True),
        CheckImaged("image"),
        OrientAxesd("image"),
        Spacingd("image", pixdim=(2.0, 1.0, 1.5), mode="nearest"),
    ]
    predictor = Predictor(Torn(), Compose(chain), SimpleInferer(), Compose([LeavesToLabeld(hippocampus_tree)]))
    load = SuperclassLoader(hippocampus_tree, label_convention="msd", superclass="hippocampus")
    cases = [
        {kind: str(folder / f"{kind}sTr" / f"{name}.nii.gz") for kind in ("image", "label")}
        for name in ("half", "calm")
    ]
    assert nib.load(cases[0]["image"]).shape == (8, 10, 6)
    np.testing.assert_allclose(uncertainties(predictor, cases, load), [math.log(2) / 2, 0], atol=1e-6)
