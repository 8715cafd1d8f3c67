"""The two stages of an nnU-Net run: plan and train on the fine cases; predict and score a part of the data."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cladeseg.benchmark.nnunet.environment import PLAN, PREDICT, TRAIN, NnunetEnvironment
from cladeseg.benchmark.nnunet.job import read_job
from cladeseg.benchmark.nnunet.predictor import MaskPredictor
from cladeseg.benchmark.nnunet.raw_folder import DATASET, ENDING, write_images, write_training_cases
from cladeseg.bundle.run_folder import lock_run, unlock_run
from cladeseg.files import write_json
from cladeseg.segmentation.data import cases_of, volume_files
from cladeseg.segmentation.workflow import run_evaluation
from cladeseg.taxonomy import FINE
from cladeseg.volumes import output_path

#: The one set of folds that trains on every case it is given.
_FOLD = "all"


class NnunetStages:
    """Runs in a process of its own; what is finished is kept.

    Args:
        root: the run's folder, with its :class:`~cladeseg.benchmark.nnunet.job.NnunetJob`.

    Raises:
        DataError: the job is not there, or nnU-Net is not where it says.
    """

    def __init__(self, root: Path) -> None:
        self.job = read_job(root)
        self.options = self.job.options
        self.environment = NnunetEnvironment(self.job.environment)
        self.plan = self.job.plan(root)
        self.folder = root / "nnunet"
        self.log = root / "train.log"

    def training(self) -> None:
        """Plan and train on the finely labelled training cases of the run's datalist, and on nothing else.

        Raises:
            DataError: a case cannot be used, a command failed, or another process trains into the folder.
        """
        run_folder = self.plan.run_folder
        lock_run(run_folder)
        try:
            self._prepare()
            self._run(TRAIN, ["1", self.options.configuration, _FOLD, "-tr", self.options.trainer, "--c"], workers=0)
            made = {"nnunetv2": self.environment.version, "trainer": self.options.trainer}
            write_json({**made, "checkpoint": str(self._trained.relative_to(run_folder.root))}, run_folder.description)
        finally:
            unlock_run(run_folder)

    def evaluating(self) -> None:
        """Predict the part that the job names, and score it as :func:`run_evaluation` scores our own networks.

        Raises:
            DataError: a case cannot be used, or a command failed.
        """
        cases, images, masks = self._cases(self.job.split), self._raw / "imagesTs", self.folder / "masks"
        write_images(cases, images, channels=self.plan.settings.data.channels)
        shutil.rmtree(masks, ignore_errors=True)
        where = ["-i", str(images), "-o", str(masks), "-d", "1", "-c", self.options.configuration]
        network = ["-f", _FOLD, "-tr", self.options.trainer]
        self._run(PREDICT, [*where, *network, "-npp", "1", "-nps", "1", "--disable_progress_bar"])
        # nnU-Net itself has predicted the cases that it was trained on, at the end of the training.
        files = {**_masks(self._fine_cases(), self._trained.parent / "validation"), **_masks(cases, masks)}
        plan = self.plan
        weights = plan.run_folder.description
        predictor = MaskPredictor(files, plan.taxonomy, plan.label_convention, weights=weights)
        run_evaluation(predictor=predictor, plan=plan, split=self.job.split)

    @property
    def _raw(self) -> Path:
        return self.folder / "raw" / DATASET

    @property
    def _trained(self) -> Path:
        name = f"{self.options.trainer}__nnUNetPlans__{self.options.configuration}"
        return self.folder / "results" / DATASET / name / f"fold_{_FOLD}" / "checkpoint_final.pth"

    def _prepare(self) -> None:
        prepared = self.folder / "prepared.json"
        if prepared.is_file():
            return
        plan, cases = self.plan, self._fine_cases()
        channels = plan.settings.data.channels
        write_training_cases(cases, self._raw, plan.taxonomy, plan.label_convention, channels=channels)
        self._run(PLAN, ["-d", "1", "-c", self.options.configuration, "-np", "1", "-npfp", "1", "--clean", _CHECK])
        write_json({"cases": [case["case"] for case in cases]}, prepared)

    def _cases(self, part: str) -> list[dict[str, Any]]:
        return cases_of(self.plan.datalist, part, self.job.dataset_dir)

    def _fine_cases(self) -> list[dict[str, Any]]:
        return [case for case in self._cases("training") if case["supervision"] == FINE]

    def _run(self, name: str, arguments: Sequence[str], *, workers: int = 1) -> None:
        # To plan with no worker is an error of nnU-Net; to train with none keeps augmentation in its own process.
        device = [] if name == PLAN else ["-device", self.options.device]
        folders = {f"nnUNet_{each}": str(self.folder / each) for each in ("raw", "preprocessed", "results")}
        numbers = {"nnUNet_n_proc_DA": str(workers), "nnUNet_def_n_proc": "1", "nnUNet_compile": "f"}
        self.environment.run(name, [*arguments, *device], variables={**folders, **numbers}, log=self.log)


_CHECK = "--verify_dataset_integrity"


def _masks(cases: Sequence[Mapping[str, Any]], folder: Path) -> dict[Path, Path]:
    return {volume_files(case["image"])[0]: output_path(folder, case["case"], ENDING) for case in cases}
