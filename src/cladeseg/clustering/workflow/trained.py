"""A stored model with the data that it is used on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cladeseg.bundle import RunFolder
from cladeseg.bundle.device import choose_device
from cladeseg.bundle.settings import read_settings
from cladeseg.bundle.weights_record import DESCRIPTION
from cladeseg.clustering.calibration import PairLogits
from cladeseg.clustering.model import ClusteringModel, beside, load_model, measure
from cladeseg.clustering.objects import ClusteredObject, ObjectSet
from cladeseg.clustering.workflow.plan import objects_of
from cladeseg.clustering.workflow.settings import ObjectSettings
from cladeseg.files import DataError


@dataclass(frozen=True)
class Trained:
    """A model that was read from a folder.

    Attributes:
        model: as it was trained.
        description: ``model.json``.
        folder: that holds both.
    """

    model: ClusteringModel
    description: Mapping[str, Any]
    folder: Path

    def objects(self, dataset_dir: str | Path, labels: str | Path | None = None) -> ObjectSet:
        """The objects of a folder, found as in training.

        Raises:
            DataError: they are of another kind than those of the training.
        """
        settings = read_settings(ObjectSettings, self.description["objects"], source=str(self.folder / DESCRIPTION))
        found = objects_of(dataset_dir, settings, labels)
        if len(found):
            self._check_kind(found, dataset_dir)
        return found

    def _check_kind(self, found: ObjectSet, dataset_dir: str | Path) -> None:
        here, wanted = object_kind(found.objects[0]), self.description["object_kind"]
        if here != wanted:
            raise DataError(
                f"{dataset_dir}: holds {_said(here)}, the model was trained on {_said(wanted)}; train one on data of "
                "this kind"
            )

    def logits(self, objects: ObjectSet, *, store: Path | None, device: str = "auto") -> dict[str, PairLogits]:
        """Of all pairs by each method, beside the model's references where there are few objects."""
        methods = self.model.methods
        everything, references = beside(objects, self.model.references)
        seen = measure(everything, methods.comparison, store=store, baseline=methods.descriptors)
        return methods.logits(seen, choose_device(device), references=references)

    def unseen(self, objects: ObjectSet) -> ObjectSet:
        """Those objects that training and validation did not use, by their content."""
        used = set(self.description["trained_on"])
        return objects.subset([one.id for one in objects.objects if one.digest not in used])


def object_kind(one: ClusteredObject) -> dict[str, int]:
    """What all objects of a model must have alike."""
    channels = 0 if one.crop is None else one.crop.shape[2]
    return {
        "crop_channels": channels,
        "shape_numbers": int(one.shape.size),
        "dimensions": 0 if not channels else 3 if one.points is None else 2,
    }


def _said(kind: Mapping[str, int]) -> str:
    names = {0: "key points", 2: "pictures of {} channel(s)", 3: "volumes of {} channel(s)"}
    return names[kind["dimensions"]].format(kind["crop_channels"])


def find_trained(
    output_dir: str | Path,
    bundle_root: str | Path = ".",
    weights: str | Path | None = None,
    *,
    max_pairs: int | None = None,
) -> Trained:
    """The model to use: ``weights``, else the run's own, else the bundle's.

    Args:
        output_dir: folder of a run.
        bundle_root: folder of a bundle.
        weights: folder that holds ``model.json``.
        max_pairs: pairs whose key points are matched at most; as in training if ``None``.

    Raises:
        DataError: there is none, or its files are damaged.
    """
    if weights is not None:
        candidates = [Path(weights)]
    else:
        candidates = [RunFolder(output_dir).models, Path(bundle_root) / "models"]
    for folder in candidates:
        if (folder / DESCRIPTION).is_file():
            model, description = load_model(folder)
            if max_pairs is not None:
                model.methods.comparison = model.methods.comparison.with_max_pairs(max_pairs)
            return Trained(model, description, folder)
    raise DataError(
        f"{candidates[0] / DESCRIPTION}: there is no trained model; run training into this --output_dir first, "
        "or name the folder of a model with --weights"
    )
