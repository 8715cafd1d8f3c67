"""What the evaluation command does: a linear probe, and fine-tuning on few fine labels with scratch beside it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from cladeseg.bundle.bundle_run import BundleRun, terminate_on_exit
from cladeseg.bundle.device import choose_device
from cladeseg.bundle.run_folder import RunFolder, configure_logging
from cladeseg.bundle.settings import flat
from cladeseg.files import DataError, read_json, write_json
from cladeseg.pretraining.pages import PAGE, PRETRAINED, RANDOM, SCRATCH, Picture, write_evaluation_page
from cladeseg.pretraining.tasks import build_pretraining_net
from cladeseg.pretraining.workflow.features import TrainedEncoder, encoder_network, trained_encoder
from cladeseg.pretraining.workflow.page import components, course_of
from cladeseg.pretraining.workflow.plan import PretrainingPlan
from cladeseg.pretraining.workflow.probe import Labelled, probe_dice
from cladeseg.pretraining.workflow.task_bundle import settings_of_task
from cladeseg.segmentation.data import cases_of
from cladeseg.segmentation.workflow.plan import TrainingPlan
from cladeseg.taxonomy import FINE

logger = logging.getLogger(__name__)

#: Test cases whose features are pictured.
_PICTURED = 2


def run_pretraining_evaluation(
    plan: PretrainingPlan,
    *,
    weights: str | Path | None = None,
    fine_cases: Sequence[int] = (1, 2, 4),
    draws: Sequence[int] = (0,),
    epochs: int | None = None,
    overlays: Sequence[str] = (),
    device: str | torch.device = "auto",
) -> None:
    """Probe the encoder and fine-tune it in its segmentation bundle; ``eval/report.html`` shows the outcome.

    Fine-tuning runs the bundle's own training and evaluation, once from the encoder and once from scratch, with equal
    seeds, schedules and draws.  What is finished is kept.

    Args:
        plan: of the pre-training.
        weights: an encoder; the run's own if ``None``.
        fine_cases: numbers of finely labelled patients.
        draws: draws of these patients.
        epochs: of each fine-tuning; the bundle's own if ``None``.
        overlays: configs on top of the bundle's.
        device: where the probe runs.

    Raises:
        DataError: there is no encoder, or no segmentation bundle.
    """
    configure_logging()
    if plan.task is None:
        raise DataError(f"{plan.dataset_dir}: evaluating needs a segmentation bundle with a label tree; add --task")
    if not fine_cases or min(fine_cases) < 1:
        raise DataError(f"fine_cases: {list(fine_cases)} should be numbers of patients, each at least 1")
    model = trained_encoder(plan.output_dir, weights)
    folder = plan.run_folder.evaluation
    overlay = _overlay(plan, folder)
    files = [*(Path(each).absolute() for each in overlays), overlay]
    probe, pictures = _probe(plan, model, overlay, max(fine_cases), choose_device(device))
    rows = _fine_tune(plan, model, overlays=files, fine_cases=fine_cases, draws=draws, epochs=epochs)
    found = {"probe": probe, "fine_tuning": rows}
    write_json(found, folder / "evaluation.json")
    min_rank = plan.settings.diagnostics.min_rank
    own = weights is None  # whose course is known
    course = course_of(plan.run_folder, plan.settings.epochs, min_rank) if own else []
    page = write_evaluation_page(folder / PAGE, plan.output_dir.name, found, course, components=pictures)
    logger.info("evaluated: %s", page)


def _overlay(plan: PretrainingPlan, folder: Path) -> Path:
    """The encoder's images, network and split as an overlay for the bundle's trainings, on top of all others."""
    if plan.task is None:
        raise DataError(f"{plan.dataset_dir}: no segmentation bundle")
    own = flat(plan.settings.model_dump(mode="json"))
    keys = [key for key in flat(settings_of_task(plan.task)) if key.split(".")[0] in ("data", "network", "split")]
    path = folder / "overlay.json"
    write_json({"#".join(("settings", *key.split("."))): own[key] for key in keys}, path)
    return path.absolute()


# ---- linear probe ----------------------------------------------------------------------------------------------------


def _probe(
    plan: PretrainingPlan, model: TrainedEncoder, overlay: Path, fine: int, device: torch.device
) -> tuple[dict[str, dict[str, float]], list[Picture]]:
    """Dice of the encoder and of the same network with random weights; pictures of the encoder's features."""
    training = _training_plan(plan, overlay, fine)
    parts = {part: cases_of(training.datalist, part, plan.dataset_dir) for part in ("training", "test")}
    parts["training"] = [case for case in parts["training"] if case["supervision"] == FINE]
    labelled = {part: [_labelled(training, case) for case in cases] for part, cases in parts.items()}
    random = build_pretraining_net(
        model.description["network"], projected=0, reconstruct=False, seed=plan.settings.seed
    )
    networks = {PRETRAINED: encoder_network(model), RANDOM: random.eval()}
    scores = {
        name: probe_dice(
            network.to(device),
            labelled["training"],
            labelled["test"],
            training.taxonomy,
            model.description["patch_size"],
        )
        for name, network in networks.items()
    }
    pictured = zip(parts["test"][:_PICTURED], labelled["test"], strict=False)
    patch = model.description["patch_size"]
    return scores, [components(networks[PRETRAINED], one.image, patch, case["case"]) for case, one in pictured]


