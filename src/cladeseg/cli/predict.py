"""The command that predicts: masks, probabilities, uncertainty and volumes of a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cladeseg.cli.base import MODELS, NETWORK, OUTPUT, bundle_folder, command
from cladeseg.cli.console import with_progress
from cladeseg.cli.options import Device, Modalities, Weights


@command(
    "cladeseg predict scans masks --bundle hippocampus",
    "cladeseg predict scans masks --bundle B --weights R/models/model.pt --probabilities --uncertainty",
    "cladeseg predict scan.nii.gz masks --bundle hippocampus --flips left-right",
    "cladeseg predict D masks --bundle brats --weights W --modalities flair,t1ce",
    panel=MODELS,
    kept="finished masks are kept; --resume goes on with the others",
)
def predict(
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="A NIfTI file, or a folder that is searched for them.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder for what is written; nothing in it is overwritten.")
    ],
    *,
    bundle: Annotated[str, typer.Option(help="Its folder, or the name of a shipped one.", rich_help_panel=NETWORK)],
    weights: Weights = None,
    device: Device = "auto",
    modalities: Modalities = None,
    overlap: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=0.95,
            show_default="the bundle's",
            help="Share of a sliding window that the next one covers again.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    flips: Annotated[
        str,
        typer.Option(
            metavar="none|allowed|AXES",
            help="Average mirrored views: all that the label tree allows, or along left-right, posterior-anterior or "
            "inferior-superior (several with commas). Name axes that the training mirrored too.",
            rich_help_panel=NETWORK,
        ),
    ] = "none",
    label_convention: Annotated[
        str | None,
        typer.Option(show_default="the bundle's", help="File convention of the masks.", rich_help_panel=OUTPUT),
    ] = None,
    probabilities: Annotated[
        bool,
        typer.Option("--probabilities", help="Also write CASE_probabilities.nii.gz.", rich_help_panel=OUTPUT),
    ] = False,
    uncertainty: Annotated[
        bool,
        typer.Option("--uncertainty", help="Also write CASE_uncertainty.nii.gz.", rich_help_panel=OUTPUT),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Leave out what an interrupted call has finished.", rich_help_panel=OUTPUT),
    ] = False,
) -> None:
    """Predict images: masks on each image's own grid, and the volume of every structure.

    OUT gets CASE.nii.gz for each image, volumes.csv (case, node, voxels, volume in ml) and prediction.json (weights and
    options).  Probabilities are float32 with one entry of the fourth axis per leaf of the label tree, in the order that
    the file's header names.  Uncertainty is the entropy in nats of the leaf given the superclass: 0 where there is only
    one leaf to choose from.
    """
    from cladeseg.segmentation.workflow import PredictionRun, load_predictor

    predictor = load_predictor(
        bundle_folder(bundle),
        weights=weights,
        device=device,
        label_convention=label_convention,
        modalities=modalities,
        overlap=overlap,
        flips=flips,
    )
    run = PredictionRun(predictor, images, out, probabilities=probabilities, uncertainty=uncertainty, resume=resume)
    for case in with_progress(run.cases, "predicting"):
        run.predict(case)
    Console().print(f"predictions are in {out}", soft_wrap=True, highlight=False)
