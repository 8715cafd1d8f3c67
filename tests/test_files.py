"""Files appear whole or not at all, and what killed processes leave of them goes at the next start."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cladeseg import files
from cladeseg.files import DataError, atomic_write, read_json, remove_leftovers, write_folder


def killed_while_writing(path: Path) -> Path:
    """What is left of a file whose writer is killed half-way."""
    return killed(
        path,
        "import os, signal; from cladeseg.files import atomic_write\n"
        f"with atomic_write({str(path)!r}) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)",
    )


def killed_while_writing_folder(path: Path) -> Path:
    """What is left of a folder whose writer is killed half-way."""
    return killed(
        path,
        "import os, pathlib, signal; from cladeseg.files import write_folder\n"
        "pathlib.Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"write_folder({str(path)!r}, {{'configs/a.json': 'whole'}})",
    )


def killed(path: Path, code: str) -> Path:
    ended = subprocess.run([sys.executable, "-c", code], timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = path.parent.iterdir()
    return left


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    left = killed_while_writing(tmp_path / "checkpoints" / "last.pt")
    others = [tmp_path / name for name in ("last.pt", ".lock", ".hidden", ".12@x", ".a@b.c", "7@host.txt")]
    for file in others:
        file.write_text("mine")
    remove_leftovers(tmp_path)
    assert not left.exists()
    assert all(file.exists() for file in others)


def test_half_a_folder_goes_when_the_folder_is_written_again(tmp_path: Path) -> None:
    left = killed_while_writing_folder(tmp_path / "knee")
    other = left.with_name(f"{left.name}-2")
    other.mkdir()
    assert (left / "configs" / "a.json").is_file()
    write_folder(tmp_path / "knee", {"a.json": "whole"})
    assert not left.exists()
    assert other.exists(), "another folder's is not ours to remove"
    assert (tmp_path / "knee" / "a.json").read_text() == "whole"


def test_a_file_that_is_being_written_stays(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "new.txt") as temporary:
        temporary.write_text("all")
        remove_leftovers(tmp_path)
    assert (tmp_path / "new.txt").read_text() == "all"


@pytest.mark.parametrize(("minutes", "stays"), [(1, True), (61, False)])
def test_another_machine_has_an_hour_to_finish(tmp_path: Path, minutes: int, stays: bool) -> None:
    left = killed_while_writing(tmp_path / "a.json")
    elsewhere = left.rename(left.with_name(left.name.replace(f"@{files._HOST}.", "@elsewhere.")))
    then = time.time() - 60 * minutes
    os.utime(elsewhere, (then, then))
    remove_leftovers(tmp_path)
    assert elsewhere.exists() is stays


def test_the_name_of_the_machine_fits_into_a_file_name() -> None:
    assert re.fullmatch(r"[A-Za-z0-9-]{0,40}", files._HOST)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_is_read_in_every_encoding_of_unicode(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"name": "Ödem"}', encoding=encoding)
    assert read_json(file) == {"name": "Ödem"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'{"a": {"b": 1, "b": 2}}', "has the key 'b' twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"", "cannot be read"),
        (b"9" * 5000, "cannot be read"),
    ],
)
def test_what_is_no_json_is_refused_by_name(tmp_path: Path, text: bytes, says: str) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(text)
    with pytest.raises(DataError, match=f"^{file}: .*{says}"):
        read_json(file)
