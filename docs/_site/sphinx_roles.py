"""Turns the Sphinx roles of docstrings, which editors understand, into links of the site."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:func|class|mod|meth|attr|data|exc|obj):`(~?)([\w.]+)`")
_MATHS = re.compile(r":math:`([^`]+)`")
_EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)
_MATHS_BLOCK = re.compile(r"^( *)\.\. math:: (.+)$", re.MULTILINE)


class SphinxRoles(Extension):
    """``:func:`~a.b.c` `` becomes a link to ``a.b.c`` where the site has it, and code elsewhere."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Called for every object with a docstring."""
        if obj.docstring is not None and ":" in obj.docstring.value:
            obj.docstring.value = translated(obj.docstring.value)


def translated(text: str) -> str:
    """A docstring in Markdown."""
    text = _EXAMPLE.sub("Examples:", _ROLE.sub(_link, text))  # the section that is shown as a Python session
    text = _MATHS_BLOCK.sub(r"\1`\2`", text)
    return _MATHS.sub(r"`\1`", text)


def _link(match: re.Match[str]) -> str:
    short, path = match.groups()
    shown = path.rsplit(".", 1)[-1] if short else path
    return f'<autoref optional identifier="{path}"><code>{shown}</code></autoref>'
