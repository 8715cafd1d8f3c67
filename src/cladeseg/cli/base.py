"""What every command shares: the application, and how its errors are shown.

The package is imported inside the commands, because loading PyTorch for ``--help`` alone would take seconds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer

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

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}


def command(
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
