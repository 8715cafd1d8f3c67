"""Commands that train and evaluate a bundle, and list what can be set."""

from __future__ import annotations

import logging
import warnings
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from cladeseg.cli.base import DATA, LABELS, MODELS, OUTPUT, TRAINING, bundle_folder, command, config_file
from cladeseg.cli.console import is_verbose
from cladeseg.cli.options import Bundle, Device, Modalities, Processes, Scheduler, Slurm

logger = logging.getLogger(__name__)

Dataset = Annotated[Path, typer.Option(help="Folder of the data.", rich_help_panel=DATA)]
Overlays = Annotated[
    list[str] | None,
    typer.Option(
        "--overlay",
        metavar="FILE|NAME",
        help="Config on top of the bundle's, a file or a shipped one such as profiles/acdc_gpu; may be repeated.",
        rich_help_panel=TRAINING,
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change a setting, e.g. mix.weight=0.5; may be repeated. 'cladeseg settings' lists them.",
        rich_help_panel=TRAINING,
    ),
]


#: Where the default of an option is found.
BUNDLES = "the bundle's"


class Split(str, Enum):
    """Which cases are evaluated."""

    test = "test"
    validation = "validation"
    all = "all"


@command(
    "cladeseg train acdc --dataset D --output R --fine-patients 3",
    "cladeseg train acdc --dataset D --output R --fine-patients p1,p2 --seed 1 --set mix.weight=0.5",
    "cladeseg train B --dataset D --output R --overlay profiles/acdc_gpu --epochs 200 --resume",
    panel=MODELS,
    kept="the run's folder holds what the last finished epoch left; --resume goes on from there",
)
def train(
    bundle: Bundle,
    *,
    dataset: Dataset,
    output: Annotated[Path, typer.Option(help="Folder of the run; holds one training.", rich_help_panel=OUTPUT)],
    fine_patients: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|all|NAMES",
            show_default=BUNDLES,
            help="Whose labels are used down to the leaves: how many, all, or names with commas.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    coarse_patients: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|all",
            show_default=BUNDLES,
            help="How many more show their superclass outline; whoever is left is unlabelled.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, show_default=BUNDLES, help="Of split, weights and training.", rich_help_panel=TRAINING),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, show_default=BUNDLES, help="Passes of the training.", rich_help_panel=TRAINING)
    ] = None,
    amp: Annotated[
        bool | None,
        typer.Option("--amp/--no-amp", show_default=BUNDLES, help="Compute in bfloat16.", rich_help_panel=TRAINING),
    ] = None,
    device: Device = "auto",
    overlay: Overlays = None,
    set_: Changes = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training in the run's folder.", rich_help_panel=OUTPUT)
    ] = False,
    promote: Annotated[
        bool | None,
        typer.Option(
            "--promote/--no-promote",
            show_default=BUNDLES,
            help="Offer the result to the bundle, which takes better weights; nothing else is written there.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
) -> None:
    """Train a bundle on fine, coarse and unlabelled cases.

    Defaults are those of the bundle's configs/train.json. This is the bundle's own training, 'python -m
    monai.bundle run training', from any folder and with settings that are checked first.
    """
    from cladeseg.segmentation.workflow.commands import TRAINING as COMMAND

    _run(
        COMMAND,
        bundle,
        dataset_dir=dataset,
        output_dir=output,
        fine_patients=_patients(fine_patients),
        coarse_patients=_patients(coarse_patients),
        seed=seed,
        epochs=epochs,
        amp=amp,
        device=None if device == "auto" else device,
        overlays=[config_file(name) for name in overlay or ()],
        changes=set_ or (),
        resume=resume or None,
        promote=promote,
    )


@command(
    "cladeseg evaluate acdc --dataset D --output R",
    "cladeseg evaluate hippocampus --dataset D --output R --split all",
    "cladeseg evaluate brats --dataset D --output R --modalities flair --lesion-wise",
    panel=MODELS,
    kept="no scores were written; call the command again",
)
def evaluate(
    bundle: Bundle,
    *,
    dataset: Dataset,
    output: Annotated[
        Path, typer.Option(help="Folder of the run; its eval folder gets the results.", rich_help_panel=OUTPUT)
    ],
    split: Annotated[
        Split, typer.Option(help="A part of the run's stored split, or all cases of the data.", rich_help_panel=DATA)
    ] = Split.test,
    weights: Annotated[
        Path | None,
        typer.Option(
            show_default="the run's, else the bundle's", help="A .pt or .safetensors file.", rich_help_panel=DATA
        ),
    ] = None,
    modalities: Modalities = None,
    keep_largest: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES|none",
            show_default="the weights'",
            help="Superclasses of which only the largest component counts, with commas.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    lesion_wise: Annotated[
        bool,
        typer.Option("--lesion-wise", help="Also score lesion by lesion, as BraTS 2023 does.", rich_help_panel=OUTPUT),
    ] = False,
    nsd_tolerance_mm: Annotated[
        float, typer.Option(min=0.0, help="Tolerance of the normalised surface distance.", rich_help_panel=OUTPUT)
    ] = 2.0,
    device: Device = "auto",
    workers: Processes = None,
    scheduler: Scheduler = None,
    slurm: Slurm = None,
    overlay: Overlays = None,
    set_: Changes = None,
) -> None:
    """Score a run, or the bundle's own weights, on each case's own grid.

    Writes eval/metrics.csv (one row per case, node and metric), eval/metrics.json and pictures. Earlier results are
    kept aside, and an evaluation that was interrupted goes on. This is 'python -m monai.bundle run evaluating', from
    any folder.
    """
    from cladeseg.segmentation.workflow.commands import EVALUATING

    _run(
        EVALUATING,
        bundle,
        dataset_dir=dataset,
        output_dir=output,
        split=split.value,
        weights=None if weights is None else weights.absolute(),
        modalities=modalities,
        keep_largest=keep_largest,
        lesion_wise=lesion_wise,
        nsd_tolerance_mm=nsd_tolerance_mm,
        workers=workers,
        scheduler=scheduler,
        slurm=None if slurm is None else slurm.absolute(),
        device=None if device == "auto" else device,
        overlays=[config_file(name) for name in overlay or ()],
        changes=set_ or (),
    )


def _run(what: tuple[str, ...], bundle: str, **options: Any) -> None:
    from cladeseg.segmentation.workflow.commands import run_bundle

    folder = bundle_folder(bundle)
    _replace_monais_warnings(folder)
    run_bundle(what, folder, **options)


def _replace_monais_warnings(bundle: Path) -> None:
    """Warn of code outside the allow-list where there is some, as MONAI does for every config."""
    from cladeseg.bundle import audit_bundle, audit_exit_code

    if audit_exit_code(audit_bundle(bundle)):
        logger.warning("%s: its configs run code outside the allow-list; 'cladeseg audit' lists it", bundle)
    if not is_verbose():
        warnings.filterwarnings("ignore", message="parsing config_file", category=UserWarning)
        for module in ("scripts", "workflows"):  # they tell every argument that is given, and that none is for logging
            logging.getLogger(f"monai.bundle.{module}").setLevel(logging.ERROR)


def _patients(text: str | None) -> int | str | list[str] | None:
    """A number, ``all``, or names; a single name ends with a comma."""
    if text is None or text == "all":
        return text
    return int(text) if text.isdigit() else [name.strip() for name in text.split(",") if name.strip()]
