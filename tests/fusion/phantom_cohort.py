"""Small cohorts in memory whose tiles and expression tell what a test wants."""

from __future__ import annotations

import numpy as np

from cladeseg.classes import FIRST_CLASS, flat_class_tree
from cladeseg.fusion.data import FusionCohort
from cladeseg.fusion.features import TileBag


def bag_of(name: str, features: np.ndarray) -> TileBag:
    count = len(features)
    return TileBag(
        patient=name,
        features=features.astype(np.float32),
        positions=np.full((count, 2), np.nan, np.float32),
        names=tuple(f"{i}.png" for i in range(count)),
        skipped={},
    )


def cohort_of(
    patients: int = 90,
    *,
    seed: int = 0,
    images_tell: tuple[int, ...] = (0, 1, 2),
    genes_tell: tuple[int, ...] = (0, 1, 2),
    genes: int = 8,
    tiles: int = 4,
) -> FusionCohort:
    """Three classes; ``tell`` gives the group of each class, and classes of one group cannot be told apart."""
    random = np.random.default_rng(seed)
    names = tuple(f"P{i:03d}" for i in range(patients))
    classes = np.arange(patients) % 3
    random.shuffle(classes)
    seen, read = (3.0 * np.eye(6, 3)[np.array(tell)[classes]] for tell in (images_tell, genes_tell))
    bags = {
        name: bag_of(name, np.hstack([seen[i] + random.normal(size=(tiles, 3)), random.normal(size=(tiles, 3))]))
        for i, name in enumerate(names)
    }
    expression = random.normal(size=(patients, genes))
    expression[:, :3] += read
    labels = classes + FIRST_CLASS
    tree = flat_class_tree(["a", "b", "c"])
    return FusionCohort(names, tuple(f"g{i}" for i in range(genes)), expression, bags, labels, tree, {})
