"""Random shape and intensity changes of a batch of images and node maps, on the batch's device."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch.nn.functional import interpolate, pad

from cladeseg.segmentation.transforms.batch_share import BatchShare, whole_batch
from cladeseg.segmentation.transforms.mirror import along_array_axes
from cladeseg.segmentation.transforms.warp import affine_coordinates, warp
from cladeseg.taxonomy import ALLOWED, ANATOMICAL_AXES, Taxonomy

Range = tuple[float, float]


class BatchAugment:
    """Augment a batch by one affine resampling and a few intensity changes.

    The shape changes are one map, so that the image is interpolated once:
    rotation, isotropic scaling and flips about the centre, then a translation.  Rotation and scaling are rigid in
    millimetres, whatever the voxel size.  Thick slices should be rotated about axis 2 only, which keeps slices whole.

    Parameters are drawn by :meth:`sample` from a CPU generator into a plain dict and used by :meth:`apply`, which
    draws nothing: the same dict gives the same batch.

    Args:
        taxonomy: the tree, which says along which anatomical axes a mirrored image is plausible.
        rotate_degrees: largest rotation about each axis; positive angles turn as :func:`torch.rot90` does.
        scale: range of the magnification; above 1 structures grow.
        translate_voxels: largest translation along each axis.
        flips: anatomical axes that are mirrored with probability one half each; by default all that the tree allows.
        noise: largest standard deviation of Gaussian noise, in units of the image (z-scores).
        blur: range of the standard deviation of an in-plane (axes 0 and 1) Gaussian, in voxels; None: never.
        brightness: largest shift of all intensities.
        contrast: range of the factor on the distance from the channel's mean.
        gamma: range of the exponent on intensities rescaled to 0…1, so that negative z-scores are safe.
        lowres: range of the factor by which in-plane resolution is lost, e.g. ``(1, 2)``; None: never.
        probability: chance of each intensity change, per sample.
        spacing: voxel size along each axis; only ratios matter.
        share: which places of a larger batch the samples have; by default they are the batch.

    Raises:
        TaxonomyError: the tree does not allow a flip.
        ValueError: a range is empty, or a factor, exponent or voxel size is not positive.

    Example:
        >>> from cladeseg.taxonomy import Node
        >>> leaves = [Node(name, "heart", {"acdc": i}) for i, name in enumerate(("ventricle", "myocardium"), 1)]
        >>> tree = Taxonomy("heart", (Node("background", values={"acdc": 0}), Node("heart"), *leaves))
        >>> augment = BatchAugment(tree, rotate_degrees=(0, 0, 20))
        >>> images, nodes = torch.randn(2, 1, 8, 8, 4), torch.ones(2, 1, 8, 8, 4, dtype=torch.uint8)
        >>> changed, moved = augment(images, nodes, torch.Generator().manual_seed(0))
        >>> changed.shape, moved.dtype
        (torch.Size([2, 1, 8, 8, 4]), torch.uint8)
        >>> again, _ = augment(images, nodes, torch.Generator().manual_seed(0))
        >>> torch.equal(changed, again)
        True
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        *,
        rotate_degrees: Sequence[float] = (0, 0, 20),
        scale: Range = (0.85, 1.15),
        translate_voxels: Sequence[float] = (6, 6, 0),
        flips: str | Sequence[str] = ALLOWED,
        noise: float = 0.1,
        blur: Range | None = None,
        brightness: float = 0.2,
        contrast: Range = (0.75, 1.25),
        gamma: Range = (0.7, 1.5),
        lowres: Range | None = None,
        probability: float = 0.5,
        spacing: Sequence[float] = (1, 1, 1),
        share: BatchShare | None = None,
    ) -> None:
        _check_positive(scale=scale, contrast=contrast, gamma=gamma, lowres=lowres or (1, 1), spacing=sorted(spacing))
        self.root = taxonomy.root
        self.rotate_degrees = rotate_degrees
        self.scale = scale
        self.translate_voxels = translate_voxels
        self.flips = taxonomy.flips(flips)
        self.noise = noise
        self.blur = blur
        self.brightness = brightness
        self.contrast = contrast
        self.gamma = gamma
        self.lowres = lowres
        self.probability = probability
        self.spacing = spacing
        self.share = share

    def __call__(
        self,
        images: torch.Tensor,
        nodes: torch.Tensor,
        generator: torch.Generator,
        array_axes: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw parameters and apply them.

        Args:
            images: float (B, C, X, Y, Z).
            nodes: integer (B, 1, X, Y, Z).
            generator: CPU generator; its state alone decides the result.
            array_axes: long (B, 3) on the CPU, each sample's array axes of the anatomical ones, see
                :class:`OrientAxesd`; ``None`` for images in the order RAS.

        Returns:
            Images and nodes of the same shapes and types; nodes from beyond the border are the root.
        """
        return self.apply(images, nodes, self.sample(len(images), generator, array_axes))

    def sample(
        self, batch: int, generator: torch.Generator, array_axes: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Draw one set of parameters per sample; all tensors are on the CPU and start with the batch axis.

        A change that does not happen gets its neutral value (``noise`` 0, ``gamma`` 1 …).  ``flip`` is by array axis.
        """
        share = self.share or whole_batch(batch)

        def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
            return low + (high - low) * share.draw(lambda cases: torch.rand(cases, *shape, generator=generator))

        def with_probability(bounds: Range, *, else_: float) -> torch.Tensor:
            value, chance = uniform(*bounds), uniform(0, 1)
            return torch.where(chance < self.probability, value, else_)

        flips = torch.tensor([axis in self.flips for axis in ANATOMICAL_AXES])
        axes = torch.arange(3).expand(batch, 3) if array_axes is None else array_axes
        return {
            "rotation": uniform(-1, 1, 3) * torch.deg2rad(torch.tensor(self.rotate_degrees, dtype=torch.float)),
            "scale": uniform(*self.scale),
            "translation": uniform(-1, 1, 3) * torch.tensor(self.translate_voxels),
            "flip": along_array_axes((uniform(0, 1, 3) < 0.5) & flips, axes),
            "noise": with_probability((0, self.noise), else_=0),
            "noise_seed": share.draw(lambda cases: torch.randint(2**31, (cases,), generator=generator)),
            "blur": with_probability(self.blur or (0, 0), else_=0),
            "brightness": with_probability((-self.brightness, self.brightness), else_=0),
            "contrast": with_probability(self.contrast, else_=1),
            "lowres": with_probability(self.lowres or (1, 1), else_=1),
            "gamma": with_probability(self.gamma, else_=1),
        }

    def apply(
        self, images: torch.Tensor, nodes: torch.Tensor, params: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Carry out the changes that ``params`` (see :meth:`sample`) describe; draws nothing."""
        matrix, shift = self._affine(params, images.shape[2:])
        # Products in double precision on the CPU: autocast and TF32 leave them alone.
        matrix, shift = (part.to(images.device, torch.float32, non_blocking=True) for part in (matrix, shift))
        coordinates = affine_coordinates(matrix, shift, images.shape[2:])
        images, nodes = warp(images, nodes, coordinates, outside=self.root)
        for name, neutral, change in _INTENSITY:
            if bool((params[name] != neutral).any()):
                images = change(images, params)
        return images, nodes

    def _affine(self, params: dict[str, torch.Tensor], shape: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Input voxel = matrix @ output voxel + shift; float64 (B, 3, 3) and (B, 3)."""
        spacing = torch.tensor(self.spacing, dtype=torch.float64)
        # In millimetres about the centre, undoing the scaling, the rotation and the flip in turn.
        rigid = _rotation(params["rotation"].double()) / params["scale"].double().view(-1, 1, 1)
        mirror = 1 - 2 * params["flip"].double()
        matrix = mirror[:, :, None] * rigid * spacing / spacing[:, None]
        centre = (torch.tensor(shape, dtype=torch.float64) - 1) / 2
        moved = centre + params["translation"].double()
        return matrix, centre - (matrix @ moved[:, :, None]).squeeze(-1)


def _rotation(angles: torch.Tensor) -> torch.Tensor:
    """Rotate output coordinates back to input coordinates: (B, 3) angles in radian about axes 0, 1, 2 → (B, 3, 3)."""
    whole = torch.eye(3, dtype=angles.dtype).expand(len(angles), 3, 3)
    for axis in range(3):
        j, k = (axis + 1) % 3, (axis + 2) % 3
        turn = torch.eye(3, dtype=angles.dtype).repeat(len(angles), 1, 1)
        turn[:, j, j] = turn[:, k, k] = angles[:, axis].cos()
        turn[:, j, k] = angles[:, axis].sin()
        turn[:, k, j] = -turn[:, j, k]
        whole = whole @ turn
    return whole


def _check_positive(**ranges: Sequence[float]) -> None:
    for name, values in ranges.items():
        if not 0 < values[0] <= values[-1]:
            raise ValueError(f"{name} {tuple(values)} is not made of positive numbers, smallest first")


# ---- intensity changes: (images (B, C, X, Y, Z), params) → images ----------------------------------------------------

Params = dict[str, torch.Tensor]


def _column(values: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Per-sample numbers (B,) in a form that multiplies ``images``."""
    return values.to(images, non_blocking=True).view(-1, *[1] * (images.ndim - 1))


def _add_noise(images: torch.Tensor, params: Params) -> torch.Tensor:
    noise = torch.zeros_like(images)
    for sample, seed in zip(noise, params["noise_seed"].tolist(), strict=True):
        sample.normal_(generator=torch.Generator(images.device).manual_seed(seed))
    return images + _column(params["noise"], images) * noise


def _blur(images: torch.Tensor, params: Params) -> torch.Tensor:
    radius = math.ceil(3 * float(params["blur"].max()))
    offset = torch.arange(-radius, radius + 1)
    # A sigma of zero is a kernel that does nothing: all its weight on the voxel itself.
    weights = torch.softmax(-0.5 * (offset / params["blur"].clamp(min=1e-3)[:, None]) ** 2, dim=1)
    for axis in (2, 3):
        edges = [0, 0, radius, radius, 0, 0] if axis == 3 else [0, 0, 0, 0, radius, radius]
        padded = pad(images, edges, mode="replicate")
        slices = (padded.narrow(axis, i, images.shape[axis]) for i in range(len(offset)))
        images = sum((_column(weights[:, i], images) * s for i, s in enumerate(slices)), torch.zeros_like(images))
    return images


def _brighten(images: torch.Tensor, params: Params) -> torch.Tensor:
    return images + _column(params["brightness"], images)


def _stretch_contrast(images: torch.Tensor, params: Params) -> torch.Tensor:
    mean = images.mean(dim=(2, 3, 4), keepdim=True)
    return mean + (images - mean) * _column(params["contrast"], images)


def _simulate_low_resolution(images: torch.Tensor, params: Params) -> torch.Tensor:
    """Keep every f-th voxel in-plane and interpolate back, as if the scan had been coarser."""
    samples = []
    for sample, factor in zip(images.split(1), params["lowres"].tolist(), strict=True):
        shape = sample.shape[2:]
        coarse = [max(1, round(n / factor)) for n in shape[:2]] + [shape[2]]
        low = interpolate(sample, coarse, mode="nearest-exact")
        samples.append(interpolate(low, shape, mode="trilinear") if factor != 1 else sample)
    return torch.cat(samples)


def _gamma(images: torch.Tensor, params: Params) -> torch.Tensor:
    low, high = images.amin(dim=(2, 3, 4), keepdim=True), images.amax(dim=(2, 3, 4), keepdim=True)
    spread = (high - low).clamp(min=1e-6)
    return low + spread * ((images - low) / spread) ** _column(params["gamma"], images)


_INTENSITY: tuple[tuple[str, float, Callable[[torch.Tensor, Params], torch.Tensor]], ...] = (
    ("noise", 0, _add_noise),
    ("blur", 0, _blur),
    ("brightness", 0, _brighten),
    ("contrast", 1, _stretch_contrast),
    ("lowres", 1, _simulate_low_resolution),
    ("gamma", 1, _gamma),
)
