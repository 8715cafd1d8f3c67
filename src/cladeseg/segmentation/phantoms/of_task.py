"""The phantoms that each shipped bundle is shown on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cladeseg.files import DataError
from cladeseg.segmentation.phantoms.acdc import write_acdc_phantoms
from cladeseg.segmentation.phantoms.brats import write_brats_phantoms
from cladeseg.segmentation.phantoms.msd import write_msd_phantoms
from cladeseg.segmentation.phantoms.myops import write_myops_phantoms

#: Phantoms of each task.  18 patients are split into 12 for training, 2 for validation and 4 for test.
PHANTOMS: Mapping[str, Mapping[str, Any]] = {
    "acdc": {"patients": 18, "shape": (64, 64, 8), "spacing": (3.0, 3.0, 9.0)},
    "brats": {"subjects": 18},
    "hippocampus": {"cases": 36},
    "myops": {"cases": 18, "shape": (64, 64, 6), "spacing": (3.4, 3.4, 12.0)},
}
_WRITERS: Mapping[str, Callable[..., Any]] = {
    "acdc": write_acdc_phantoms,
    "brats": write_brats_phantoms,
    "hippocampus": write_msd_phantoms,
    "myops": write_myops_phantoms,
}


def task_of(bundle_root: str | Path) -> str:
    """The task of a bundle, a copy under its own name included, as ``"acdc"``.

    Raises:
        DataError: there are no phantoms for this bundle.
    """
    task = Path(bundle_root).name.removesuffix("_subclass_segmentation")
    if task not in PHANTOMS:
        raise DataError(f"{bundle_root}: there are no phantoms for this bundle; there are for {', '.join(PHANTOMS)}")
    return task


def write_phantoms(task: str, folder: Path, *, seed: int = 0, **options: Any) -> None:
    """Write a task's phantoms in the layout that its bundle reads; what lies there must be this very set.

    Args:
        task: a key of :data:`PHANTOMS`.
        folder: to write to.
        seed: of the phantoms.
        options: of the task's writer; those of :data:`PHANTOMS` if there are none.

    Raises:
        DataError: the folder holds something else.
    """
    _WRITERS[task](folder, seed=seed, **(options or PHANTOMS[task]))
