"""Commands about bundles and their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from cladeseg.cli.base import PASS_THROUGH, command


@command(
    "cladeseg run training --config_file configs/train.json --dataset_dir D --output_dir R --fine_patients 3 --seed 0",
    "cladeseg run evaluating --config_file \"['configs/train.json','configs/evaluate.json']\" --output_dir R",
    "cladeseg run inference --config_file configs/inference.json --dataset_dir D --output_dir R",
    context_settings=PASS_THROUGH,
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


@command(
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
    from cladeseg.segmentation.transforms import write_label
    from cladeseg.segmentation.workflow import image_cases, load_predictor

    cases = image_cases(images, out)
    predictor = load_predictor(bundle, weights=weights, device=device)
    for case in track(cases, description="predicting"):
        write_label(predictor(case["image"])[0].numpy(), case["image"], out / f"{case['case']}.nii.gz")


@command(
    "cladeseg new-bundle bundles/knee --taxonomy tree.json --layout msd --dataset D",
    "cladeseg new-bundle bundles/tumour --taxonomy tree.json --layout brats --label-convention brats23 "
    "--intensity brain --channels flair,t1,t1ce,t2",
    name="new-bundle",
)
def new_bundle(
    out: Annotated[Path, typer.Argument(help="Folder of the new bundle.")],
    *,
    taxonomy: Annotated[Path, typer.Option(help="Label tree, JSON or YAML.")],
    layout: Annotated[str, typer.Option(help="Folder layout of the data: acdc, brats or msd.")] = "msd",
    label_convention: Annotated[
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
    from cladeseg.bundle import RunFolder
    from cladeseg.bundle.run_folder import configure_logging
    from cladeseg.files import DataError
    from cladeseg.segmentation.workflow import promote

    configure_logging()
    if not (bundle / "configs").is_dir():
        raise DataError(f"{bundle}: is no bundle, it has no folder 'configs'")
    raise typer.Exit(int(not promote(RunFolder(run_dir).models, bundle / "models", force=force)))


@command(
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


@command(
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
