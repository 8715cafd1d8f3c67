"""Commands about folders of data."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cladeseg.cli.base import DATA, DATASETS, LABELS, MACHINES, NETWORK, OUTPUT, bundle_folder, command
from cladeseg.cli.console import is_quiet
from cladeseg.cli.options import Intensity, LabelConvention, Layout, Scheduler, Slurm, Taxonomy, Workers

#: Characters of a line in which every finding fits.
_FILE_WIDTH = 240


class Affines(str, Enum):
    """How phantom volumes lie in the world."""

    varied = "varied"
    ras = "ras"


class Phantom(str, Enum):
    """What phantoms show, and in which layout."""

    acdc = "acdc"
    brats18 = "brats18"
    brats23 = "brats23"
    msd = "msd"
    myops = "myops"


def _data_beside(taxonomy: Path) -> tuple[str, tuple[str, ...]]:
    """Layout and channels that the bundle of a label tree is trained on; recognised for a tree outside a bundle."""
    from cladeseg.segmentation.workflow.plan import settings_with

    if not taxonomy.with_name("train.json").is_file():
        return "auto", ()
    data = settings_with(taxonomy.parent.parent, {}).data
    return data.layout, data.channels


@command(
    "cladeseg check D",
    "cladeseg check D --taxonomy tree.json --layout acdc --label-convention acdc",
    "cladeseg check D --results checked --workers 4",
    panel=DATASETS,
)
def check(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of cases.")],
    *,
    taxonomy: Taxonomy = Path("configs/taxonomy.json"),
    layout: Layout = None,
    label_convention: LabelConvention = "auto",
    workers: Workers = None,
    results: Annotated[
        Path | None,
        typer.Option(
            show_default="none",
            help="Folder for a result file of each case: a check that is called again reads only what is missing or "
            "has changed, and --workers are processes.",
            rich_help_panel=MACHINES,
        ),
    ] = None,
    scheduler: Scheduler = None,
    slurm: Slurm = None,
) -> None:
    """Show the label tree, and what a data folder holds and lacks.

    Every image and label is read and prepared as a training of the tree's bundle does it.  Fatal findings stop a
    training and end this command with exit code 1; fixable ones are corrected while loading.
    """
    from cladeseg.segmentation.workflow import check_for_training, dataset_table, findings_table, taxonomy_tree
    from cladeseg.tasks import Machines
    from cladeseg.taxonomy import load_taxonomy

    machines = Machines(workers=workers if results is not None else None, scheduler=scheduler, slurm=slurm)
    console, tree = Console(), load_taxonomy(taxonomy)
    if not console.is_terminal:  # a file or another program, which looks for whole names
        console.width = max(console.width, _FILE_WIDTH)
    console.print(taxonomy_tree(tree))
    usual, channels = _data_beside(taxonomy)
    found = check_for_training(
        dataset,
        taxonomy,
        layout=layout or usual,
        label_convention=label_convention,
        channels=channels,
        workers=workers,
        progress=not is_quiet(),
        results=results,
        machines=machines,
    )
    console.print(dataset_table(found, tree))
    console.print(findings_table(found.findings, dataset))
    raise typer.Exit(int(found.fatal))


@command(
    "cladeseg phantoms phantoms --patients 18 --seed 0",
    "cladeseg phantoms brats --layout brats23 --patients 8",
    "cladeseg phantoms infarcts --layout myops --patients 18",
    panel=DATASETS,
)
def phantoms(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to; a finished one is left as it is.")],
    layout: Annotated[
        Phantom, typer.Option(help="Hearts, brains with tumours (of two BraTS years), hippocampi, infarcts.")
    ] = Phantom.acdc,
    patients: Annotated[int, typer.Option(min=1, help="How many; a heart is imaged at two moments.")] = 18,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    affines: Annotated[Affines, typer.Option(help="RAS, LPS, transposed and oblique files, or RAS alone.")] = (
        Affines.varied
    ),
) -> None:
    """Generate phantoms in the layout of a data set."""
    from cladeseg.segmentation.phantoms import (
        write_acdc_phantoms,
        write_brats_phantoms,
        write_msd_phantoms,
        write_myops_phantoms,
    )

    common: dict[str, Any] = {"seed": seed, "affines": affines.value}
    if layout is Phantom.acdc:
        files = write_acdc_phantoms(out, patients=patients, **common)
    elif layout is Phantom.msd:
        files = write_msd_phantoms(out, cases=patients, **common)
    elif layout is Phantom.myops:
        files = write_myops_phantoms(out, cases=patients, **common)
    else:
        files = write_brats_phantoms(out, subjects=patients, naming=layout.value, **common)
    Console().print(f"{len(files)} files are in {out}", soft_wrap=True)


@command(
    "cladeseg stack-modalities D/BraTS-GLI-00001-000 stacked.nii.gz",
    "cladeseg stack-modalities D stacked",
    "cladeseg stack-modalities D stacked --channels C0,LGE,T2",
    panel=DATASETS,
    name="stack-modalities",
)
def stack_modalities(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of one case, or of many.")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder for ID.nii.gz; for one case also the file to write.")
    ],
    channels: Annotated[str, typer.Option(help="Names of the modalities, in order and with commas.")] = (
        "flair,t1,t1ce,t2"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Join the modalities of a case in one file, as viewers that open a single file need it.

    The channels come last, in the order of their names.
    """
    from cladeseg.segmentation.data import stack_folder

    names = [name.strip() for name in channels.split(",") if name.strip()]
    for file in stack_folder(folder, out, channels=names, force=force):
        Console().print(str(file), soft_wrap=True)


