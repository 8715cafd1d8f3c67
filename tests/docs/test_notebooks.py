"""The notebooks of docs/ run from top to bottom, and hold no outputs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import REPOSITORY

nbformat = pytest.importorskip("nbformat", reason="notebooks run with the development packages")
nbclient = pytest.importorskip("nbclient", reason="notebooks run with the development packages")
pytest.importorskip("ipykernel", reason="notebooks run with the development packages")

NOTEBOOKS = sorted((REPOSITORY / "docs" / "notebooks").glob("*.ipynb"))
#: One of them runs its commands as a reader's shell does.
COMMAND = """#!{python}
from cladeseg.cli import app
app()
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """``cladeseg`` on the PATH, that of this checkout."""
    script = tmp_path / "bin" / "cladeseg"
    script.parent.mkdir()
    script.write_text(COMMAND.format(python=sys.executable), encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    yield


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
@pytest.mark.usefixtures("shell")
def test_a_notebook_runs(notebook: Path, tmp_path: Path) -> None:
    book = nbformat.read(notebook, as_version=4)
    folder = tmp_path / "reader"
    folder.mkdir()
    nbclient.NotebookClient(
        book, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()


def test_there_are_three() -> None:
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_holds_no_outputs(notebook: Path) -> None:
    """They would grow stale, and show whatever was on the author's machine."""
    cells = nbformat.read(notebook, as_version=4).cells
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
