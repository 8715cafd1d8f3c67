"""Writes the reference pages that follow from the code: the command line from typer, the API from docstrings."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import typer.main
from mkdocs.structure.files import File, Files

SOURCE = Path(__file__).parents[2] / "src"
COMMANDS = "<!-- commands -->"
#: A bar inside a cell of a table.
BAR = "\\|"


def on_config(config: Any) -> Any:
    """Give each subpackage a place in the navigation, below the API's first page."""
    reference = next(item["Reference"] for item in config.nav if "Reference" in item)
    pages = [{name: path} for name, path in api_pages()]
    reference[-1] = {"Python API": ["api/index.md", *pages]}
    bundles = next(item["Bundles"] for item in config.nav if "Bundles" in item)
    bundles += bundle_pages()
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each subpackage."""
    for name, path in api_pages():
        files.append(
            File.generated(config, path, content=f"# {name}\n\n::: {name}\n    options:\n      heading_level: 2\n")
        )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill in the command line."""
    if COMMANDS in markdown:
        return markdown.replace(COMMANDS, "\n".join(command_lines()))
    return markdown


def api_pages() -> Iterator[tuple[str, str]]:
    """Name and page of every package with public names, and of the modules beside them."""
    for file in sorted(SOURCE.rglob("__init__.py")):
        name = ".".join(file.parent.relative_to(SOURCE).parts)
        if name not in ("cladeseg", "cladeseg.cli") and "__all__" in file.read_text(encoding="utf-8"):
            yield name, f"api/{name}.md"
    for module in ("files", "tree_math"):
        yield f"cladeseg.{module}", f"api/cladeseg.{module}.md"


def bundle_pages() -> Iterator[dict[str, list[dict[str, str]]]]:
    """The pages of each bundle: its README, its card and its results."""
    for folder in sorted((SOURCE.parent / "bundles").iterdir()):
        docs = folder / "docs"
        pages = [docs / "README.md", docs / "model_card.md", *sorted((docs / "results").rglob("*.md"))]
        paths = [page.relative_to(SOURCE.parent).as_posix() for page in pages if page.is_file()]
        name = folder.name.removesuffix("_subclass_segmentation").removesuffix("_subtype_classification")
        yield {name: [{_title(path): path} for path in paths]}


def _title(path: str) -> str:
    parts = Path(path).parts
    if "results" in parts:
        return f"Results: {parts[-2] if parts[-1] == 'README.md' else Path(path).stem}"
    return "Model card" if parts[-1] == "model_card.md" else "Overview"


def command_lines() -> Iterator[str]:
    """Every command with its arguments and options, in the order of the help page."""
    from cladeseg.cli import app

    for path, command in _commands(typer.main.get_command(app), ("cladeseg",)):
        yield f"\n## {' '.join(path)}\n"
        yield f"{_plain(command.help)}\n"
        rows = [_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
        if rows:
            yield "| argument or option | values | default | meaning |\n|---|---|---|---|"
            yield from rows
        examples = getattr(command, "examples", ())
        if examples:
            yield "\n```text\n" + "\n".join(examples) + "\n```\n"


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, child in command.commands.items():
        yield from _commands(child, (*path, name))


def _row(parameter: Any) -> str:
    is_option = parameter.opts[0].startswith("-")
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [str(parameter.name).upper()]
    kind = (is_option and parameter.metavar) or _kind(parameter.type_descriptor.annotation)
    default = "required" if parameter.required else _default(parameter)
    cells = (" ".join(f"`{name}`" for name in names), kind, default, _plain(getattr(parameter, "help", None)))
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"


def _kind(annotation: Any) -> str:
    """What may be given: the choices of an enumeration, else the name of the type."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(choice.value) for choice in annotation)
    inner = next((kind for kind in get_args(annotation) if isinstance(kind, type)), annotation)
    return {"str": "text", "bool": "flag", "int": "whole number", "float": "number"}.get(
        inner.__name__, inner.__name__.lower()
    )


def _plain(text: str | None) -> str:
    """Without the escapes of rich's markup."""
    return (text or "").replace("\\[", "[")


def _default(parameter: Any) -> str:
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return shown
    value = parameter.default
    return "" if value is None or value is False or callable(value) else f"`{getattr(value, 'value', value)}`"
