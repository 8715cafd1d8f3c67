"""Commands about bundles and their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cladeseg.cli.base import BUNDLES, DATA, LABELS, MODELS, PASS_THROUGH, bundle_folder, command
from cladeseg.cli.options import LAYOUTS, Bundle, Intensity, Taxonomy


@command(
    "cladeseg run training --config_file configs/train.json --dataset_dir D --output_dir R --fine_patients 3 --seed 0",
    "cladeseg run evaluating --config_file \"['configs/train.json','configs/evaluate.json']\" --output_dir R",
    "cladeseg run inference --config_file configs/inference.json --dataset_dir D --output_dir R",
    panel=MODELS,
    context_settings=PASS_THROUGH,
)
def run(context: typer.Context) -> None:
    """Run a bundle's workflow, refusing misspelt overrides.

    Takes the arguments of 'python -m monai.bundle run': any top-level key of the config can be given as --KEY VALUE.
    """
    import monai.bundle

    from cladeseg.bundle import OverrideError, check_overrides
    from cladeseg.bundle.arguments import read_flags
    from cladeseg.bundle.settings import setting_names, text_settings
    from cladeseg.segmentation.workflow import TrainingSettings

    if not {"config_file", "args_file"} & {flag.name for flag in read_flags(context.args)}:
        raise OverrideError("--config_file: is missing; name the bundle's config, e.g. configs/train.json")
    program = Path(monai.bundle.__file__).with_name("__main__.py")
    names, texts = setting_names(TrainingSettings), text_settings(TrainingSettings)
    monai.bundle.run(**check_overrides([str(program), "run", *context.args], settings=names, texts=texts))


@command(
    "cladeseg new-bundle bundles/knee --taxonomy tree.json --dataset D",
    "cladeseg new-bundle bundles/tumour --taxonomy tree.json --layout brats --label-convention brats23 "
    "--intensity brain --channels flair,t1,t1ce,t2",
    panel=BUNDLES,
    name="new-bundle",
)
def new_bundle(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the new bundle.")],
    *,
    taxonomy: Taxonomy,
    layout: Annotated[str, typer.Option(help=LAYOUTS, rich_help_panel=DATA)] = "auto",
    label_convention: Annotated[
        str | None,
        typer.Option(show_default="the tree's only one", help="File convention of the labels.", rich_help_panel=LABELS),
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(help="Data whose voxel and volume sizes and channels decide the network.", rich_help_panel=DATA),
    ] = None,
    channels: Annotated[
        str,
        typer.Option(
            show_default="those of the dataset",
            help="Names of the modalities to use, in order and with commas.",
            rich_help_panel=DATA,
        ),
    ] = "",
    intensity: Intensity = "percentiles",
) -> None:
    """Write a bundle for one's own task: configs, docs and label tree, ready for training.

    Spacing, patch and network levels follow from the volumes' sizes in the dataset's headers, and the channels from the
    names of its files.
    """
    from cladeseg.segmentation.workflow import new_bundle as write

    names = [name.strip() for name in channels.split(",") if name.strip()]
    folder = write(
        out,
        taxonomy,
        layout=layout,
        label_convention=label_convention,
        dataset=dataset,
        channels=names,
        intensity=intensity,
    )
    Console().print(f"{folder}/docs/README.md says how to go on", soft_wrap=True)


@command(
    "cladeseg copy-bundle acdc bundles/heart",
    panel=BUNDLES,
    name="copy-bundle",
)
def copy_bundle(
    bundle: Bundle,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the copy; must not exist, or be empty.")],
) -> None:
    """Copy a bundle to work in: trainings may write their weights into the copy.

    Runs and results of the original are left out.  An installed package's own bundles are never written to.
    """
    from cladeseg.bundle.shipped import copy_bundle as copy

    copy(bundle, folder)
    Console().print(f"{folder} is a copy of {bundle}", soft_wrap=True, highlight=False)


@command(
    "cladeseg promote R bundles/heart",
    panel=BUNDLES,
)
def promote(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="Output folder of a finished training.")],
    bundle: Bundle,
    force: Annotated[bool, typer.Option("--force", help="Also replace a model that is better, or not comparable.")] = (
        False
    ),
) -> None:
    """Give a run's weights to the bundle, if they are better.

    Better means a higher validation score on the same cases; otherwise the bundle's models/model.pt is kept and the
    exit code is 1.
    """
    from cladeseg.bundle import RunFolder
    from cladeseg.segmentation.workflow import promote

    models = bundle_folder(bundle) / "models"
    raise typer.Exit(int(not promote(RunFolder(run_dir).models, models, force=force)))


@command(
    "cladeseg audit hippocampus",
    "cladeseg audit downloads/some_bundle --json",
    panel=BUNDLES,
)
def audit(
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="Folder of any MONAI bundle, or the name of a shipped one.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List what a bundle's configs would run, read or fetch, without running any of it.

    Every target, expression, macro, path and URL is found by reading alone: nothing of the bundle is imported.  The
    exit code is 1 if anything is outside the allow-list (cladeseg, monai, torch, ignite; no expressions, no foreign
    paths).
    """
    from cladeseg.bundle import audit_bundle, audit_exit_code, audit_json, audit_table

    findings = audit_bundle(bundle_folder(bundle, unfinished=True))
    if as_json:
        typer.echo(audit_json(findings, bundle))
    else:
        Console().print(audit_table(findings, bundle))
    raise typer.Exit(audit_exit_code(findings))


@command(
    "cladeseg validate bundles/heart",
    panel=BUNDLES,
)
def validate(bundle: Bundle) -> None:
    """Check a bundle against the model zoo's rules, MONAI Label's and ours; each problem names the fix."""
    import logging

    from cladeseg.bundle import validate_bundle

    logging.getLogger("monai.bundle.scripts").setLevel(logging.WARNING)  # it tells every argument that it is given
    problems = validate_bundle(bundle_folder(bundle, unfinished=True))
    for problem in problems:
        Console(stderr=True, soft_wrap=True, highlight=False).print(str(problem), markup=False)
    if not problems:
        Console().print(f"{bundle}: no problem found", soft_wrap=True)
    raise typer.Exit(int(bool(problems)))
