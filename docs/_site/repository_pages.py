"""Brings pages of the repository that lie outside docs/ into the site, and mends the links between them.

Pages are written for the repository: a link is relative to the file, so that it also works where the file is read as
it is.  The site has README.md as its home page, the content of docs/ at its top, and everything else at its own path.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files

log = get_plugin_logger(__name__)
REPOSITORY = Path(__file__).parents[2]
#: Pages and what they show; the site's own folder is added by MkDocs.
OUTSIDE = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "bundles/*/docs/*.md",
    "bundles/*/docs/data_license.txt",
    "bundles/*/docs/results/*.md",
    "bundles/*/docs/results/*/*.md",
    "bundles/*/docs/results/*/*.svg",
    "bundles/*/docs/results/*/*.csv",
)
_LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\((?P<target>[^)\s]+)\)")
#: Behind a block's language: why no test runs it.  MkDocs takes no foreign attributes.
_SKIP = re.compile(r'^( *```\w+) skip="[^"]*"$', re.MULTILINE)
_FENCE = re.compile(r"(```.*?```)", re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages."""
    for pattern in OUTSIDE:
        for source in sorted(REPOSITORY.glob(pattern)):
            path = source.relative_to(REPOSITORY).as_posix()
            files.append(File.generated(config, site_path(path), abs_src_path=str(source)))
    return files


def site_path(repository_path: str) -> str:
    """Where the site has a file of the repository."""
    return "index.md" if repository_path == "README.md" else repository_path.removeprefix("docs/")


def repository_path(path: str) -> str:
    """Where the repository has a page of the site."""
    if path == "index.md":
        return "README.md"
    return path if (REPOSITORY / path).is_file() and not (REPOSITORY / "docs" / path).is_file() else f"docs/{path}"


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Let the links of a page lead where the site has their targets."""
    here = repository_path(page.file.src_uri)

    def mended(match: re.Match[str]) -> str:
        text, link = match["text"], match["target"]
        target = _target(link, here, page.file.src_uri, files)
        return text if target is None else f"[{text}]({target})"

    parts = _FENCE.split(_SKIP.sub(r"\1", markdown))
    return "".join(part if part.startswith("```") else _LINK.sub(mended, part) for part in parts)


def _target(link: str, here: str, page: str, files: Files) -> str | None:
    """The link of a page of the site, from that of a file of the repository; ``None`` if the site has no such page."""
    if "://" in link or link.startswith(("#", "mailto:")):
        return link
    path, hash_sign, anchor = link.partition("#")
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
    target = site_path(wanted)
    if files.get_file_from_path(target) is not None:
        return posixpath.relpath(target, posixpath.dirname(page) or ".") + hash_sign + anchor
    if not (REPOSITORY / wanted).exists():
        log.warning("%s: links to %s, which is not there", here, link)
    return None  # a file of the repository that is no page, such as LICENSE