def _training_plan(plan: PretrainingPlan, overlay: Path, fine: int) -> TrainingPlan:
    """The segmentation bundle's training with the same split."""
    if plan.task is None:
        raise DataError(f"{plan.dataset_dir}: no segmentation bundle")
    config = read_json(plan.task / "configs" / "train.json")
    settings: dict[str, Any] = config["settings"]
    for key, value in read_json(overlay).items():
        _, group, name = key.split("#")
        settings[group] = {**settings[group], name: value}
    return TrainingPlan(
        settings=settings,
        bundle_root=plan.task,
        dataset_dir=plan.dataset_dir,
        output_dir=plan.run_folder.evaluation / "probe",
        fine_patients=fine,
        seed=plan.settings.seed,
    )


def _labelled(training: TrainingPlan, case: Mapping[str, Any]) -> Labelled:
    item = training.preprocessing(dict(case))
    return Labelled(item["image"], item["nodes"])


# ---- fine-tuning -----------------------------------------------------------------------------------------------------


def _fine_tune(
    plan: PretrainingPlan,
    model: TrainedEncoder,
    *,
    overlays: Sequence[Path],
    fine_cases: Sequence[int],
    draws: Sequence[int],
    epochs: int | None,
) -> list[dict[str, Any]]:
    """A row for each number of fine cases and draw: mean leaf Dice from scratch and from the encoder."""
    rows = []
    for n in fine_cases:
        for draw in draws:
            scores = {
                arm: _score(plan, model, overlays=overlays, arm=arm, n=n, draw=draw, epochs=epochs)
                for arm in (SCRATCH, PRETRAINED)
            }
            rows.append({"fine_cases": n, "draw": draw, **scores})
    return rows


def _score(
    plan: PretrainingPlan,
    model: TrainedEncoder,
    *,
    overlays: Sequence[Path],
    arm: str,
    n: int,
    draw: int,
    epochs: int | None,
) -> float:
    if plan.task is None:
        raise DataError(f"{plan.dataset_dir}: no segmentation bundle")
    training = {} if arm == SCRATCH else {"pretrained": model.path.absolute()}
    run = BundleRun(
        bundle=plan.task,
        root=(plan.run_folder.evaluation / f"{arm}_n{n}_d{draw}").absolute(),
        label=f"{arm}, {n} fine, draw {draw}",
        overlays=overlays,
        options={
            "dataset_dir": plan.dataset_dir.absolute(),
            "seed": plan.settings.seed,
            "fine_patients": n,
            "settings#split#draw": draw,
        },
        training={**training, **({} if epochs is None else {"epochs": epochs})},
    )
    _finish(run)
    return float(read_json(run.scores)["mean_leaf"]["dice"])


def _finish(run: BundleRun) -> None:
    """Train and evaluate, unless both are done."""
    with terminate_on_exit([run]):
        while run.advance() != "done":
            if run.process is not None:
                run.process.wait()
    logger.info("%s: %s", run.label, RunFolder(run.folder.root).evaluation)
