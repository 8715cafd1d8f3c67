"""The command that lists every setting of a training, and a bundle's values."""

from __future__ import annotations

import functools
import json
import operator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from cladeseg.cli.base import MODELS, OUTPUT, bundle_folder, command

if TYPE_CHECKING:
    from cladeseg.bundle.settings import Described


@command(
    "cladeseg settings",
    "cladeseg settings acdc",
    "cladeseg settings --markdown > docs/settings.md",
    "cladeseg settings --markdown --pretraining > docs/settings-pretraining.md",
    panel=MODELS,
)
def settings(
    bundle: Annotated[
        str | None,
        typer.Argument(
            metavar="BUNDLE",
            show_default="defaults alone",
            help="A bundle's folder or a shipped one's name, for its values.",
        ),
    ] = None,
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The reference page in Markdown instead.", rich_help_panel=OUTPUT)
    ] = False,
    pretraining: Annotated[
        bool, typer.Option("--pretraining", help="The page of a pre-training's settings.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """List all settings of a training: value, type, range and meaning.

    With a bundle, the values are the bundle's, and those that differ from the default are marked with a star. Change
    them with 'cladeseg train --set NAME=VALUE', or in the bundle's configs/train.json.
    """
    from cladeseg.bundle.settings import described_settings
    from cladeseg.segmentation.workflow import TrainingSettings, bundle_plan
    from cladeseg.segmentation.workflow.settings import settings_page

    if pretraining:
        from cladeseg.pretraining.workflow import pretraining_settings_page

        typer.echo(pretraining_settings_page(), nl=False)
        return
    if markdown:
        typer.echo(settings_page(), nl=False)
        return
    values = TrainingSettings() if bundle is None else bundle_plan(bundle_folder(bundle)).settings
    chosen, default = (one.model_dump(mode="json") for one in (values, TrainingSettings()))
    console = Console(highlight=False)
    for row in described_settings(TrainingSettings):
        value = _value(chosen, row.name)
        console.print(_headline(row, value, value != _value(default, row.name)), soft_wrap=True)
        console.print(Padding(Text(row.meaning), (0, 0, 0, 6)))


def _value(nested: dict[str, Any], name: str) -> Any:
    return functools.reduce(operator.getitem, name.split("."), nested)


def _headline(row: Described, value: Any, differs: bool) -> Text:
    """``mix.weight = 1.0   number ≥ 0``, and what the default is where the value is another."""
    line = Text("* " if differs else "  ")
    line.append(f"{row.name} = {json.dumps(value)}", style="bold")
    line.append(f"   {row.kind}{f'; default {row.default}' if differs else ''}", style="dim")
    return line
