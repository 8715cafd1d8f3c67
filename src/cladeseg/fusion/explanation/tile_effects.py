"""What each tile does to a prediction: it is left out, and the prediction is made again.

Attention says where a model looks and not what follows from it (Jain & Wallace, NAACL 2019), so both stand together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import spearmanr

from cladeseg.files import DataError
from cladeseg.fusion.features import TileBag

#: Difference of effects below which no tile matters more than another.
_LEAST_EFFECT = 1e-3


@dataclass(frozen=True)
class TileEffects:
    """Attention and effect of each tile of a bag.

    Attributes:
        bag: the tiles.
        attention: (tiles,) weights, not negative.
        effect: (tiles,) probability with all tiles minus that without this one; NaN if it is the only tile.

    Raises:
        DataError: the numbers do not fit the bag.
    """

    bag: TileBag
    attention: np.ndarray
    effect: np.ndarray

    def __post_init__(self) -> None:
        count = (len(self.bag),)
        if self.attention.shape != count or self.effect.shape != count:
            raise DataError(
                f"{self.bag.patient}: attention of shape {self.attention.shape} and effects of shape "
                f"{self.effect.shape} do not fit {count[0]} tiles; give one number of each for every tile"
            )
        if not (np.isfinite(self.attention).all() and (self.attention >= 0).all()):
            raise DataError(
                f"{self.bag.patient}: attention holds negative or undefined weights; give those of a softmax"
            )

    @property
    def agreement(self) -> float | None:
        """Spearman's correlation of attention and size of effect.

        Nothing with under three tiles, constant values, or effects that all round to nothing: their order is chance.
        """
        size = np.abs(self.effect)
        if len(self.bag) < 3 or np.ptp(size) < _LEAST_EFFECT or np.ptp(self.attention) == 0:
            return None
        return float(spearmanr(self.attention, size).statistic)


def tile_effects(bag: TileBag, attention: np.ndarray, probability: Callable[[TileBag], float]) -> TileEffects:
    """Leave out one tile after the other.

    Args:
        bag: a patient's tiles.
        attention: (tiles,) weights that the model gave them.
        probability: of the class to explain, from a bag; genes and all else stay as they are.

    Example:
        >>> bag = TileBag(patient="P", features=np.array([[0.0], [3.0]], np.float32),
        ...               positions=np.zeros((2, 2), np.float32), names=("a", "b"), skipped={})
        >>> def mean(one: TileBag) -> float:
        ...     return float(one.features.mean())
        >>> tile_effects(bag, np.array([0.5, 0.5]), mean).effect.tolist()
        [-1.5, 1.5]
    """
    if len(bag) == 1:
        return TileEffects(bag, attention, np.full(1, np.nan))
    whole = probability(bag)
    without = [probability(_without(bag, number)) for number in range(len(bag))]
    return TileEffects(bag, attention, whole - np.array(without))


def _without(bag: TileBag, number: int) -> TileBag:
    kept = np.arange(len(bag)) != number
    names = tuple(name for name, keep in zip(bag.names, kept.tolist(), strict=True) if keep)
    return replace(bag, features=bag.features[kept], positions=bag.positions[kept], names=names)
