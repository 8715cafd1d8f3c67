"""Every image of a bundle gets the same order of axes, and every volume finds its way back."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Flipd, Invertd
from scipy.spatial.transform import Rotation

from cladeseg.segmentation.transforms import OrientAxesd, Spacingd

Spacing = tuple[float, float, float]


def grid(turn: np.ndarray, spacing: Spacing, origin: Spacing = (-31.0, 8.5, 120.0)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = origin
    return affine


def stored(orientation: str, spacing: Spacing, degrees: float = 0) -> np.ndarray:
    """Affine of an array whose axes run as ``orientation`` says, turned by ``degrees`` about x and y."""
    axes = np.zeros((3, 3))
    for axis, (world, sign) in enumerate(nib.orientations.axcodes2ornt(tuple(orientation)).astype(int)):
        axes[world, axis] = sign
    return grid(Rotation.from_euler("xy", [degrees, degrees], degrees=True).as_matrix() @ axes, spacing)


def random_affine(seed: int) -> np.ndarray:
    """Any rotation, also with mirrored axes, and thick slices along any axis."""
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix() @ (np.eye(3)[rng.permutation(3)] * rng.choice([-1, 1], 3))
    return grid(turn, tuple(rng.permutation([*rng.uniform(1, 2, 2), rng.uniform(4, 12)])))


def tied_affine(seed: int) -> np.ndarray:
    """Axes at exactly 45° to the world's, where the closest orientation is not unique."""
    rng = np.random.default_rng(seed)
    angles = rng.choice([45, -45, 90, 135, 180], 3)
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()[:, rng.permutation(3)]
    return grid(turn, tuple(rng.permutation([1.0, 2.0, 10.0])))


AFFINES = [
    *(pytest.param(random_affine(seed), id=f"random-{seed}") for seed in range(24)),
    *(pytest.param(tied_affine(seed), id=f"tied-{seed}") for seed in range(24)),
    *(
        pytest.param(stored(o, s, d), id=f"{o}-{d}-{s}")
        for o in ("RAS", "LPS", "PSR", "IAL")
        for s, d in (((1.0, 1.5, 9.0), 0), ((9.0, 1.5, 1.0), 20), ((1.0, 1.0, 1.0), 0))
    ),
]


def volume(affine: np.ndarray, shape: tuple[int, int, int] = (4, 5, 3)) -> MetaTensor:
    """Two channels of different voxels, so that any mistaken axis shows."""
    values = torch.arange(2.0 * np.prod(shape)).reshape(2, *shape)
    return MetaTensor(values, affine=torch.from_numpy(affine))


def places(image: MetaTensor) -> dict[float, np.ndarray]:
    """Value of the first channel → where in the world its voxel is."""
    voxels = np.argwhere(np.ones(image.shape[1:]))
    world = nib.affines.apply_affine(image.affine.numpy(), voxels)
    return dict(zip(np.asarray(image[0]).ravel().tolist(), world, strict=True))


@pytest.mark.parametrize("order", ["RAS", "RSA", "LPS", "SPL", "stored"])
@pytest.mark.parametrize("affine", AFFINES[::3])
def test_voxels_stay_where_they_are(affine: np.ndarray, order: str):
    before = volume(affine)
    after = OrientAxesd("image", order)({"image": before})["image"]
    found = places(after)
    for value, place in places(before).items():
        np.testing.assert_allclose(found[value], place, atol=1e-9)


@pytest.mark.parametrize("order", ["RAS", "LPS", "RSA", "AIL"])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 1.0, 9.0), (9.0, 1.0, 1.0), (1.0, 1.4, 1.0)])
@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PSR", "IAL", "SRP", "ALI"])
def test_the_order_is_the_one_that_was_asked_for_whatever_the_spacing(orientation: str, spacing: Spacing, order: str):
    after = OrientAxesd("image", order)({"image": volume(stored(orientation, spacing, degrees=10))})["image"]
    assert "".join(nib.aff2axcodes(after.affine.numpy())) == order


@pytest.mark.parametrize("affine", AFFINES[::5])
def test_stored_leaves_an_image_as_it_is(affine: np.ndarray):
    orient, before = OrientAxesd("image", "stored"), volume(affine)
    after = orient({"image": before})["image"]
    assert torch.equal(after.as_tensor(), before.as_tensor())
    assert torch.equal(after.affine, before.affine)
    assert torch.equal(orient.inverse({"image": after})["image"].as_tensor(), before.as_tensor())


