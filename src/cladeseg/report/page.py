"""One self-contained HTML file of blocks, each a small template; it loads nothing from the network."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from cladeseg.files import atomic_write

_OWN = "cladeseg.report"
#: Kind of block that needs the volume viewer's program.
_VIEWED = "viewer"
#: Kind of block → its own script, besides the one of every page.
_SCRIPTS = {_VIEWED: "viewer.js", "marks": "marks.js"}
_NIIVUE = "niivue-0.69.0.umd.js.gz"


@dataclass(frozen=True)
class Block:
    """One section of a page.

    Args:
        template: ``blocks/TEMPLATE.html.jinja`` of ``package`` shows it.
        title: its heading, also in the table of contents.
        content: what the template shows; every text of it is escaped.
        package: whose ``templates`` folder holds the template, so that each system adds its own blocks.
    """

    template: str
    title: str
    content: Mapping[str, Any] = field(default_factory=dict)
    package: str = _OWN


def render_page(title: str, blocks: Sequence[Block], *, subtitle: str = "") -> str:
    """The page as HTML.

    Args:
        title: of the page.
        blocks: its sections in order.
        subtitle: a sentence below the title.

    Example:
        >>> page = render_page("<b>", [Block("notes", "Notes", {"notes": ["<script>"]})])
        >>> "<b>" in page, "&lt;script&gt;" in page, "http:" in page
        (False, True, False)
    """
    templates = page_templates(tuple(dict.fromkeys(block.package for block in blocks)))
    kinds = dict.fromkeys(block.template for block in blocks)
    viewed = _VIEWED in kinds
    return templates.get_template("frame.html.jinja").render(
        title=title,
        subtitle=subtitle,
        blocks=blocks,
        style=_text("page.css"),
        scripts=[_text("page.js"), *(_text(_SCRIPTS[kind]) for kind in kinds if kind in _SCRIPTS)],
        niivue=base64.b64encode(_niivue()).decode() if viewed else "",
        niivue_licence=_vendored("LICENSE.niivue").decode() if viewed else "",
    )


def write_page(path: str | Path, title: str, blocks: Sequence[Block], *, subtitle: str = "") -> Path:
    """Write :func:`render_page` to a file, which appears whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    page = render_page(title, blocks, subtitle=subtitle)
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return Path(path)


@cache
def page_templates(packages: tuple[str, ...] = (_OWN,)) -> Environment:
    """The templates of these packages and of the frame: whatever they show is escaped, what is missing is an error."""
    names = dict.fromkeys((*packages, _OWN))
    found = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in names]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"anchor": anchor}
    return found


def anchor(title: str) -> str:
    """A title as the name that links lead to.

    Example:
        >>> anchor("Scores per structure")
        'scores-per-structure'
    """
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())


def data_uri(content: bytes, kind: str) -> str:
    """Bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def compressed(content: bytes) -> bytes:
    """Gzip, the same for the same content."""
    return gzip.compress(content, 9, mtime=0)


def _text(name: str) -> str:
    return (resources.files(_OWN) / "templates" / name).read_text(encoding="utf-8")


def _vendored(name: str) -> bytes:
    return (resources.files(_OWN) / "vendor" / name).read_bytes()


@cache
def _niivue() -> bytes:
    return _vendored(_NIIVUE)
