"""The command line: each command calls one thing that the package offers.

The package is imported inside the commands, because loading PyTorch for ``--help`` alone would take seconds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

app = typer.Typer(
    help="Fine classes from few fine labels, in 3D medical images.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

benchmarks = typer.Typer(help="Compare methods on equal terms.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(benchmarks, name="benchmark")
labelling = typer.Typer(help="Work in 3D Slicer with MONAI Label.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(labelling, name="label")

_PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}


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


def _command(
    *examples: str, on: typer.Typer = app, **options: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose errors about files, keys and values end in one line and exit code 1."""
    shown = "\n".join(["\b", "Examples:", *(f"  {example}" for example in examples)])  # \b keeps the lines apart

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def explained(*arguments: Any, **named: Any) -> None:
            from cladeseg.bundle import explain_failures

            explain_failures()
            function(*arguments, **named)

        return on.command(epilog=shown, **options)(explained)

    return register


def _layout_beside(taxonomy: Path) -> str:
    """The layout that the bundle of a label tree is trained on; ACDC's for a tree outside a bundle."""
    from cladeseg.files import read_json

    config = taxonomy.with_name("train.json")
    return str(read_json(config).get("layout", "acdc")) if config.is_file() else "acdc"


@_command(
    "cladeseg check D",
    "cladeseg check D --taxonomy configs/taxonomy.json --layout acdc --dialect acdc",
)
def check(
    dataset: Annotated[Path, typer.Argument(help="Folder of cases.")],
    taxonomy: Annotated[Path, typer.Option(help="Label tree, JSON or YAML.")] = Path("configs/taxonomy.json"),
    layout: Annotated[str | None, typer.Option(help="Folder layout; that of train.json beside the tree.")] = None,
    dialect: Annotated[
        str, typer.Option(help="File convention of the labels; 'auto' tells it from files and tree.")
    ] = "auto",
) -> None:
    """Show the label tree, and what a data folder holds and lacks.

    Every image and label is read.  Fatal findings stop a training and end this command with exit code 1; fixable
    ones are corrected while loading.
    """
    from cladeseg.data import check_dataset
    from cladeseg.report import dataset_table, findings_table, taxonomy_tree
    from cladeseg.taxonomy import load_taxonomy

    console, tree = Console(), load_taxonomy(taxonomy)
    console.print(taxonomy_tree(tree))
    found = check_dataset(dataset, tree, layout=layout or _layout_beside(taxonomy), dialect=dialect)
    console.print(dataset_table(found, tree))
    console.print(findings_table(found.findings, dataset))
    raise typer.Exit(int(found.fatal))


@_command(
    "cladeseg phantoms /tmp/phantoms --patients 18 --seed 0",
    "cladeseg phantoms /tmp/brats --layout brats23 --patients 8",
)
def phantoms(
    out: Annotated[Path, typer.Argument(help="Folder to write to; a finished one is left as it is.")],
    layout: Annotated[Phantom, typer.Option(help="Hearts, brains with tumours (of two BraTS years), hippocampi.")] = (
        Phantom.acdc
    ),
    patients: Annotated[int, typer.Option(min=1, help="How many; a heart is drawn at two moments.")] = 18,
    seed: Annotated[int, typer.Option(min=0, help="Of all random draws.")] = 0,
    affines: Annotated[Affines, typer.Option(help="RAS, LPS, transposed and oblique files, or RAS alone.")] = (
        Affines.varied
    ),
) -> None:
    """Draw phantoms in the layout of a data set."""
    from cladeseg.data import write_acdc_phantoms, write_brats_phantoms, write_msd_phantoms

    common: dict[str, Any] = {"seed": seed, "affines": affines.value}
    if layout is Phantom.acdc:
        files = write_acdc_phantoms(out, patients=patients, **common)
    elif layout is Phantom.msd:
        files = write_msd_phantoms(out, cases=patients, **common)
    else:
        files = write_brats_phantoms(out, subjects=patients, naming=layout.value, **common)
    Console().print(f"{len(files)} files are in {out}", soft_wrap=True)


