"""What a training leaves for others: weights as safetensors, their description, and the draw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.bundle.trained_tree import tree_record
from cladeseg.bundle.weights_record import check_weights, sha256_of, with_own_sha256
from cladeseg.files import DataError, atomic_write, read_json, write_json
from cladeseg.omics.data import OmicsCohort
from cladeseg.omics.model import OmicsModel, model_description, model_tensors, restore_model
from cladeseg.taxonomy import Node, Taxonomy


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
    with atomic_write(folder.safe_weights) as temporary:
        safetensors.torch.save_file(model_tensors(model), temporary)
    content = {
        "model": model_description(model),
        "taxonomy": {"name": cohort.tree.name, **tree_record(cohort.tree)},
        "features": {name: list(cohort.features[name]) for name in model.omics},
        "dataset_dir": str(dataset_dir.absolute()),
        "settings": settings,
        "sha256": {folder.safe_weights.name: sha256_of(folder.safe_weights)},
    }
    write_json(with_own_sha256(content), folder.description)


def load_run(folder: RunFolder) -> StoredRun:
    """Read a trained run.

    Raises:
        DataError: it was not trained, or a file is damaged.
    """
    if not folder.description.is_file():
        raise DataError(f"{folder.description}: there is no such file; run training with this --output_dir first")
    check_weights(folder.description, required=True)
    check_weights(folder.safe_weights, required=True)
    content = read_json(folder.description)
    try:
        model = restore_model(safetensors.torch.load_file(folder.safe_weights), content["model"])
        nodes = tuple(Node(n["name"], n["parent"], n["values"]) for n in content["taxonomy"]["nodes"])
        tree = Taxonomy(content["taxonomy"]["name"], nodes)
        features = {name: tuple(columns) for name, columns in content["features"].items()}
        return StoredRun(model, tree, features, Path(content["dataset_dir"]), content["settings"])
    except (KeyError, TypeError, SafetensorError) as error:
        raise DataError(f"{folder.description}: is no description of an omics model ({error}); train anew") from error
