"""Which part of a region each voxel belongs to, judged by its intensity: expectation maximisation case by case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cladeseg.taxonomy import Taxonomy

#: Least variance of a part, as a share of the region's: without it one voxel could be a part of its own.
_MIN_VARIANCE = 1e-2


class _Gaussians(NamedTuple):
    """Intensities of K parts in C channels, standardised within the region."""

    mean: np.ndarray  # (K, C)
    variance: np.ndarray  # (K, C)


class IntensityEM:
    """Refine what place says about the parts of a region by the intensities in it.

    Intensities x are standardised within the region, so that neither the scanner nor the contrast of a case matters.
    Each part k is a Gaussian with independent channels, and the posterior of a voxel i is

        q_ik  ∝  p_ik · N(x_i; μ_k, σ²_k) · exp(β · mean over the neighbours j of (q_jk - p_jk)),

    where p is what place says, mixed with a little of a uniform distribution.  The last factor lets neighbours agree
    (a mean-field form of the Potts model); it speaks of what intensity has changed only, so that intensities which say
    nothing leave p as it is.  μ and σ² start from the finely labelled cases, and these stay in the estimates as
    ``strength`` further voxels (maximum a posteriori).

    Voxels whose part is known keep it; in the others no part gets in that what is known rules out.

    Args:
        taxonomy: the tree.
        images: float (C, *S) of finely labelled cases.
        nodes: integer (*S), their node maps.
        strength: voxels that the finely labelled cases count as, for each part.
        floor: share of the uniform distribution that is mixed into p.
        iterations: of the expectation maximisation.
        smoothness: β.

    Raises:
        ValueError: a number is negative, or there are not as many images as node maps.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        images: Sequence[np.ndarray],
        nodes: Sequence[np.ndarray],
        *,
        strength: float = 200.0,
        floor: float = 0.02,
        iterations: int = 8,
        smoothness: float = 1.0,
    ) -> None:
        for name, value in (("strength", strength), ("floor", floor), ("smoothness", smoothness)):
            if value < 0:
                raise ValueError(f"{name} {value} is negative")
        if len(images) != len(nodes):
            raise ValueError(f"{len(images)} images do not fit {len(nodes)} node maps")
        self.taxonomy = taxonomy
        self.strength, self.floor, self.iterations, self.smoothness = strength, floor, iterations, smoothness
        self._parts = {s: self._moments(images, nodes, s) for s in taxonomy.superclasses}

    def __call__(
        self, image: np.ndarray, known: np.ndarray, s: int, place: Mapping[int, np.ndarray]
    ) -> dict[int, np.ndarray]:
        """The posterior of each part in one region.

        Args:
            image: float (C, *S).
            known: integer (*S), the node that each voxel is known as.
            s: the superclass.
            place: part → its share (*S) at each voxel of the region, adding up to 1 there.

        Returns:
            The same with posteriors; 0 outside the region.
        """
        region = self.taxonomy.contains[s].numpy()[known]
        box = _bounding_box(region)
        parts = [part for part in place if part in self._parts[s]]
        if len(parts) < 2:
            return dict(place)
        allowed = self.taxonomy.contains.numpy()[known[box]][..., parts] & region[box][..., None]
        prior = self._prior(np.stack([place[part][box] for part in parts], -1), allowed)
        channels = np.stack([channel[box] for channel in image])
        posterior = self._maximise(channels, region[box], prior, self._start(s, parts))
        refined = {part: np.zeros(known.shape) for part in place}
        for k, part in enumerate(parts):
            refined[part][box] = posterior[..., k]
        return refined

    def _prior(self, place: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """(*S, K), adding up to 1 where any part is allowed."""
        prior = np.where(allowed, place + self.floor, 0)
        return prior / np.maximum(prior.sum(-1, keepdims=True), 1e-12)

    def _maximise(self, image: np.ndarray, region: np.ndarray, prior: np.ndarray, start: _Gaussians) -> np.ndarray:
        x = _standardised(image, region)
        usable = (x.std(0) > 0) & np.isfinite(start.mean).all(0)
        x, first = x[:, usable], _Gaussians(start.mean[:, usable], start.variance[:, usable])
        now, posterior = first, prior
        with np.errstate(divide="ignore"):
            log_prior = np.log(prior)
        for _ in range(self.iterations):
            score = log_prior.copy()
            score[region] += _log_density(x, now)
            score += self.smoothness * _neighbour_mean(posterior - prior, region)
            posterior = _softmax(score, region)
            now = self._estimate(x, posterior[region], first)
        return posterior

    def _estimate(self, x: np.ndarray, q: np.ndarray, first: _Gaussians) -> _Gaussians:
        """Maximum a posteriori mean and variance of each part, from (V, C) and (V, K)."""
        weight = self.strength + q.sum(0)[:, None] + 1e-9
        mean = (self.strength * first.mean + q.T @ x) / weight
        spread = q.T @ x**2 - 2 * mean * (q.T @ x) + mean**2 * q.sum(0)[:, None]
        expected = self.strength * (first.variance + (mean - first.mean) ** 2)
        return _Gaussians(mean, np.maximum((expected + spread) / weight, _MIN_VARIANCE))

    def _start(self, s: int, parts: Sequence[int]) -> _Gaussians:
        moments = np.stack([self._parts[s][part] for part in parts])  # (K, 3, C)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean, square = moments[:, 1] / moments[:, 0], moments[:, 2] / moments[:, 0]
        return _Gaussians(mean, np.maximum(square - mean**2, _MIN_VARIANCE))

    def _moments(self, images: Sequence[np.ndarray], nodes: Sequence[np.ndarray], s: int) -> dict[int, np.ndarray]:
        """Part → (3, C): number, sum and sum of squares of its voxels in channels that say something."""
        found: dict[int, np.ndarray] = {}
        below = self.taxonomy.contains[s].numpy().copy()
        below[s] = False
        for image, case in zip(images, nodes, strict=True):
            region = below[case]
            if not region.any():
                continue
            x = _standardised(image, region)
            says_something = x.std(0) > 0
            for part in np.unique(case[region]):
                own = x[case[region] == part]
                moments = np.stack([np.full(own.shape[1], len(own)), own.sum(0), (own**2).sum(0)]) * says_something
                found[int(part)] = found.get(int(part), 0) + moments
        return found


def _standardised(image: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Intensities (V, C) of a region, each channel with mean 0 and standard deviation 1; 0 where it is constant."""
    x = image[:, region].T.astype(np.float64)
    spread = x.std(0)
    constant = spread <= 1e-6 * (1 + np.abs(x).max(0))
    return np.where(constant, 0, (x - x.mean(0)) / np.where(constant, 1, spread))


def _log_density(x: np.ndarray, parts: _Gaussians) -> np.ndarray:
    """Log N(x; μ_k, σ²_k) without its constant, summed over channels: (V, C) → (V, K)."""
    distance = (x[:, None] - parts.mean) ** 2 / parts.variance
    return -0.5 * (distance + np.log(parts.variance)).sum(-1)


def _neighbour_mean(values: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Mean (*S, K) over those of the neighbours along each axis that lie in the region; 0 where there is none."""
    total, count = np.zeros_like(values), np.zeros(region.shape)
    values = values * region[..., None]
    for axis in range(region.ndim):
        here, there = [slice(None)] * region.ndim, [slice(None)] * region.ndim
        here[axis], there[axis] = slice(1, None), slice(None, -1)
        for mine, theirs in ((tuple(here), tuple(there)), (tuple(there), tuple(here))):
            total[mine] += values[theirs]
            count[mine] += region[theirs]
    return total / np.maximum(count, 1)[..., None]


def _softmax(score: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Over the last axis inside the region, 0 outside."""
    inside = score[region]
    odds = np.exp(inside - inside.max(-1, keepdims=True))
    out = np.zeros_like(score)
    out[region] = odds / odds.sum(-1, keepdims=True)
    return out


def _bounding_box(region: np.ndarray) -> tuple[slice, ...]:
    coordinates = np.argwhere(region)
    return tuple(slice(a, b + 1) for a, b in zip(coordinates.min(0).tolist(), coordinates.max(0).tolist(), strict=True))
