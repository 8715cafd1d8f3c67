"""The notebooks of docs/ run from top to bottom, and hold no outputs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import REPOSITORY

nbformat = pytest.importorskip("nbformat", reason="notebooks run with the development packages")
nbclient = pytest.importorskip("nbclient", reason="notebooks run with the development packages")
pytest.importorskip("ipykernel", reason="notebooks run with the development packages")

NOTEBOOKS = sorted((REPOSITORY / "docs" / "notebooks").glob("*.ipynb"))
#: Runs our commands in the kernel's process, because importing PyTorch takes seconds; a failure ends the notebook.
RUNNER = """
import shlex as _shlex
from typer.testing import CliRunner as _CliRunner
def _command(line):
    from cladeseg.cli import app
    result = _CliRunner().invoke(app, _shlex.split(line)[1:])
    assert (result.exit_code, result.exception) == (0, None), (line, result.output)
"""


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    book = nbformat.read(notebook, as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(r"^!(cladeseg .*)$", r'_command(f"""\1""")', cell.source, flags=re.MULTILINE)
    book.cells.insert(0, nbformat.v4.new_code_cell(RUNNER))
    nbclient.NotebookClient(
        book, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()


def test_there_are_three() -> None:
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_holds_no_outputs(notebook: Path) -> None:
    """They would grow stale, and show whatever was on the author's machine."""
    cells = nbformat.read(notebook, as_version=4).cells
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