@_command(
    "cladeseg demo --output demo",
    "cladeseg demo --output demo-brats --bundle bundles/brats_subclass_segmentation",
)
def demo(
    output: Annotated[Path, typer.Option(help="Folder of the demo; goes on where it stopped.")] = Path("demo"),
    bundle: Annotated[Path, typer.Option(help="One of the shipped bundles.")] = Path(
        "bundles/acdc_subclass_segmentation"
    ),
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of both trainings; those of configs/demos if left out.")
    ] = (None),
    seed: Annotated[int, typer.Option(min=0, help="Of phantoms, split, weights and training.")] = 0,
) -> None:
    """Compare training with and without coarse labels, on phantoms.

    Draws them, trains the bundle's network on a few fine and many coarse labels and on the fine ones alone, and prints
    the scores on held-out phantoms side by side.
    """
    from cladeseg.demo import DemoPlan, run_demo

    run_demo(DemoPlan(output.absolute(), bundle.absolute(), epochs, seed))


@_command(
    "cladeseg run training --config_file configs/train.json --dataset_dir D --output_dir R --fine_patients 3 --seed 0",
    "cladeseg run evaluating --config_file \"['configs/train.json','configs/evaluate.json']\" --output_dir R",
    "cladeseg run inference --config_file configs/inference.json --dataset_dir D --output_dir R",
    context_settings=_PASS_THROUGH,
)
def run(context: typer.Context) -> None:
    """Run a bundle's workflow, refusing misspelt overrides.

    Takes the arguments of 'python -m monai.bundle run': any top-level key of the config can be given as --KEY VALUE.
    """
    import fire
    import monai.bundle

    from cladeseg.bundle import check_overrides

    program = Path(monai.bundle.__file__).with_name("__main__.py")
    check_overrides([str(program), "run", *context.args])
    fire.Fire(monai.bundle.run, command=context.args, name="cladeseg run")


@_command(
    "cladeseg predict scans masks --bundle bundles/acdc_subclass_segmentation --weights R/models/model.pt",
)
def predict(
    images: Annotated[Path, typer.Argument(help="A NIfTI file, or a folder that is searched for them.")],
    out: Annotated[Path, typer.Argument(help="Folder for the masks, CASE.nii.gz each.")],
    bundle: Annotated[Path, typer.Option(help="The bundle's folder.")],
    weights: Annotated[Path | None, typer.Option(help="A .pt or .safetensors; the bundle's own if left out.")] = None,
    device: Annotated[str, typer.Option(help="'auto' is CUDA where there is one.")] = "auto",
) -> None:
    """Write the masks of images, on each image's own grid."""
    from cladeseg.bundle import image_cases, load_predictor
    from cladeseg.transforms import write_label

    cases = image_cases(images, out)
    predictor = load_predictor(bundle, weights=weights, device=device)
    for case in track(cases, description="predicting"):
        write_label(predictor(case["image"])[0].numpy(), case["image"], out / f"{case['case']}.nii.gz")


