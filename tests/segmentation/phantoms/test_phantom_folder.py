"""A folder of phantoms: written once, completed after an interruption, never mixed with anything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cladeseg.files import DataError, atomic_write
from cladeseg.segmentation.phantoms.acdc import write_acdc_phantoms
from cladeseg.segmentation.phantoms.brats import write_brats_phantoms
from cladeseg.segmentation.phantoms.folder import RECIPE_FILE, fill_folder
from cladeseg.segmentation.phantoms.msd import write_msd_phantoms
from cladeseg.segmentation.phantoms.myops import write_myops_phantoms

RECIPE = {"seed": 1}
Writer = Callable[[Path], list[Path]]


def acdc(folder: Path) -> list[Path]:
    return write_acdc_phantoms(folder, patients=2, shape=(24, 24, 4), spacing=(6.0, 6.0, 9.0))


def brats(folder: Path) -> list[Path]:
    return write_brats_phantoms(folder, subjects=2, shape=(24, 24, 20), spacing=(8.0, 8.0, 8.0))


def msd(folder: Path) -> list[Path]:
    return write_msd_phantoms(folder, cases=2, shape=(22, 24, 20))


def myops(folder: Path) -> list[Path]:
    return write_myops_phantoms(folder, cases=2, shape=(24, 24, 3), spacing=(9.0, 9.0, 14.0))


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def times(folder: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in folder.rglob("*.nii.gz")}


def interrupted(folder: Path) -> Iterator[Path]:
    (folder / "first").write_text("1")
    yield folder / "first"
    raise KeyboardInterrupt


def torn_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a process that was killed has left what it wrote of ``file``."""
    with monkeypatch.context() as patched:
        patched.setattr("os.getpid", lambda: 2**22 + 1)  # Linux gives no process this number
        with atomic_write(file) as temporary:
            temporary.write_bytes(file.read_bytes())
    return temporary


@pytest.mark.parametrize("write", [acdc, brats, msd, myops])
def test_a_half_written_folder_is_completed_and_not_duplicated(
    write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files = write(tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    write(tmp_path / "half")
    # As an interrupted run leaves it: no list of files yet, one file missing, one torn under its temporary name.
    recipe = json.loads(whole[RECIPE_FILE])["recipe"]
    (tmp_path / "half" / RECIPE_FILE).write_text(json.dumps({"recipe": recipe, "files": None}))
    last = tmp_path / "half" / files[-1].relative_to(tmp_path / "whole")
    last.rename(torn_name(last, monkeypatch))
    before = times(tmp_path / "half")
    completed = write(tmp_path / "half")
    assert contents(tmp_path / "half") == whole
    assert [f.relative_to(tmp_path / "half") for f in completed] == [f.relative_to(tmp_path / "whole") for f in files]
    kept = {file: time for file, time in before.items() if not file.name.startswith(".")}
    assert {file: time for file, time in times(tmp_path / "half").items() if file != last} == kept


@pytest.mark.parametrize("write", [acdc, brats, msd, myops])
def test_a_finished_folder_is_left_as_it_is(write: Writer, tmp_path: Path):
    files = write(tmp_path / "a")
    before = times(tmp_path / "a")
    assert write(tmp_path / "a") == files
    assert times(tmp_path / "a") == before
    assert set(contents(tmp_path / "a")) == {f.relative_to(tmp_path / "a").as_posix() for f in files} | {RECIPE_FILE}


def test_an_interrupted_run_says_what_it_was_writing(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        fill_folder(tmp_path / "a", RECIPE, interrupted(tmp_path / "a"))
    assert json.loads((tmp_path / "a" / RECIPE_FILE).read_text()) == {"recipe": RECIPE, "files": None}
    with pytest.raises(DataError, match="another request"):
        fill_folder(tmp_path / "a", {"seed": 2}, [])


@pytest.mark.parametrize("content", ["", "[]", '{"recipe": {}}'])
def test_a_folder_of_someone_else_is_refused_and_kept(content: str, tmp_path: Path):
    (tmp_path / RECIPE_FILE).write_text(content)
    (tmp_path / ".12.notes").write_text("mine")
    with pytest.raises(DataError, match="another data set"):
        fill_folder(tmp_path, RECIPE, [])
    assert contents(tmp_path) == {RECIPE_FILE: content.encode(), ".12.notes": b"mine"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(DataError, match="a: is not empty"):
        fill_folder(tmp_path / "a", RECIPE, [])


def test_a_missing_file_of_a_finished_folder_is_named(tmp_path: Path):
    files = msd(tmp_path / "a")
    files[-1].unlink()
    with pytest.raises(DataError, match=files[-1].name):
        msd(tmp_path / "a")
