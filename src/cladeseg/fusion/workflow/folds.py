"""Which labelled patient is tested in which fold, drawn by seed and stored with the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cladeseg.cohort import cross_folds
from cladeseg.files import DataError, read_json, write_json
from cladeseg.fusion.data import FusionCohort
from cladeseg.fusion.workflow.settings import FusionSettings


def draw_folds(cohort: FusionCohort, settings: FusionSettings) -> dict[str, int]:
    """Test fold of each patient whose class is known; all others are trained on in every fold.

    Raises:
        DataError: there are too few patients, or a site is not known.
    """
    known = [name for name, one in zip(cohort.patients, cohort.classes, strict=True) if one >= 0]
    nodes = dict(zip(cohort.patients, cohort.labels, strict=True))
    classes = {name: cohort.tree.names[nodes[name]] for name in known}
    sites = None
    if settings.data.group_by_site:
        without = sorted(set(known) - set(cohort.sites))
        if without:
            raise DataError(
                f"sites.csv: says nothing of {len(without)} labelled patients, e.g. '{without[0]}'; "
                "add them, or leave out data#group_by_site"
            )
        sites = {name: cohort.sites[name] for name in known}
    return cross_folds(classes, settings.folds, seed=settings.seed, together=sites)


def store_folds(path: Path, folds: dict[str, int], settings: FusionSettings) -> None:
    """Write ``datalist.json``."""
    how = {"folds": settings.folds, "seed": settings.seed, "group_by_site": settings.data.group_by_site}
    write_json({"test_fold": dict(sorted(folds.items())), "settings": how}, path)


def read_folds(path: Path) -> dict[str, int]:
    """Patient → test fold of a stored run.

    Raises:
        DataError: it is missing or damaged.
    """
    content: Any = read_json(path)
    try:
        return {str(name): int(fold) for name, fold in content["test_fold"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: holds no test folds ({error}); restore it, or choose another --output_dir") from error