@_command(
    "cladeseg stack D/BraTS-GLI-00001-000 stacked.nii.gz",
    "cladeseg stack D stacked",
)
def stack(
    folder: Annotated[Path, typer.Argument(help="Folder of one BraTS subject, or of many.")],
    out: Annotated[Path, typer.Argument(help="Folder for ID.nii.gz; for one subject also the file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Join the four modalities of a subject in one file, as viewers that open a single file need it.

    The channels come last, in the order flair, t1, t1ce, t2.
    """
    from cladeseg.data import stack_folder

    for file in stack_folder(folder, out, force=force):
        Console().print(str(file), soft_wrap=True)


@_command(
    "cladeseg new-bundle bundles/knee --taxonomy tree.json --layout msd --dataset D",
    "cladeseg new-bundle bundles/tumour --taxonomy tree.json --layout brats --dialect brats23 --intensity brain "
    "--channels flair,t1,t1ce,t2",
    name="new-bundle",
)
def new_bundle(
    out: Annotated[Path, typer.Argument(help="Folder of the new bundle.")],
    *,
    taxonomy: Annotated[Path, typer.Option(help="Label tree, JSON or YAML.")],
    layout: Annotated[str, typer.Option(help="Folder layout of the data: acdc, brats or msd.")] = "msd",
    dialect: Annotated[
        str | None, typer.Option(help="File convention of labels; the tree's own if it has one.")
    ] = None,
    dataset: Annotated[Path | None, typer.Option(help="Data whose voxel and volume sizes decide the patch.")] = None,
    channels: Annotated[str, typer.Option(help="Names of the modalities with commas, if there are several.")] = "",
    intensity: Annotated[str, typer.Option(help="'percentiles', or 'brain' for images that are 0 around it.")] = (
        "percentiles"
    ),
) -> None:
    """Write a bundle for one's own task: configs, docs and label tree, ready for training.

    Spacing, patch and network levels follow from the volumes' sizes in the dataset's headers.
    """
    from cladeseg.bundle import new_bundle as write

    names = [name.strip() for name in channels.split(",") if name.strip()]
    folder = write(out, taxonomy, layout=layout, dialect=dialect, dataset=dataset, channels=names, intensity=intensity)
    Console().print(f"{folder}/docs/README.md says how to go on", soft_wrap=True)


@_command(
    "cladeseg select D --budget 4 --out proposal --taxonomy configs/taxonomy.json --layout msd",
    "cladeseg select D --budget 4 --out proposal --datalist R/datalist.json --bundle . --weights R/models/model.pt",
)
def select(
    dataset: Annotated[Path, typer.Argument(help="Folder of cases with their superclass outlined.")],
    *,
    budget: Annotated[int, typer.Option(min=1, help="How many cases an expert can label finely.")],
    out: Annotated[Path, typer.Option(help="Folder for selection.json, selection.md and the pictures.")],
    taxonomy: Annotated[Path, typer.Option(help="Label tree, JSON or YAML.")] = Path("configs/taxonomy.json"),
    layout: Annotated[str | None, typer.Option(help="Folder layout; that of train.json beside the tree.")] = None,
    dialect: Annotated[str, typer.Option(help="File convention of the labels; 'auto' tells it.")] = "auto",
    superclass: Annotated[str | None, typer.Option(help="The outline that is there; the tree's coarsest.")] = None,
    datalist: Annotated[Path | None, typer.Option(help="Stored split: only its training patients are proposed.")] = (
        None
    ),
    labelled: Annotated[str, typer.Option(help="Patients that are labelled finely already, with commas.")] = "",
    intensity: Annotated[str, typer.Option(help="'percentiles', or 'brain' for images that are 0 around it.")] = (
        "percentiles"
    ),
    bundle: Annotated[Path | None, typer.Option(help="After a first training: prefer cases it is unsure of.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights of that training; the bundle's own.")] = None,
) -> None:
    """Propose which cases to label finely: the most representative ones, each with a picture and a reason.

    Only images and superclass outlines are looked at.  Then train with --fine_patients "['p1','p2']".
    """
    from cladeseg.bundle import label_dialect, load_predictor
    from cladeseg.selection import run_selection
    from cladeseg.taxonomy import load_taxonomy

    tree, layout = load_taxonomy(taxonomy), layout or _layout_beside(taxonomy)
    proposals = run_selection(
        dataset,
        tree,
        out,
        layout=layout,
        dialect=label_dialect(dialect, dataset, layout, tree),
        budget=budget,
        superclass=superclass,
        datalist=datalist,
        labelled=[name.strip() for name in labelled.split(",") if name.strip()],
        intensity=intensity,
        predictor=None if bundle is None else load_predictor(bundle, weights=weights),
    )
    for proposal in proposals:
        Console().print(f"{proposal.patient}: {proposal.reason}", soft_wrap=True, highlight=False)
    Console().print(f"pictures and reasons are in {out}", soft_wrap=True)


@_command(
    "cladeseg audit bundles/hippocampus_subclass_segmentation",
    "cladeseg audit downloads/some_bundle --json",
)
def audit(
    bundle: Annotated[Path, typer.Argument(help="Folder of any MONAI bundle.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List what a bundle's configs would run, read or fetch, without running any of it.

    Every target, expression, macro, path and URL is found by reading alone: nothing of the bundle is imported.  The
    exit code is 1 if anything is outside the allow-list (cladeseg, monai, torch, ignite; no expressions, no foreign
    paths).
    """
    from cladeseg.bundle import audit_bundle, audit_exit_code, audit_json, audit_table

    findings = audit_bundle(bundle)
    if as_json:
        typer.echo(audit_json(findings, bundle))
    else:
        Console().print(audit_table(findings, bundle))
    raise typer.Exit(audit_exit_code(findings))


@_command(
    "cladeseg validate bundles/hippocampus_subclass_segmentation",
)
def validate(bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")]) -> None:
    """Check a bundle against the model zoo's rules, MONAI Label's and ours; each problem names the fix."""
    import logging

    from cladeseg.bundle import validate_bundle

    logging.getLogger("monai.bundle.scripts").setLevel(logging.WARNING)  # it tells every argument that it is given
    problems = validate_bundle(bundle)
    for problem in problems:
        Console(stderr=True, soft_wrap=True, highlight=False).print(str(problem), markup=False)
    if not problems:
        Console().print(f"{bundle}: no problem found", soft_wrap=True)
    raise typer.Exit(int(bool(problems)))


@_command(
    "cladeseg promote R bundles/acdc_subclass_segmentation",
)
def promote(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="Output folder of a finished training.")],
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")],
    force: Annotated[bool, typer.Option("--force", help="Also replace a model that is better, or not comparable.")] = (
        False
    ),
) -> None:
    """Give a run's weights to the bundle, if they are better.

    Better means a higher validation score on the same cases; otherwise the bundle's models/model.pt is kept and the
    exit code is 1.
    """
    from cladeseg.bundle import RunFolder, promote
    from cladeseg.bundle.run_folder import configure_logging
    from cladeseg.errors import DataError

    configure_logging()
    if not (bundle / "configs").is_dir():
        raise DataError(f"{bundle}: is no bundle, it has no folder 'configs'")
    raise typer.Exit(int(not promote(RunFolder(run_dir).models, bundle / "models", force=force)))


@_command(
    "cladeseg benchmark labels configs/benchmarks/smoke.json --output runs/smoke",
    "cladeseg benchmark labels configs/benchmarks/hippocampus_n1.json --output runs/hippocampus --dry-run",
    on=benchmarks,
)
def labels(
    config: Annotated[Path, typer.Argument(help="The grid: methods, numbers of fine patients, draws.")],
    output: Annotated[Path, typer.Option(help="Folder of the benchmark; finished runs in it are kept.")],
    workers: Annotated[int | None, typer.Option(min=1, help="Processes at a time; one for each core if left out.")] = (
        None
    ),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is finished and what is missing.")] = False,
) -> None:
    """Dice against the number of finely labelled patients, for every method of a grid.

    Each run is one training with its evaluation; kill it at any time and call it again.
    """
    from cladeseg.benchmark import run_benchmark

    page = run_benchmark(config, output=output, workers=workers, dry_run=dry_run)
    if page is not None:
        Console().print(f"results: {page}", soft_wrap=True)


@_command(
    "cladeseg label serve bundles/hippocampus_subclass_segmentation --studies scans",
    on=labelling,
)
def serve(
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder; a better training replaces its weights.")],
    studies: Annotated[Path, typer.Option(help="Folder of NIfTI images; labels go to labels/final in it.")],
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="8000, or a free one, if left out.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; nobody is asked for a password.")] = "127.0.0.1",
    app_folder: Annotated[
        Path | None, typer.Option("--app", help="MONAI Label's own folder with its logs; a temporary one if left out.")
    ] = None,
) -> None:
    """Serve a bundle to 3D Slicer through MONAI Label, without any network but this machine's.

    Needs pip install 'cladeseg[label]'.  Ctrl-C stops the server and what it trains.
    """
    from cladeseg.label import serve

    serve(bundle, studies, host=host, port=port, app=app_folder)
