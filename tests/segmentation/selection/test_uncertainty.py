"""Entropy of the leaf given the superclass, where it is known by heart."""

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
from cladeseg.segmentation.selection import SuperclassLoader, doubts, leaf_doubt
from cladeseg.segmentation.transforms import CheckImaged, OrientSlicesLastd, Spacingd


def log_probs(tree, **leaves: float) -> Tensor:
    """(L, 1) of one voxel."""
    return torch.tensor([[leaves.get(name, 0.0)] for name in tree.leaf_names]).log()


def test_equal_chances_are_the_logarithm_of_their_number(acdc_tree):
    thirds = log_probs(acdc_tree, right_ventricle=0.2, myocardium=0.2, left_ventricle=0.2, background=0.4)
    heart, left = acdc_tree.index("heart"), acdc_tree.index("left_heart")
    assert leaf_doubt(thirds, torch.tensor([heart]), acdc_tree) == pytest.approx(math.log(3), rel=1e-6)
    assert leaf_doubt(thirds, torch.tensor([left]), acdc_tree) == pytest.approx(math.log(2), rel=1e-6)


def test_what_lies_outside_the_superclass_does_not_matter(acdc_tree):
    heart = torch.tensor([acdc_tree.index("left_heart")])
    expected = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    for outside in (0.0, 0.6, 0.999):
        inside = 1 - outside
        scores = log_probs(acdc_tree, background=outside, myocardium=inside / 4, left_ventricle=inside * 3 / 4)
        assert leaf_doubt(scores, heart, acdc_tree) == pytest.approx(expected, rel=1e-4)


def test_certainty_is_no_doubt_even_where_a_probability_is_zero(acdc_tree):
    scores = log_probs(acdc_tree, myocardium=1.0)
    assert leaf_doubt(scores, torch.tensor([acdc_tree.index("heart")]), acdc_tree) == 0


def test_only_voxels_of_a_superclass_have_a_say(acdc_tree):
    uniform = torch.full((4, 2, 3), 0.25).log()
    leaves = torch.tensor([[0, 1, 2], [3, acdc_tree.root, acdc_tree.root]])
    assert leaf_doubt(uniform, leaves, acdc_tree) == 0
    leaves[0, 0], leaves[0, 1] = acdc_tree.index("heart"), acdc_tree.index("left_heart")
    assert leaf_doubt(uniform, leaves, acdc_tree) == pytest.approx((math.log(3) + math.log(2)) / 2, rel=1e-6)


def test_half_precision_and_small_integers_will_do(acdc_tree):
    nodes = torch.full((2, 2, 2), acdc_tree.index("heart"), dtype=torch.uint8)
    half = torch.full((4, 2, 2, 2), 0.25).log().half()
    assert leaf_doubt(half, nodes, acdc_tree) == pytest.approx(math.log(3), rel=1e-5)


def test_shapes_that_do_not_fit_are_refused(acdc_tree):
    with pytest.raises(ValueError, match=r"log_probs \(3, 5\) should be \(4, 5\)"):
        leaf_doubt(torch.zeros(3, 5), torch.zeros(5, dtype=torch.long), acdc_tree)


class Doubtful(nn.Module):
    """Torn between the tree's leaves 1 and 2 where the image is bright, sure of leaf 1 elsewhere."""

    def forward(self, image: Tensor) -> Tensor:
        bright = (image > 5).float()
        rows = [torch.zeros_like(image), 1 - bright / 2, bright / 2]
        return torch.cat(rows, dim=1).log()


def test_a_network_is_asked_where_the_superclass_lies(write, hippocampus_tree):
    # The network looks at another grid than the label's: half the voxel size along z.
    image, label = np.zeros((8, 10, 6), np.float32), np.zeros((8, 10, 6), np.uint8)
    label[2:6, 2:6, 1:5] = 2
    image[4:, :, :] = 10  # half of the structure is doubtful, and much outside it
    calm = np.where(label > 0, 1.0, image).astype(np.float32)
    folder = write({"half": (image, label), "calm": (calm, label)})
    chain = [
        LoadImaged("image", reader="NibabelReader", ensure_channel_first=True),
        CheckImaged("image"),
        OrientSlicesLastd("image"),
        Spacingd("image", pixdim=(2.0, 1.0, 1.5), mode="nearest"),
    ]
    predictor = Predictor(Doubtful(), Compose(chain), SimpleInferer(), Compose([]))
    load = SuperclassLoader(hippocampus_tree, label_convention="msd", superclass="hippocampus")
    cases = [
        {kind: str(folder / f"{kind}sTr" / f"{name}.nii.gz") for kind in ("image", "label")}
        for name in ("half", "calm")
    ]
    assert nib.load(cases[0]["image"]).shape == (8, 10, 6)
    np.testing.assert_allclose(doubts(predictor, cases, load), [math.log(2) / 2, 0], atol=1e-6)
