"""With nnU-Net itself, where CLADESEG_NNUNET names its environment; it plans, as an epoch takes too long for a test."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cladeseg.benchmark.nnunet.environment import VARIABLE
from cladeseg.benchmark.nnunet.job import NnunetJob
from cladeseg.benchmark.nnunet.options import NnunetOptions
from cladeseg.benchmark.nnunet.run import NnunetRun
from cladeseg.benchmark.nnunet.stages import NnunetStages
from cladeseg.segmentation.phantoms import write_msd_phantoms

BUNDLE = Path(__file__).parents[3] / "bundles" / "hippocampus_subclass_segmentation"


@pytest.mark.nnunet
@pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no environment; make nnunet-env makes one")
def test_nnunet_accepts_the_raw_folder_and_plans_on_the_fine_cases(tmp_path: Path) -> None:
    data, root = tmp_path / "data", tmp_path / "run"
    write_msd_phantoms(data, cases=10, shape=(20, 24, 18))
    job = NnunetJob(
        bundle=BUNDLE,
        dataset_dir=data,
        settings={"fine_patients": 2, "settings#data#layout": "msd"},
        split="test",
        environment=Path(os.environ[VARIABLE]),
        options=NnunetOptions(epochs=1),
    )
    NnunetRun(job, root=root, label="nnU-Net")
    stages = NnunetStages(root)
    stages._prepare()
    fine = json.loads((root / "nnunet" / "prepared.json").read_text())["cases"]
    planned = root / "nnunet" / "preprocessed" / "Dataset001_cladeseg"
    plans = json.loads((planned / "nnUNetPlans.json").read_text())
    assert stages.environment.version.startswith("2.")
    assert len(fine) == 2
    assert {file.name.split(".")[0] for file in (planned / "gt_segmentations").iterdir()} == set(fine)
    preprocessed = planned / plans["configurations"]["3d_fullres"]["data_identifier"]
    assert {file.stem for file in preprocessed.glob("*.pkl")} == set(fine)
