"""Test patients under stress: noise, masked features, missing omics, a shift between sites."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Values = dict[str, np.ndarray]

#: Noise in standard deviations of each feature, and shares of masked features.
NOISE, MASKED = (0.5, 1.0, 2.0), (0.2, 0.5, 0.8)
_SHIFT = 0.5


def stress_conditions(
    training: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray], seed: int
) -> dict[str, Values]:
    """Name → test values; ``clean`` first.

    Args:
        training: omics → (N, D), whose standard deviations noise and shifts are measured in.
        test: omics → (M, D).
        seed: of whatever is random; each condition has its own stream.
    """
    spread = {name: np.nanstd(table, axis=0) for name, table in training.items()}
    found: dict[str, Values] = {"clean": dict(test)}
    for amount in NOISE:
        found[f"noise {amount:g} SD"] = {
            n: x + amount * spread[n] * _normal(seed, f"n{amount}{n}", x.shape) for n, x in test.items()
        }
    for share in MASKED:
        found[f"masked {share:.0%}"] = {
            n: np.where(_uniform(seed, f"m{share}{n}", x.shape) < share, np.nan, x) for n, x in test.items()
        }
    found["batch shift"] = {n: x + _shift(seed, n, x.shape) * spread[n] for n, x in test.items()}
    for name in test:
        found[f"without {name}"] = {n: np.full_like(x, np.nan) if n == name else x for n, x in test.items()}
    return found


def _shift(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Every second patient is of another site, where each feature is moved by its own amount."""
    away = (np.arange(shape[0]) % 2)[:, None]
    return _SHIFT * away * _normal(seed, f"s{name}", (1, shape[1]))


def _normal(seed: int, purpose: str, shape: tuple[int, ...]) -> np.ndarray:
    return _generator(seed, purpose).normal(size=shape)


def _uniform(seed: int, purpose: str, shape: tuple[int, ...]) -> np.ndarray:
    return _generator(seed, purpose).uniform(size=shape)


def _generator(seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng([seed, *purpose.encode()])
