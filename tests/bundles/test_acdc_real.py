"""The ACDC bundle on real volumes, where they are at hand."""

from __future__ import annotations

import math
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import EVALUATE, INFERENCE, REPOSITORY, Place, Trained, command, json_of, rows_of, train

DATA = Path(os.environ.get("CLADESEG_DATA", REPOSITORY.parent / "shared" / "data")) / "acdc"
PATIENTS = 8

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA}; CLADESEG_DATA names their folder"),
]


@pytest.fixture(scope="module")
def trained(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Two steps with a tiny network and three finely labelled patients, of eight from all over the data set."""
    folder = tmp_path_factory.mktemp("real")
    everyone = sorted(path for path in DATA.glob("patient*") if path.is_dir())
    (folder / "D").mkdir()
    for patient in everyone[:: len(everyone) // PATIENTS][:PATIENTS]:
        (folder / "D" / patient.name).symlink_to(patient.resolve(), target_is_directory=True)
    real = place._replace(data=folder / "D")
    options = {
        "fine_patients": 3,
        "settings#split#test_fraction": 0.1,
        "spacing": [3.0, 3.0, -1.0],
        "settings#data#patch_size": [48, 48, 8],
    }
    return Trained(*real, train(real, folder / "R", **options))


def test_real_patients_train_with_finite_losses(trained: Trained) -> None:
    (row,) = rows_of(trained.run / "history.csv")
    assert math.isfinite(float(row["train_loss"]))
    assert math.isfinite(float(row["train_mix"]))
    cases = json_of(trained.run / "datalist.json")["training"]
    assert len({case["patient"] for case in cases if case["supervision"] == "fine"}) == 3
    assert len({case["group"] for case in cases}) > 1, "Info.cfg tells the groups"


def test_real_patients_are_evaluated_on_their_own_grid(trained: Trained, tmp_path: Path) -> None:
    folders = {"dataset_dir": str(trained.data), "output_dir": str(trained.run)}
    command(trained.bundle, "evaluating", EVALUATE, **folders)
    rows = rows_of(trained.run / "eval" / "metrics.csv")
    test = json_of(trained.run / "datalist.json")["test"]
    assert {row["case"] for row in rows} == {case["case"] for case in test}
    image = trained.data / test[0]["image"]
    weights = str(trained.run / "models" / "model.pt")
    command(trained.bundle, "inference", INFERENCE, dataset_dir=str(image), output_dir=str(tmp_path), weights=weights)
    mask, source = nib.load(tmp_path / "predictions" / image.name), nib.load(image)
    assert mask.shape == source.shape
    np.testing.assert_array_equal(mask.affine, source.affine)
