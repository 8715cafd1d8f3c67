"""Trains a clustering model into a run folder."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

import numpy as np

from cladeseg.bundle import start_run
from cladeseg.bundle.device import choose_device
from cladeseg.bundle.provenance import versions
from cladeseg.bundle.run_folder import add_use, backup_existing
from cladeseg.bundle.shipped import raise_if_shipped
from cladeseg.bundle.weights_record import DESCRIPTION
from cladeseg.clustering.model import (
    ClusteringModel,
    check_classes,
    choose_references,
    fit_model,
    measure,
    prepare,
    save_model,
)
from cladeseg.clustering.model.store import TENSORS
from cladeseg.clustering.objects import ObjectSet
from cladeseg.clustering.workflow.plan import ClusteringPlan
from cladeseg.clustering.workflow.trained import object_kind
from cladeseg.cohort import fingerprint
from cladeseg.files import DataError, write_json

logger = logging.getLogger(__name__)

#: Similarities of pairs, kept while they are computed.
PAIR_STORE = "pqap_training.npz"


def run_training(plan: ClusteringPlan, device: str = "auto") -> ClusteringModel:
    """Train and store: ``models/``, ``datalist.json``, ``run.json``.

    Matching key points is gone on with where it was cut off.

    Raises:
        DataError: the data cannot be learnt from, or the folder holds a trained model and ``resume`` is off.
    """
    begin, folder = time.perf_counter(), plan.run_folder
    if folder.description.is_file() and not plan.resume:
        raise DataError(
            f"{folder.description}: this folder already holds a training; add --resume True to train it anew, "
            "or choose another --output_dir"
        )
    known = [*plan.split["training"], *plan.split["validation"]]
    objects = plan.objects.subset(known)
    classes = objects.labels()
    check_classes(classes)
    start_run(folder, plan.settings, resume=folder.record.is_file())
    write_json(_datalist(plan), folder.datalist)
    validation = np.isin(known, plan.split["validation"])
    training = objects.subset(plan.split["training"])
    options, seed = plan.settings.model, plan.settings.seed
    comparison = prepare(training, training.labels(), options, seed=seed)
    seen = measure(objects, comparison, store=Path(folder.root) / PAIR_STORE)
    model = fit_model(seen, classes, comparison, validation=validation, seed=seed, device=choose_device(device))
    kept = choose_references(classes, options.zero.references, seed=seed)
    model.references = tuple(objects.objects[row] for row in kept)
    backup_existing(folder.description)
    save_model(model, folder.models, more=_description(plan, objects))
    add_use(folder, time.perf_counter() - begin)
    logger.info("%s: the model is stored; '%s' was best on %s", folder.models, model.chosen, model.zero_source)
    if plan.promote:
        promote(folder.models, plan.bundle_root)
    return model


def promote(models: Path, bundle_root: Path) -> None:
    """Copy a trained model into a bundle.

    Raises:
        DataError: the bundle belongs to the installed package.
    """
    raise_if_shipped(bundle_root)
    target = bundle_root / "models"
    target.mkdir(parents=True, exist_ok=True)
    for name in (TENSORS, DESCRIPTION):
        backup_existing(target / name)
        shutil.copyfile(models / name, target / name)


def _datalist(plan: ClusteringPlan) -> dict[str, object]:
    digests = {one.id: one.digest for one in plan.objects.objects}
    parts = {
        part: [{"id": one, "class": plan.objects.classes[one], "sha256": digests[one]} for one in ids]
        for part, ids in plan.split.items()
    }
    return {"seed": plan.settings.seed, **parts}


def _description(plan: ClusteringPlan, objects: ObjectSet) -> dict[str, object]:
    cases = [{"case": one.id, "sha1": one.digest, "supervision": objects.classes[one.id]} for one in objects.objects]
    return {
        "objects": plan.settings.objects.model_dump(mode="json"),
        "seed": plan.settings.seed,
        "trained_on": sorted(one.digest for one in objects.objects),
        "fingerprint": fingerprint(cases),
        "object_kind": object_kind(objects.objects[0]),
        "versions": versions(),
    }
