"""Commands that do a whole study: demo, benchmark, labelling."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cladeseg.cli.base import (
    DATA,
    MODELS,
    OUTPUT,
    STUDIES,
    TRAINING,
    benchmarks,
    bundle_folder,
    command,
    config_file,
    labelling,
)
from cladeseg.cli.options import Bundle, Processes, Scheduler, Slurm


@command(
    "cladeseg report R",
    "cladeseg report R1 R2 --output comparison.html",
    "cladeseg report masks",
    panel=MODELS,
)
def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...", help="Output folder of an evaluated run, or of predictions; two runs are compared."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(show_default="in the folder; comparison.html for two", help="The page, one HTML file."),
    ] = None,
) -> None:
    """Write the page of an evaluation, of predictions, or of the comparison of two runs.

    One HTML file with everything in it: scores with intervals, cases as overlays, a volume viewer and every case's row.
    'evaluate' and 'predict' write theirs by themselves; nothing is evaluated again.
    """
    from cladeseg.segmentation.pages import write_report

    page = write_report(folders, output)
    Console().print(f"page: {page}", soft_wrap=True, highlight=False, markup=False)


@command(
    "cladeseg demo --output demo",
    "cladeseg demo --output demo-brats --bundle brats",
    "cladeseg demo --output demo-organoids --bundle organoid_clustering",
    "cladeseg demo --output demo-omics --bundle omics",
    "cladeseg demo --output demo-pretraining --bundle pretraining",
    "cladeseg demo --output demo-fusion --bundle histology",
    panel=STUDIES,
)
def demo(
    output: Annotated[Path, typer.Option(help="Folder of the demo; goes on where it stopped.")] = Path("demo"),
    bundle: Annotated[str, typer.Option(help="One of the shipped bundles.")] = "acdc",
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Of both segmentations, or of the pre-training; those of configs/demos if left out."),
    ] = (None),
    seed: Annotated[int, typer.Option(min=0, help="Of phantoms, split, weights and training.")] = 0,
) -> None:
    """Compare training with and without coarse labels, on phantoms.

    Generates them, trains the bundle's network on a few fine and many coarse labels and on the fine ones alone, and
    prints the scores on held-out phantoms side by side.  The demo of organoid_clustering groups phantoms of kinds that
    no training saw, and ends in a contact sheet; that of omics compares ours with simple baselines; that of
    histology joins tiles and expression, each of which tells other classes apart; that of
    pretraining learns from phantoms without labels, and fine-tunes on one fine case beside scratch.
    """
    from cladeseg.benchmark.omics import run_omics_demo
    from cladeseg.demo import DemoPlan, run_demo
    from cladeseg.fusion_demo import BUNDLE as FUSION
    from cladeseg.fusion_demo import NAME as HISTOLOGY
    from cladeseg.fusion_demo import run_fusion_demo
    from cladeseg.organoid_demo import BUNDLE, run_organoid_demo
    from cladeseg.pretraining_demo import BUNDLE as PRETRAINING
    from cladeseg.pretraining_demo import NAME, run_pretraining_demo

    if bundle == BUNDLE:
        run_organoid_demo(output, seed=seed)
    elif bundle in (HISTOLOGY, FUSION):
        run_fusion_demo(output, seed=seed)
    elif bundle in (NAME, PRETRAINING):
        run_pretraining_demo(output, epochs=epochs, seed=seed)
    elif bundle == "omics":
        page = run_omics_demo(output, bundle_folder(bundle) / "configs" / "taxonomy.json", seed=seed)
        Console().print(f"page: {page}", soft_wrap=True)
    else:
        run_demo(DemoPlan(output, bundle, epochs, seed))


@command(
    "cladeseg benchmark labels benchmarks/smoke --output runs/smoke",
    "cladeseg benchmark labels benchmarks/hippocampus_n1 --output runs/hippocampus --workers 4",
    "cladeseg benchmark labels benchmarks/hippocampus_n1 --output runs/hippocampus --dry-run",
    "cladeseg benchmark labels benchmarks/hippocampus_n1 --output runs/hippocampus --page-only",
    on=benchmarks,
)
def labels(
    config: Annotated[
        str,
        typer.Argument(
            metavar="FILE|NAME", help="The grid, a file or a shipped one: methods, numbers of fine patients, draws."
        ),
    ],
    output: Annotated[
        Path, typer.Option(help="Folder of the benchmark; finished runs in it are kept.", rich_help_panel=OUTPUT)
    ],
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only show what is finished and what is missing.", rich_help_panel=OUTPUT),
    ] = False,
    page_only: Annotated[
        bool,
        typer.Option(
            "--page-only", help="Train nothing; write the page of what is finished so far.", rich_help_panel=OUTPUT
        ),
    ] = False,
    nnunet_env: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            envvar="CLADESEG_NNUNET",
            help="Environment with nnU-Net v2, for grids that compare with it; make nnunet-env makes one.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    workers: Processes = None,
    scheduler: Scheduler = None,
    slurm: Slurm = None,
) -> None:
    """Dice against the number of finely labelled patients, for every method of a grid.

    Each run is one training with its evaluation, on one core; kill it at any time and call it again.  A run that fails
    three times is reported at the end, and the others are done.
    """
    from cladeseg.benchmark import run_benchmark
    from cladeseg.tasks import Machines

    page = run_benchmark(
        config_file(config),
        output=output,
        machines=Machines(workers=workers, scheduler=scheduler, slurm=slurm),
        dry_run=dry_run,
        page_only=page_only,
        nnunet=nnunet_env,
    )
    if page is not None:
        Console().print(f"results: {page}", soft_wrap=True)


@command(
    "cladeseg benchmark omics --dataset D --output runs/omics",
    "cladeseg benchmark omics --dataset D --output runs/omics --draws 5 --quick",
    on=benchmarks,
)
def omics(
    dataset: Annotated[
        Path, typer.Option(help="Folder of the tables, or the npz file that holds them.", rich_help_panel=DATA)
    ],
    output: Annotated[
        Path, typer.Option(help="Folder of the results; finished cells in it are kept.", rich_help_panel=OUTPUT)
    ],
    *,
    bundle: Annotated[str, typer.Option(help="Whose class tree is used.", rich_help_panel=DATA)] = "omics",
    flat: Annotated[
        bool,
        typer.Option("--flat", help="No class tree: the labels that are found are the classes.", rich_help_panel=DATA),
    ] = False,
    draws: Annotated[int, typer.Option(min=1, help="Draws of labels.", rich_help_panel=TRAINING)] = 10,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the split into training and test.", rich_help_panel=TRAINING)
    ] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes at a time.", rich_help_panel=TRAINING)] = 2,
    quick: Annotated[
        bool, typer.Option("--quick", help="No slow baselines and no ablations.", rich_help_panel=TRAINING)
    ] = False,
) -> None:
    """Macro-F1 against the share of labels, and under noise, masking and missing omics, beside every baseline.

    Kill it at any time and call it again.
    """
    from cladeseg.benchmark.omics import run_omics_benchmark

    tree = None if flat else bundle_folder(bundle) / "configs" / "taxonomy.json"
    further = 0 if quick else None
    page = run_omics_benchmark(dataset, output, tree, draws=draws, further=further, seed=seed, workers=workers)
    Console().print(f"results: {page}", soft_wrap=True)


@command(
    "cladeseg benchmark clusters --dataset D --output runs/clusters --draws 8 --left-out 3",
    "cladeseg benchmark clusters --dataset D --output runs/cells --unseen A,B --seeds 3 --test 0.33 --twin-steps 600",
    on=benchmarks,
)
def clusters(
    dataset: Annotated[
        Path,
        typer.Option(
            help="Folder as the bundle organoid_clustering takes it, or of crops64.npz.", rich_help_panel=DATA
        ),
    ],
    output: Annotated[
        Path, typer.Option(help="Folder of the table; finished draws in it are kept.", rich_help_panel=OUTPUT)
    ],
    *,
    unseen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A,B", help="Classes that no training sees; may stand several times.", rich_help_panel=DATA
        ),
    ] = None,
    test: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the other classes' sources to score.", rich_help_panel=DATA)
    ] = 0.0,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings for each --unseen.", rich_help_panel=TRAINING)] = 3,
    draws: Annotated[
        int, typer.Option(min=0, help="Draws of classes to keep back, among the others.", rich_help_panel=TRAINING)
    ] = 0,
    left_out: Annotated[int, typer.Option(min=1, help="Classes of each draw.", rich_help_panel=TRAINING)] = 3,
    twin_steps: Annotated[
        int, typer.Option(min=0, help="Steps of the twin network; 0 trains none.", rich_help_panel=TRAINING)
    ] = 0,
    match: Annotated[
        bool, typer.Option("--match/--no-match", help="Whether key points are matched.", rich_help_panel=TRAINING)
    ] = True,
    max_pairs: Annotated[
        list[int] | None,
        typer.Option(
            min=1, help="Also cluster with so many pairs matched; may stand several times.", rich_help_panel=TRAINING
        ),
    ] = None,
) -> None:
    """Clusters of kinds that no training saw, each method beside the descriptors, over draws of these kinds.

    Kill it at any time and call it again.
    """
    from cladeseg.benchmark.clusters import run_cluster_benchmark

    page = run_cluster_benchmark(
        dataset, output, unseen=unseen or (), seeds=seeds, draws=draws, left_out=left_out, test=test,
        twin_steps=twin_steps, match=match, max_pairs=max_pairs or (),
    )  # fmt: skip
    Console().print(f"results: {page}", soft_wrap=True)


@command(
    "cladeseg benchmark fusion --dataset D --output runs/fusion",
    "cladeseg benchmark fusion --dataset D --output F --merge Luminal=LumA+LumB,other=Basal+HER2",
    on=benchmarks,
)
def fusion(
    dataset: Annotated[
        Path, typer.Option(help="Folder as the bundle of histology and expression takes it.", rich_help_panel=DATA)
    ],
    output: Annotated[
        Path, typer.Option(help="Folder of the results; finished folds in it are kept.", rich_help_panel=OUTPUT)
    ],
    *,
    bundle: Annotated[str, typer.Option(help="Whose class tree is used.", rich_help_panel=DATA)] = (
        "histology_expression_classification"
    ),
    merge: Annotated[
        str, typer.Option(metavar="A=x+y,B=z", help="A second task with fewer classes.", rich_help_panel=DATA)
    ] = "",
    panels: Annotated[
        str, typer.Option(help="Numbers of genes; all and none are two of them.", rich_help_panel=DATA)
    ] = "all,50,10,none",
    folds: Annotated[int, typer.Option(min=2, help="Parts that are tested in turn.", rich_help_panel=TRAINING)] = 5,
    inner_folds: Annotated[
        int, typer.Option(min=2, help="Networks of each fit, each stopped on another part.", rich_help_panel=TRAINING)
    ] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Of folds and trainings.", rich_help_panel=TRAINING)] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; this one alone if left out.", rich_help_panel=TRAINING)
    ] = None,
) -> None:
    """Fusion beside single modalities with all genes, small panels and none, and with images of other patients.

    Kill it at any time and call it again.  Needs pip install 'cladeseg[fusion]'.
    """
    from cladeseg.benchmark.fusion import run_fusion_benchmark
    from cladeseg.fusion.fitting import FitSettings, TrainingSettings
    from cladeseg.tasks import Machines

    page = run_fusion_benchmark(
        dataset,
        output,
        tree=bundle_folder(bundle) / "configs" / "taxonomy.json",
        merge=merge,
        panels=[one.strip() for one in panels.split(",")],
        folds=folds,
        settings=FitSettings(training=TrainingSettings(inner_folds=inner_folds), seed=seed),
        machines=Machines(workers=workers),
    )
    Console().print(f"results: {page}", soft_wrap=True)


@command("cladeseg benchmark spots --dataset D --output runs/spots", on=benchmarks)
def spots(
    dataset: Annotated[
        Path,
        typer.Option(
            help="Folder of spots.csv, expression_top1000.npz and patches_224.zip, as her2st_spots.",
            rich_help_panel=DATA,
        ),
    ],
    output: Annotated[
        Path, typer.Option(help="Folder of the tables; features in it are kept.", rich_help_panel=OUTPUT)
    ],
    *,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples behind intervals.", rich_help_panel=TRAINING)] = 0,
) -> None:
    """Expression components and retrieval from histology patches of held-out patients and sections, beside ridge.

    Kill it at any time and call it again.  Needs pip install 'cladeseg[fusion]'.
    """
    from cladeseg.fusion.study import run_spot_study

    run_spot_study(dataset, output, seed=seed)
    Console().print(f"results: {output / 'study.md'}", soft_wrap=True, highlight=False, markup=False)


@command(
    "cladeseg label serve hippocampus --studies scans",
    on=labelling,
)
def serve(
    bundle: Bundle,
    studies: Annotated[Path, typer.Option(help="Folder of NIfTI images; labels go to labels/final in it.")],
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="8000, or a free one, if left out.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; nobody is asked for a password.")] = "127.0.0.1",
    app_folder: Annotated[
        Path | None, typer.Option("--app", help="MONAI Label's own folder with its logs; a temporary one if left out.")
    ] = None,
) -> None:
    """Serve a bundle to 3D Slicer through MONAI Label, without any network but this machine's.

    A better training replaces the bundle's weights.  Needs pip install 'cladeseg[label]'.  Ctrl-C stops the server and
    what it trains.
    """
    from cladeseg.segmentation.label import serve

    serve(bundle_folder(bundle, unfinished=True), studies, host=host, port=port, app=app_folder)
