"""Files of a clustering: clusters.csv, pairs.npz and the page with the contact sheet."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cladeseg.bundle.run_folder import backup_existing
from cladeseg.clustering.groups import Grouping
from cladeseg.files import DataError, atomic_write, write_json

CLUSTERS, PAIRS, SUMMARY = "clusters.csv", "pairs.npz", "clusters.json"


def write_clusters(grouping: Grouping, path: Path) -> None:
    """One row an object: id, cluster, confidence, nearest_medoid, unsure (yes or empty).

    An earlier table is kept under another name.
    """
    backup_existing(path)
    rows = [
        [one, int(number), f"{confidence:.3f}", grouping.ids[near], "yes" if unsure else ""]
        for one, number, confidence, near, unsure in zip(
            grouping.ids, grouping.numbers, grouping.confidence, grouping.nearest, grouping.unsure, strict=True
        )
    ]
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "cluster", "confidence", "nearest_medoid", "unsure"], *rows])


def write_pairs(grouping: Grouping, path: Path) -> None:
    """``ids`` (n,) and ``probability`` (n, n), float32."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, ids=np.array(grouping.ids, dtype=str), probability=grouping.probabilities)


def write_summary(grouping: Grouping, path: Path, more: Mapping[str, Any]) -> None:
    """Sizes and medoids of the clusters, and how far the clustering may be from the best one."""
    names = np.array(grouping.ids)
    clusters = [
        {
            "cluster": number,
            "objects": int((grouping.numbers == number).sum()),
            "medoid": grouping.ids[medoid],
            "confidence": round(float(grouping.confidence[grouping.numbers == number].mean()), 3),
        }
        for number, medoid in sorted(grouping.medoids.items())
    ]
    content = {
        "objects": len(names),
        "clusters": clusters,
        "unsure": [str(one) for one in names[grouping.unsure]],
        **solution_of(grouping),
        **more,
    }
    write_json(content, path)


def solution_of(grouping: Grouping) -> dict[str, Any]:
    """Energy, bound and gap of the clustering."""
    held = grouping.certificate
    return {
        "energy": held.energy,
        "bound": held.bound,
        "gap": held.gap,
        "optimal": held.optimal,
        "solver_seconds": round(held.seconds, 3),
    }


def read_numbers(path: Path) -> dict[str, int]:
    """Id → cluster of an earlier ``clusters.csv``; empty if there is none.

    Raises:
        DataError: it cannot be read, or a cluster is no whole number.
    """
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return {row["id"]: int(row["cluster"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise DataError(f"{path}: is no table of clusters ({error}); move it away to number clusters anew") from error