@pytest.mark.parametrize(
    ("order", "orientation", "axes"),
    [
        ("RAS", "PSR", [0, 1, 2]),
        ("SAL", "LPI", [2, 1, 0]),
        ("stored", "PSR", [2, 0, 1]),
        ("stored", "LSP", [0, 2, 1]),
    ],
)
def test_an_item_knows_the_array_axes_of_its_anatomy(order: str, orientation: str, axes: list[int]):
    item = OrientAxesd("image", order)({"image": volume(stored(orientation, (1.0, 1.0, 5.0), degrees=15))})
    assert item["array_axes"].tolist() == axes


@pytest.mark.parametrize("order", ["RAR", "RA", "ras", "XYZ", "RLS", ""])
def test_an_order_that_is_none_is_refused_by_name(order: str):
    with pytest.raises(ValueError, match=f"^'{order}' is no axis order"):
        OrientAxesd("image", order)


@pytest.mark.parametrize("order", ["RAS", "LPS", "SAR"])
@pytest.mark.parametrize("affine", AFFINES)
def test_forward_and_back_is_exact(affine: np.ndarray, order: str):
    orient, before = OrientAxesd("image", order), volume(affine)
    after = orient.inverse(orient({"image": before}))["image"]
    assert torch.equal(after.as_tensor(), before.as_tensor())
    assert torch.equal(after.affine, before.affine)
    assert after.applied_operations == []


def preprocessing() -> Compose:
    return Compose([OrientAxesd("image", "RSA"), Spacingd("image", pixdim=[1.2, 1.2, -1], mode="bilinear")])


def restored(transform: Compose, affine: np.ndarray) -> MetaTensor:
    """Through the transforms and back, as a prediction goes: it has the image's metadata, but its own channels."""
    item = transform({"image": volume(affine)})
    pred = MetaTensor(item["image"].as_tensor().repeat(2, 1, 1, 1), meta=item["image"].meta)
    back = Invertd("pred", transform, orig_keys="image", nearest_interp=False)
    return back({**item, "pred": pred})["pred"]


@pytest.mark.parametrize("affine", AFFINES[::2])
def test_a_prediction_returns_to_the_image_grid_through_invertd(affine: np.ndarray):
    pred = restored(preprocessing(), affine)
    assert pred.shape == (4, 4, 5, 3)
    assert torch.equal(pred.affine, torch.from_numpy(affine))


def test_one_instance_serves_several_threads():
    shared = preprocessing()
    affines = [affine for seed in range(16) for affine in (random_affine(seed), tied_affine(seed))]
    alone = [restored(preprocessing(), affine) for affine in affines]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda affine: restored(shared, affine), affines))
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one.as_tensor(), other.as_tensor())
        assert torch.equal(one.affine, other.affine)


def test_several_keys_turn_together():
    image, nodes = volume(random_affine(3)), volume(random_affine(3))[:1]
    orient = OrientAxesd(["image", "nodes"])
    out = orient({"image": image, "nodes": nodes, "case": "p1"})
    assert torch.equal(out["image"][:1], out["nodes"])
    assert out["case"] == "p1"
    back = orient.inverse(out)
    assert torch.equal(back["nodes"].as_tensor(), nodes.as_tensor())


def test_a_missing_key_is_an_error_unless_allowed():
    item = {"image": volume(np.eye(4))}
    with pytest.raises(KeyError, match="nodes"):
        OrientAxesd(["image", "nodes"])(item)
    assert set(OrientAxesd(["image", "nodes"], allow_missing_keys=True)(item)) == {"image", "array_axes"}


def test_a_foreign_operation_is_not_undone():
    flipped = Flipd("image", spatial_axis=0)({"image": volume(random_affine(1))})
    with pytest.raises(RuntimeError):
        OrientAxesd("image").inverse(flipped)


def test_it_pickles():
    orient, before = OrientAxesd("image", "PIR"), volume(random_affine(5))
    after = pickle.loads(pickle.dumps(orient)).inverse(orient({"image": before}))["image"]
    assert torch.equal(after.as_tensor(), before.as_tensor())
