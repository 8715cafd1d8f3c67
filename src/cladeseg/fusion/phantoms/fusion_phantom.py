"""A cohort by seed whose images tell some classes apart and whose expression tells others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cladeseg.files import DataError, atomic_write
from cladeseg.fusion.phantoms.tissue import STROMA, Appearance, tissue_tile

#: Classes of the PAM50 tree with their frequencies.
CLASSES = {"LumA": 0.35, "LumB": 0.2, "Basal": 0.2, "HER2": 0.15, "Normal-like": 0.1}
#: Genes whose expression depends on the class; the others depend on nothing.
_INFORMATIVE = (
    *("ESR1", "PGR", "FOXA1", "GATA3", "XBP1", "ERBB2", "GRB7", "MKI67", "AURKA", "CCNB1"),
    *("KRT5", "KRT14", "KRT17", "EGFR", "FOXC1", "MYC", "BCL2", "MLPH", "NAT1", "SLC39A6"),
)
#: Classes that nothing tells apart stand in one group.
Groups = Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class FusionPhantom:
    """What a phantom is like.

    Attributes:
        patients: how many.
        seed: of everything.
        images_tell: groups of classes; only classes of different groups look different.
        genes_tell: the same of expression.
        tiles: of each patient.
        tumour: share of the tiles that show the class; the others show stroma.
        spread: standard deviation of a patient's appearance round the class's, in distances to the next class.
        distance: of class means of expression, in units of the noise, over all informative genes together.
        size: edge of a tile in pixels.
        genes: number of them.
    """

    patients: int = 120
    seed: int = 0
    images_tell: Groups = (("LumA",), ("LumB",), ("Basal", "HER2", "Normal-like"))
    genes_tell: Groups = (("LumA", "LumB"), ("Basal",), ("HER2",), ("Normal-like",))
    tiles: int = 6
    tumour: float = 0.67
    spread: float = 0.15
    distance: float = 7.0
    size: int = 224
    genes: int = 60


def write_fusion_phantom(folder: str | Path, phantom: FusionPhantom | None = None) -> Path:
    """Write ``tiles/``, ``expression.csv`` and ``labels.csv`` as the bundle takes them.

    Raises:
        DataError: a file cannot be written, or a class is in no group.
    """
    phantom = phantom or FusionPhantom()
    random = np.random.default_rng(phantom.seed)
    names = [f"P{i:03d}" for i in range(phantom.patients)]
    classes = random.choice(list(CLASSES), phantom.patients, p=list(CLASSES.values()))
    labels = dict(zip(names, classes.tolist(), strict=True))
    write_tiles(Path(folder) / "tiles", labels, phantom)
    with atomic_write(Path(folder) / "expression.csv") as temporary:
        generate_expression(labels, phantom).to_csv(temporary, float_format="%.5g", lineterminator="\n")
    with atomic_write(Path(folder) / "labels.csv") as temporary:
        pd.Series(labels, name="label").rename_axis("patient").to_csv(temporary, lineterminator="\n")
    return Path(folder)


def generate_expression(labels: Mapping[str, str], phantom: FusionPhantom) -> pd.DataFrame:
    """A row for each patient, a column for each gene: log-like values whose means depend on the class's group.

    Four hidden factors that have nothing to do with the classes make genes correlate.
    """
    random = np.random.default_rng([phantom.seed, 1])
    group = _group_of(phantom.genes_tell, labels)
    informative = len(_INFORMATIVE)
    means = random.normal(size=(len(phantom.genes_tell), informative)) * phantom.distance / np.sqrt(2 * informative)
    factors = random.normal(size=(len(labels), 4)) @ random.normal(size=(4, phantom.genes)) * 0.5
    values = random.normal(size=(len(labels), phantom.genes)) + factors + 8.0
    values[:, :informative] += means[[group[label] for label in labels.values()]]
    columns = [*_INFORMATIVE, *(f"GENE{i:03d}" for i in range(phantom.genes - informative))]
    return pd.DataFrame(values.clip(0), index=pd.Index(list(labels), name="patient"), columns=columns)


def write_tiles(folder: str | Path, labels: Mapping[str, str], phantom: FusionPhantom) -> Path:
    """Write ``folder/<patient>/<number>.png``; patients who have all their tiles already are left alone.

    Raises:
        DataError: a file cannot be written, or a class is in no group.
    """
    group = _group_of(phantom.images_tell, labels)
    for name, label in labels.items():
        target = Path(folder) / name
        if len(list(target.glob("*.png"))) == phantom.tiles:
            continue
        for number, tile in enumerate(_tiles(name, group[label], phantom)):
            with atomic_write(target / f"{number:02d}.png") as temporary:
                Image.fromarray(tile).save(temporary, format="PNG", compress_level=1)
    return Path(folder)


def _tiles(name: str, group: int, phantom: FusionPhantom) -> list[np.ndarray]:
    """Of one patient, from a generator of their own, so that no other patient changes them."""
    own = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    random = np.random.default_rng([phantom.seed, 2, own])
    seen = _appearance(group, len(phantom.images_tell), random, phantom.spread)
    count = round(phantom.tumour * phantom.tiles)
    kinds = [seen] * count + [STROMA] * (phantom.tiles - count)
    return [tissue_tile(kinds[i], phantom.size, random) for i in random.permutation(phantom.tiles)]


def _appearance(group: int, groups: int, random: np.random.Generator, spread: float) -> Appearance:
    """Groups lie on a circle of density and radius, so that neighbours are equally far apart."""
    angle = 2 * np.pi * group / groups
    next_one = 2 * np.sin(np.pi / max(groups, 2))
    x, y = np.array([np.cos(angle), np.sin(angle)]) + spread * next_one * random.normal(size=2)
    return Appearance(0.22 + 0.10 * x, max(1.2, 2.6 + 1.0 * y))


def _group_of(groups: Groups, labels: Mapping[str, str]) -> dict[str, int]:
    found = {name: number for number, members in enumerate(groups) for name in members}
    missing = sorted({*labels.values()} - {*found})
    if missing:
        raise DataError(f"phantom: class '{missing[0]}' is in no group of {list(map(list, groups))}")
    return found