@command(
    "cladeseg select D --budget 4 --out proposal --taxonomy tree.json --layout msd",
    "cladeseg select D --budget 4 --out proposal --datalist R/datalist.json --bundle . --weights R/models/model.pt",
    panel=DATASETS,
)
def select(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of cases with their superclass outlined.")],
    *,
    budget: Annotated[
        int, typer.Option(min=1, help="How many cases an expert can label finely.", rich_help_panel=LABELS)
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for selection.json, selection.md and the pictures.", rich_help_panel=OUTPUT)
    ],
    taxonomy: Taxonomy = Path("configs/taxonomy.json"),
    layout: Layout = None,
    label_convention: LabelConvention = "auto",
    superclass: Annotated[
        str | None,
        typer.Option(show_default="the tree's coarsest", help="The outline that is there.", rich_help_panel=LABELS),
    ] = None,
    datalist: Annotated[
        Path | None,
        typer.Option(help="Stored split: only its training patients are proposed.", rich_help_panel=DATA),
    ] = None,
    labelled: Annotated[
        str, typer.Option(help="Patients that are labelled finely already, with commas.", rich_help_panel=LABELS)
    ] = "",
    intensity: Intensity = "percentiles",
    bundle: Annotated[
        str | None,
        typer.Option(
            help="After a first training: its bundle's folder or name, to prefer cases it is uncertain of.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(show_default="the bundle's own", help="Weights of that training.", rich_help_panel=NETWORK),
    ] = None,
) -> None:
    """Propose which cases to label finely: the most representative ones, each with a picture and a reason.

    Only images and superclass outlines are looked at.  Then train with --fine-patients p1,p2.
    """
    from cladeseg.segmentation.data import resolve_label_convention
    from cladeseg.segmentation.selection import run_selection
    from cladeseg.segmentation.workflow import load_predictor
    from cladeseg.taxonomy import load_taxonomy

    tree, layout = load_taxonomy(taxonomy), layout or _data_beside(taxonomy)[0]
    proposals = run_selection(
        dataset,
        tree,
        out,
        layout=layout,
        label_convention=resolve_label_convention(label_convention, None, dataset, tree, layout),
        budget=budget,
        superclass=superclass,
        datalist=datalist,
        labelled=[name.strip() for name in labelled.split(",") if name.strip()],
        intensity=intensity,
        predictor=None if bundle is None else load_predictor(bundle_folder(bundle), weights=weights),
    )
    for proposal in proposals:
        Console().print(f"{proposal.patient}: {proposal.reason}", soft_wrap=True, highlight=False)
    Console().print(f"pictures and reasons are in {out}", soft_wrap=True)


@command("cladeseg clean-store loaded", "cladeseg clean-store loaded --gigabytes 50", panel=DATASETS)
def clean_store(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What trainings call data.store.")],
    *,
    gigabytes: Annotated[
        float, typer.Option(min=0, help="Keep so much of what was used last; 0 removes all.", rich_help_panel=OUTPUT)
    ] = 0.0,
) -> None:
    """Remove loaded cases that trainings have stored, those that were used longest ago first.

    Nothing is lost: a training loads what it misses.
    """
    from cladeseg.segmentation.data import clean_store as clean

    gone = clean(folder, gigabytes * 1e9)
    Console().print(f"{folder}: {gone} loaded cases removed", soft_wrap=True, highlight=False)
