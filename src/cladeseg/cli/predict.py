"""The command that predicts: masks, probabilities, uncertainty and volumes of a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cladeseg.cli.base import MODELS, NETWORK, OUTPUT, bundle_folder, command
from cladeseg.cli.console import with_progress
from cladeseg.cli.options import Device, Modalities, Processes, Scheduler, Slurm, Weights


@command(
    "cladeseg predict scans masks --bundle hippocampus",
    "cladeseg predict scans masks --bundle B --weights R/models/model.pt --probabilities --uncertainty",
    "cladeseg predict scan.nii.gz masks --bundle hippocampus --flips left-right",
    "cladeseg predict scans masks --bundle brats --weights W --profile balanced",
    "cladeseg predict D masks --bundle brats --weights W --modalities flair,t1ce",
    "cladeseg predict scans masks --bundle hippocampus --workers 4 --resume",
    "cladeseg predict dicom_folder masks --bundle hippocampus --output-format nrrd",
    panel=MODELS,
    kept="finished masks are kept; --resume goes on with the others",
)
def predict(
    images: Annotated[
        Path,
        typer.Argument(
            metavar="IMAGES",
            help="An image (NIfTI, NRRD, MetaImage, MGH), a folder with a DICOM series, or a folder "
            "that is searched for them.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Folder for what is written; no image and no earlier file is overwritten."),
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
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="fast|balanced|best",
            show_default="the bundle's",
            help="'best' searches the whole volume; 'balanced' and 'fast' look closely only where a first look at a "
            "coarser grid finds structures.",
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
    max_ram: Annotated[
        float | None,
        typer.Option(
            "--max-ram",
            "--max_ram",
            metavar="GIB",
            show_default="no limit",
            help="Memory for the probabilities of a case; beyond it they lie in a temporary file. Masks are the same.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    label_convention: Annotated[
        str | None,
        typer.Option(show_default="the bundle's", help="File convention of the masks.", rich_help_panel=OUTPUT),
    ] = None,
    probabilities: Annotated[
        bool,
        typer.Option("--probabilities", help="Also write CASE_probabilities.", rich_help_panel=OUTPUT),
    ] = False,
    uncertainty: Annotated[
        bool,
        typer.Option("--uncertainty", help="Also write CASE_uncertainty.", rich_help_panel=OUTPUT),
    ] = False,
    output_format: Annotated[
        str | None,
        typer.Option(
            metavar="nifti|nrrd|mha|dicom-seg",
            show_default="the image's; NIfTI for DICOM",
            help="Format of the files; dicom-seg (for DICOM, with cladeseg\\[dicom]) is that of the masks.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Leave out what an interrupted call has finished.", rich_help_panel=OUTPUT),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Set aside what an earlier call wrote, as NAME.1.", rich_help_panel=OUTPUT),
    ] = False,
    workers: Processes = None,
    scheduler: Scheduler = None,
    slurm: Slurm = None,
) -> None:
    """Predict images: masks on each image's own grid, and the volume of every structure.

    OUT gets CASE.nii.gz for each image (or CASE in the image's own format), volumes.csv (case, node, voxels, volume in
    ml) and prediction.json (files, weights and options).  A case that cannot be predicted is reported at the end, and
    the others are done.  Probabilities are float32 with one entry of the fourth axis per leaf of the label tree, in the
    order that the file's header names.  Uncertainty is the entropy in nats of the leaf given the superclass: 0 where
    there is only one leaf to choose from.
    """
    from cladeseg.segmentation.workflow import PredictionRun, load_predictor
    from cladeseg.tasks import Machines, raise_failures

    machines = Machines(workers=workers, scheduler=scheduler, slurm=slurm)
    predictor = load_predictor(
        bundle_folder(bundle),
        weights=weights,
        device=device,
        label_convention=label_convention,
        modalities=modalities,
        overlap=overlap,
        profile=profile,
        flips=flips,
        max_ram=max_ram,
    )
    run = PredictionRun(
        predictor,
        images,
        out,
        probabilities=probabilities,
        uncertainty=uncertainty,
        resume=resume,
        overwrite=overwrite,
        output_format=output_format,
        machines=machines,
    )
    ends = list(with_progress(run.predict(), "predicting", total=len(run.cases)))
    if ends and all(end.message is not None for end in ends):
        raise_failures(ends, way_out="add --resume")  # there is nothing new to show
    page = run.write_page()
    Console().print(f"predictions are in {out}", soft_wrap=True, highlight=False)
    Console().print(f"page: {page}", soft_wrap=True, highlight=False, markup=False)
    raise_failures(ends, way_out="add --resume")
