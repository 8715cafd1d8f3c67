"""Features of all tiles of one patient, and where the tiles lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cladeseg.files import DataError


@dataclass(frozen=True, kw_only=True)
class TileBag:
    """Tiles of one patient; their number differs between patients and is never zero.

    Attributes:
        patient: whose they are.
        features: (tiles, F) float32, finite.
        positions: (tiles, 2) float32, µm from the slide's upper left corner as (x, y); NaN for loose tiles.
        names: file of each tile, or ``slide@x,y`` with the upper left corner in pixels of the slide's finest level.
        skipped: why tiles were left out → how many: ``blurred``, ``empty``, ``corrupt``, ``surplus``.

    Raises:
        DataError: the sizes do not fit one another, there is no tile, or a feature is not finite.

    Example:
        >>> bag = TileBag(patient="P1", features=np.ones((2, 3), np.float32), positions=np.zeros((2, 2), np.float32),
        ...               names=("s.svs@0,0", "s.svs@224,0"), skipped={"empty": 4})
        >>> len(bag)
        2
    """

    patient: str
    features: np.ndarray
    positions: np.ndarray
    names: tuple[str, ...]
    skipped: dict[str, int]

    def __post_init__(self) -> None:
        count = len(self.names)
        if not count or self.features.ndim != 2 or len(self.features) != count or self.positions.shape != (count, 2):
            raise DataError(
                f"{self.patient}: features of shape {self.features.shape} and positions of shape "
                f"{self.positions.shape} do not fit {count} tiles; each has one row of both, and a bag is never empty"
            )
        if not np.isfinite(self.features).all():
            raise DataError(f"{self.patient}: features hold NaN or infinity; extract them anew")

    def __len__(self) -> int:
        return len(self.names)
