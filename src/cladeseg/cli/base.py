"""What every command shares: the application, its help pages, and how errors are shown.

The package is imported inside the commands, because loading PyTorch for ``--help`` alone would take seconds.
"""

from __future__ import annotations

import functools
import inspect
import shutil
from collections.abc import Callable
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperCommand

from cladeseg import __version__
from cladeseg.cli.console import set_verbosity
from cladeseg.terminal import quieten_libraries, show_anywhere

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}
#: Groups of commands on the first help page.
MODELS, DATASETS, BUNDLES, STUDIES = "Train and predict", "Data", "Bundles", "Studies"
#: Groups of options on a command's page.
DATA, LABELS, NETWORK, TRAINING, OUTPUT = "Data", "Labels", "Network", "Training", "Output"
MACHINES = "Machines (more than this process needs the extra cluster)"
COMMON = "Messages and help"


#: Exit code after Ctrl-C, as shells have it.
_INTERRUPTED = 130
_CALL_AGAIN = "what was finished is kept; call the command again"
#: Our names of options that MONAI's configs, and messages about them, call otherwise.
_SHORTER = {"dataset-dir": "dataset", "output-dir": "output"}


def _as_declared(name: str) -> str:
    """MONAI writes ``--label_convention``, command lines ``--label-convention``; either is understood."""
    hyphenated = name.replace("_", "-")
    return _SHORTER.get(hyphenated, hyphenated)


class _Application(typer.Typer):
    """Typer, on any terminal."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line of this process."""
        show_anywhere()
        quieten_libraries()
        return super().__call__(*args, **kwargs)


def _application(text: str, **options: Any) -> typer.Typer:
    return _Application(help=text, no_args_is_help=True, rich_markup_mode="rich", **options)


app = _application(
    "Fine classes from few fine labels, in 3D medical images.",
    context_settings={"token_normalize_func": _as_declared},
    pretty_exceptions_enable=False,
)
benchmarks = _application("Compare methods on equal terms.")
app.add_typer(benchmarks, name="benchmark", rich_help_panel=STUDIES)
labelling = _application("Work in 3D Slicer with MONAI Label.")
app.add_typer(labelling, name="label", rich_help_panel=STUDIES)

Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also tell what was done for each case.", rich_help_panel=COMMON)
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No messages below warnings, no progress bars.", rich_help_panel=COMMON)
]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cladeseg {__version__}, torch {version_of('torch')}, monai {version_of('monai')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show versions and exit.")
    ] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Called before each command."""
    set_verbosity(verbose=verbose, quiet=quiet)


def command(
    *examples: str, on: typer.Typer = app, panel: str | None = None, kept: str = _CALL_AGAIN, **options: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command with examples, ``-v`` and ``-q``; its errors end in one line and exit code 1.

    Args:
        examples: command lines that work, shown on its help page.
        on: the application that it belongs to.
        panel: its group on the page of all commands.
        kept: what Ctrl-C leaves, and how to go on.
        options: of typer's ``command``.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def explained(*arguments: Any, verbose: bool, quiet: bool, **named: Any) -> None:
            if verbose or quiet:
                set_verbosity(verbose=verbose, quiet=quiet)
            from cladeseg.bundle.failure import explain_failures, say

            explain_failures()
            try:
                function(*arguments, **named)
            except KeyboardInterrupt:
                say(f"interrupted; {kept}")
                raise typer.Exit(_INTERRUPTED) from None

        _add_verbosity(explained, function)
        options.setdefault("help", _paragraphs(inspect.getdoc(function) or ""))
        return on.command(cls=_with_examples(examples), rich_help_panel=panel, **options)(explained)

    return register


def _add_verbosity(explained: Any, function: Callable[..., None]) -> None:
    """Give a command the two options that typer finds by its signature and annotations."""
    signature = inspect.signature(function, eval_str=True)
    both = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in (("verbose", Verbose), ("quiet", Quiet))
    ]
    signature = signature.replace(parameters=[*signature.parameters.values(), *both])
    explained.__signature__ = signature
    explained.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}


def _paragraphs(text: str) -> str:
    """Without the line breaks of the source, which a page of another width would show; brackets are no markup."""
    return escape("\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n")))


def _with_examples(examples: tuple[str, ...]) -> type[TyperCommand]:
    """A kind of command whose help page ends with examples, in lines that can be copied."""

    class Command(TyperCommand):
        def format_help(self, ctx: Any, formatter: Any) -> None:
            self.get_help_option(ctx).rich_help_panel = COMMON  # type: ignore[union-attr]
            super().format_help(ctx, formatter)
            written = formatter.getvalue()  # empty where typer has printed the page itself
            text = "Examples:\n" + "\n".join(
                _folded(example, shutil.get_terminal_size().columns) for example in examples
            )
            formatter.write(f"\n{text}\n") if written else typer.echo(text)

    return Command


def _folded(example: str, width: int) -> str:
    """A command line in lines of at most ``width``, each broken before an option, where a shell allows it."""
    lines = ["    " + example.split(" --", maxsplit=1)[0]]
    for option in example.split(" --")[1:]:
        if len(lines[-1]) + len(option) + 5 > width:
            lines[-1] += " \\"
            lines.append("       ")
        lines[-1] += f" --{option}"
    return "\n".join(lines)


def bundle_folder(name_or_path: str | Path, *, unfinished: bool = False) -> Path:
    """The folder of the bundle that somebody names, by its path or as a shipped one.

    Args:
        name_or_path: see :func:`cladeseg.bundle.shipped.find_bundle`.
        unfinished: also take any other folder, for commands that say what it lacks.

    Raises:
        DataError: there is none.
    """
    from cladeseg.bundle.shipped import find_bundle
    from cladeseg.files import DataError

    try:
        return find_bundle(name_or_path)
    except DataError:
        if unfinished and Path(name_or_path).is_dir():
            return Path(name_or_path)
        raise


def config_file(name_or_path: str | Path) -> Path:
    """The overlay or grid that somebody names, by its path or as a shipped one such as ``profiles/acdc_gpu``.

    Raises:
        DataError: it is neither.
    """
    from cladeseg.bundle.shipped import shipped_config
    from cladeseg.files import DataError

    if Path(name_or_path).is_file():
        return Path(name_or_path)
    try:
        return shipped_config(name_or_path)
    except DataError as error:
        reason = str(error).removeprefix(f"{name_or_path}: ")
        raise DataError(f"{name_or_path}: there is no such file, and {reason}") from error
