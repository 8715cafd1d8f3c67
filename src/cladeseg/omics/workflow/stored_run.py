"""What a training leaves for others: weights as safetensors, their description, and the draw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError

from cladeseg.bundle.described_weights import read_description, write_described
from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.trained_tree import recorded_tree, tree_record
from cladeseg.files import DataError
from cladeseg.omics.data import OmicsCohort
from cladeseg.omics.model import OmicsModel, model_description, model_tensors, restore_model
from cladeseg.taxonomy import Taxonomy


@dataclass(frozen=True)
class StoredRun:
    """A trained run.

    Attributes:
        model: the fitted model.
        tree: its classes.
        features: omics → names of the features that it takes.
        dataset_dir: what it was trained on.
        settings: that it was trained with.
    """

    model: OmicsModel
    tree: Taxonomy
    features: dict[str, tuple[str, ...]]
    dataset_dir: Path
    settings: dict[str, Any]


def store_run(folder: RunFolder, model: OmicsModel, cohort: OmicsCohort, *, dataset_dir: Path, settings: dict) -> None:
    """Write weights and description; the description, which says that both are complete, comes last."""
    content = {
        "model": model_description(model),
        "taxonomy": {"name": cohort.tree.name, **tree_record(cohort.tree)},
        "features": {name: list(cohort.features[name]) for name in model.omics},
        "dataset_dir": str(dataset_dir.absolute()),
        "settings": settings,
    }
    write_described(folder.safe_weights, model_tensors(model), content)


def load_run(folder: RunFolder) -> StoredRun:
    """Read a trained run.

    Raises:
        DataError: it was not trained, or a file is damaged.
    """
    content = read_description(folder)
    try:
        model = restore_model(safetensors.torch.load_file(folder.safe_weights), content["model"])
        tree = recorded_tree(content["taxonomy"]["name"], content["taxonomy"])
        features = {name: tuple(columns) for name, columns in content["features"].items()}
        return StoredRun(model, tree, features, Path(content["dataset_dir"]), content["settings"])
    except (KeyError, TypeError, SafetensorError) as error:
        raise DataError(f"{folder.description}: is no description of an omics model ({error}); train anew") from error
