"""The check of a data folder, with the settings of the bundle that is going to train on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from cladeseg.bundle.validate_format import TRAIN
from cladeseg.segmentation.data import DatasetCheck, check_dataset
from cladeseg.segmentation.data.load_check import Load
from cladeseg.segmentation.workflow.plan import TREE, TrainingPlan, bundle_plan
from cladeseg.tasks import IN_PROCESS, Machines
from cladeseg.taxonomy import load_taxonomy


def check_for_training(
    dataset_dir: str | Path,
    taxonomy_file: str | Path,
    *,
    layout: str,
    label_convention: str,
    channels: Sequence[str] = (),
    workers: int | None = None,
    progress: bool = True,
    results: str | Path | None = None,
    machines: Machines = IN_PROCESS,
) -> DatasetCheck:
    """Check a folder with the preprocessing of the bundle that a label tree belongs to.

    Where the tree lies in no bundle, the files are prepared at their own voxel size.

    Args:
        dataset_dir: the folder.
        taxonomy_file: the tree of its labels, ``configs/taxonomy.json`` of a bundle or any other.
        layout: folder layout.
        label_convention: file convention of the labels; ``"auto"`` detects it.
        channels: names of the channels; all that the layout finds if empty.
        workers: see :func:`~cladeseg.segmentation.data.check_dataset`.
        progress: show a progress bar.
        results: folder of result files, see :func:`~cladeseg.segmentation.data.check_dataset`.
        machines: where cases are read.

    Raises:
        DataError: see :func:`~cladeseg.segmentation.data.check_dataset`, or the bundle's config cannot be used.
        TaxonomyError: the tree is impossible, or has no such label convention.
    """
    file, taxonomy = Path(taxonomy_file), load_taxonomy(taxonomy_file)
    loader: Callable[[str], Load] | None = None
    labels_required = True
    if file.name == Path(TREE).name and file.with_name(Path(TRAIN).name).is_file():
        plan = bundle_plan(file.absolute().parents[1])
        loader, s = partial(_preprocessing, plan), plan.settings
        labels_required = s.coarse_patients == "all" and not s.split.allow_missing_labels
    return check_dataset(
        dataset_dir,
        taxonomy,
        layout=layout,
        label_convention=label_convention,
        channels=channels,
        loader=loader,
        labels_required=labels_required,
        workers=workers,
        progress=progress,
        results=results,
        machines=machines,
    )


def _preprocessing(plan: TrainingPlan, label_convention: str) -> Load:
    plan.label_convention = label_convention
    return plan.preprocessing
