"""Every shell and Python block of the README, the docs and the bundles' pages runs, on phantoms and in their order.

A page's blocks share a folder, as a reader's would.  Trainings are shortened; everything else runs as it stands.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pages import PAGES, REPOSITORY, RUNNABLE, blocks, commands, outside_fences
from typer.testing import CliRunner

from cladeseg.cli import app
from cladeseg.segmentation.phantoms import (
    write_acdc_phantoms,
    write_brats_phantoms,
    write_msd_phantoms,
    write_myops_phantoms,
)

WITH_CODE = [page for page in PAGES if any(block.language in RUNNABLE and block.skip is None for block in blocks(page))]
PATIENTS = 6
STEP = (
    "--epochs 1 --no-amp --set optimizer.steps_per_epoch=1 --set network.filters=4 --set batch.fine=1 "
    "--set batch.coarse=1 --set batch.unlabelled=0"
)
#: Coarser voxels and smaller patches, by the bundle that is trained.
COARSER = {
    "knee": "--set data.spacing=[2,2,2] --set data.patch_size=[16,16,16]",
    "hippocampus": "--set data.spacing=[2,2,2] --set data.patch_size=[16,16,16]",
    "brats": "--set data.spacing=[4,4,4] --set data.patch_size=[16,16,16]",
    "myops": "--set data.spacing=[6,6,12] --set data.patch_size=[32,32,2]",
    "acdc": "--set data.spacing=[6,6,9] --set data.patch_size=[32,32,4]",
}
#: What a page begins with; every other page: everything that a reader of "Use your own data" has.
NOTHING: tuple[str, ...] = ()
STARTS = {
    "docs/getting-started.md": NOTHING,
    "docs/how-to/read-the-page.md": NOTHING,
    "README.md": ("D", "tree.json"),
    "docs/how-to/own-data.md": ("D",),
    "docs/clustering.md": NOTHING,
}
EVERYTHING = ("D", "tree.json", "knee", "R", "scans")
TASKS: dict[str, Callable[[Path], Any]] = {
    "acdc": lambda folder: write_acdc_phantoms(folder, patients=PATIENTS, shape=(40, 40, 5), spacing=(5.0, 5.0, 9.0)),
    "brats": lambda folder: write_brats_phantoms(folder, subjects=PATIENTS, shape=(24, 28, 24)),
    "hippocampus": lambda folder: write_msd_phantoms(folder, cases=PATIENTS, shape=(22, 24, 20)),
    "myops": lambda folder: write_myops_phantoms(folder, cases=PATIENTS, shape=(48, 48, 4), spacing=(4.0, 4.0, 12.0)),
}
#: Blocks that no test runs, by their reason.  Whoever adds one counts it here.
SKIPPED = 48


def shell(line: str) -> None:
    """Run a line of a shell block; our own commands in this process, because importing PyTorch takes seconds."""
    if not line.startswith("cladeseg "):
        subprocess.run(["bash", "-euc", line], check=True, env=os.environ | {"LC_ALL": "C.UTF-8"})
        return
    result = CliRunner().invoke(app, shlex.split(shortened(line), comments=True)[1:])
    assert (result.exit_code, result.exception) == (0, None), (line, result.output)


def shortened(line: str) -> str:
    """The same command in seconds."""
    words = shlex.split(line, comments=True)
    if words[1] == "train":
        task = words[2].removesuffix("_subclass_segmentation").removeprefix("my_")
        return f"{shlex.join(words)} {STEP} {COARSER[task]}"
    return f"{shlex.join(words)} --patients {PATIENTS}" if words[1] == "phantoms" else line


def run_blocks(page: str) -> None:
    """Everything on a page that a reader would run or write down."""
    namespace: dict[str, Any] = {"__name__": "__page__"}
    for block in blocks(page):
        if block.skip is not None:
            continue
        if block.language == "json" and block.file:
            Path(block.file).write_text(block.text, encoding="utf-8")
        if block.language == "python":
            exec(compile(block.text, page, "exec"), namespace)
        if block.language == "bash":
            for line in commands(block.text):
                shell(line)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader of "Use your own data" has: data, tree, bundle, run and some images; made by its very commands."""
    folder = tmp_path_factory.mktemp("finished")
    write_msd_phantoms(folder / "phantoms", cases=PATIENTS, shape=(22, 24, 20))
    for image in sorted((folder / "phantoms" / "imagesTr").iterdir()):
        case = folder / "D" / image.name.removesuffix(".nii.gz")
        case.mkdir(parents=True)
        shutil.copy(image, case)
        shutil.copy(folder / "phantoms" / "labelsTr" / image.name, case / f"{case.name}_seg.nii.gz")
    shutil.copytree(folder / "phantoms" / "imagesTr", folder / "scans")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_blocks("docs/how-to/own-data.md")
    return folder


def begin(page: str, folder: Path, finished: Path) -> None:
    """What lies in the reader's folder before the page's first block."""
    if page.startswith("bundles/"):
        TASKS[Path(page).parts[1].removesuffix("_subclass_segmentation")](folder / "D")
        shutil.copytree(folder / "D", folder / "scans", ignore=shutil.ignore_patterns("*_gt*", "labelsTr"))
        return
    for name in STARTS.get(page, EVERYTHING):
        source = finished / name
        shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy(source, folder)


@pytest.mark.parametrize("page", WITH_CODE)
def test_the_blocks_of_a_page_run(page: str, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(page, tmp_path, finished)
    monkeypatch.chdir(tmp_path)
    run_blocks(page)


def test_a_block_runs_or_says_why_it_cannot() -> None:
    code = [block for page in PAGES for block in blocks(page) if block.language in RUNNABLE]
    reasons = [block.skip for block in code if block.skip is not None]
    assert all(len(reason) > 10 for reason in reasons)
    assert len(reasons) == SKIPPED, Counter(reasons)
    assert len(code) - len(reasons) >= 30


@pytest.mark.parametrize("page", PAGES)
def test_no_command_hides_from_these_tests(page: str) -> None:
    """In an indented block, or behind a fence of another language."""
    assert {block.language for block in blocks(page)} <= {*RUNNABLE, "json", "text", ""}
    hidden = ("    cladeseg ", "    python -m ", "    make ", "    pip install")
    assert [line for line in outside_fences(page).splitlines() if line.startswith(hidden)] == []
    others = [block.text for block in blocks(page) if block.language in ("text", "")]
    assert [text for text in others if text.startswith(("cladeseg ", "python ", "make ", "pip "))] == []


def test_the_readme_shows_the_commands_of_its_how_to() -> None:
    """Its five commands are those that tests/bundles/test_own_data.py runs on real data too."""
    (own,) = (block.text for block in blocks("docs/how-to/own-data.md") if block.language == "bash")
    assert own in [block.text for block in blocks("README.md")]


def test_the_readme_is_short_and_keeps_the_two_commands_of_ci() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 550
    assert {"make demo", "make test"} <= {line.split("#")[0].strip() for line in text.splitlines()}
