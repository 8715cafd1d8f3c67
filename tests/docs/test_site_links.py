"""Links of pages lead where the site has their targets, and a link to nowhere is a warning, which the build refuses."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from pages import REPOSITORY

pytest.importorskip("mkdocs", reason="needs the extra 'docs'")
pytest.importorskip("griffe", reason="needs the extra 'docs'")


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(REPOSITORY / "docs" / "_site"))
    import repository_pages

    yield repository_pages
    sys.modules.pop("repository_pages")


def mended(hook: Any, page: str, markdown: str) -> str:
    """A page's text in a site that has the settings, the glossary and a bundle's page."""
    there = {"settings.md", "glossary.md", "index.md", "bundles/acdc_subclass_segmentation/docs/README.md"}
    files = SimpleNamespace(get_file_from_path=lambda path: path if path in there else None)
    return hook.on_page_markdown(markdown, SimpleNamespace(file=SimpleNamespace(src_uri=page)), files)


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("index.md", "docs/settings.md#mix", "settings.md#mix"),
        ("how-to/gpu.md", "../glossary.md", "../glossary.md"),
        ("how-to/gpu.md", "../../README.md", "../index.md"),
        (
            "how-to/gpu.md",
            "../../bundles/acdc_subclass_segmentation/docs/README.md",
            "../bundles/acdc_subclass_segmentation/docs/README.md",
        ),
        ("bundles/acdc_subclass_segmentation/docs/README.md", "../../../docs/settings.md", "../../../settings.md"),
        ("index.md", "https://monai.io", "https://monai.io"),
    ],
)
def test_a_link_of_the_repository_becomes_one_of_the_site(hook: Any, page: str, link: str, expected: str) -> None:
    assert mended(hook, page, f"see [it]({link})") == f"see [it]({expected})"


def test_a_file_that_is_no_page_is_named_without_a_link(hook: Any) -> None:
    assert mended(hook, "index.md", "see [LICENSE](LICENSE)") == "see LICENSE"


def test_a_link_to_nowhere_is_a_warning(hook: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    mended(hook, "index.md", "see [it](docs/nowhere.md)")
    assert "docs/nowhere.md, which is not there" in caplog.text


def test_blocks_keep_their_text_and_lose_the_attribute_of_our_tests(hook: Any) -> None:
    block = '```bash skip="why"\necho [a](b)\n```'
    assert mended(hook, "index.md", block) == "```bash\necho [a](b)\n```"


def test_sphinx_roles_become_links(hook: Any) -> None:
    from sphinx_roles import translated

    assert translated("see :func:`~a.b.c`") == 'see <autoref optional identifier="a.b.c"><code>c</code></autoref>'
