"""Small runs that pages are made of, without a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from monai.data import MetaTensor

from cladeseg.bundle.run_folder import RunFolder
from cladeseg.segmentation.engines import EvaluatedCase
from cladeseg.segmentation.inferers import Prediction
from cladeseg.segmentation.metrics import evaluate_case, summarise, write_csv, write_json
from cladeseg.segmentation.pages import keep_evaluated, keep_prediction, record_evaluation, record_predictions
from cladeseg.taxonomy import Taxonomy

AFFINE = np.diag([-1.5, 2.0, 8.0, 1.0])
NASTY = "<script>alert(1)</script>"


def truth(tree: Taxonomy) -> np.ndarray:
    nodes = np.zeros((16, 14, 5), np.uint8)
    nodes[3:12, 3:10, 1:4] = tree.index("myocardium")
    nodes[5:10, 5:8, 1:4] = tree.index("left_ventricle")
    nodes[1:3, 3:10, 1:4] = tree.index("right_ventricle")
    return nodes


def evaluated_run(
    root: Path, tree: Taxonomy, shifts: dict[str, int], *, history: bool = False, missed: str = ""
) -> RunFolder:
    """A run whose predictions are the truth moved by some voxels; ``missed``: the case without a left ventricle."""
    run = RunFolder(root)
    entries, records = [], []
    patients = {case: f"patient {number}" for number, case in enumerate(shifts)}
    for case, shift in shifts.items():
        true = truth(tree)
        found = np.roll(true, shift, axis=0)
        if case == missed:
            found[found == tree.index("left_ventricle")] = tree.index("myocardium")
        image = np.random.default_rng(0).normal(size=true.shape) + true
        records += evaluate_case(case, found, true, tree, affine=AFFINE, tolerance_mm=2.0)
        entries.append(keep_evaluated(run.evaluation, EvaluatedCase(case, image, AFFINE, true, found), tree))
    summary = summarise(records, tree, patients=patients, nesting_violations=0, tolerance_mm=2.0, resamples=50)
    write_csv(records, run.evaluation / "metrics.csv")
    write_json(summary, run.evaluation / "metrics.json")
    statement = {"kind": "good", "head": "Held out.", "text": "Trained on none of these."}
    facts = {"split": "test", "warnings": [NASTY], "seed": 0, "held_out": statement}
    record_evaluation(run.evaluation, tree, entries, records=records, patients=patients, facts=facts)
    if history:
        run.history.write_text("epoch,step,train_loss,validation_mean_dice\n1,5,1.5,\n2,10,1.0,0.5\n", encoding="utf-8")
    return run


def predicted_folder(
    out: Path, tree: Taxonomy, enlarged: dict[str, int], volumes: dict[str, list[float]] | None = None
) -> Path:
    """A folder of predictions whose left ventricle is some voxels longer than it is in :func:`truth`.

    Args:
        out: the folder.
        tree: the label tree.
        enlarged: case → voxels, -1 for no left ventricle.
        volumes: ml of the training cases.
    """
    entries = []
    for case, longer in enlarged.items():
        found = truth(tree)
        found[5 : 10 + longer, 5:8, 1:4] = tree.index("left_ventricle")
        if longer < 0:
            found[found == tree.index("left_ventricle")] = tree.index("myocardium")
        p = torch.nn.functional.one_hot(torch.from_numpy(found).long(), tree.num_leaves).movedim(-1, 0).float()
        label = MetaTensor(torch.from_numpy(found)[None], affine=torch.from_numpy(AFFINE))
        image = np.random.default_rng(0).normal(size=found.shape) + found
        prediction = Prediction(label, 0.8 * p + 0.1, tree, tuple(range(tree.num_leaves)))
        entries.append(keep_prediction(out, case, image, prediction, tree))
    record_predictions(out, tree, entries, {"images": "scans", "training_volumes": volumes or {}})
    return out


SHIFTS = {"a": 0, "b": 1, "c": 2, NASTY: 3, "e": 1, "f": 0, "g": 1, "h": 2}
