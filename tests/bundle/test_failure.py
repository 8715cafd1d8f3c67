"""The end of a failed command: our own errors in one line, everything else with its traceback."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import Any

import pytest
from monai.bundle import ConfigParser
from monai.transforms import Compose

from cladeseg.bundle import OverrideError, explain_failures
from cladeseg.bundle.failure import root_cause
from cladeseg.files import DataError
from cladeseg.segmentation.mixing import SigmoidRamp
from cladeseg.taxonomy import LabelValueError, TaxonomyError


def fail_with(error: BaseException) -> None:
    raise error


def caught(call: Callable[[], Any]) -> BaseException:
    try:
        call()
    except Exception as error:  # noqa: BLE001 it is what the test looks at
        return error
    raise AssertionError("nothing was raised")


class Broken:
    """A transform that fails as ours do."""

    def __call__(self, _: Any) -> None:
        raise DataError("image.nii.gz: is empty")


@pytest.fixture(autouse=True)
def hook(monkeypatch) -> None:
    """The hook is installed for one test, in a console of known width."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.delenv("CLADESEG_TRACEBACK", raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    explain_failures()


def shown(error: BaseException, capsys: pytest.CaptureFixture[str]) -> str:
    sys.excepthook(type(error), error, error.__traceback__)
    output = capsys.readouterr()
    assert output.out == ""
    return output.err


# ---- the cause -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [DataError, TaxonomyError, LabelValueError, OverrideError])
def test_our_error_is_found_through_monais_chain(kind):
    """MONAI raises RuntimeError("Failed to instantiate component") from what a component raised."""
    parser = ConfigParser(
        {"inner": {"_target_": f"{__name__}.fail_with", "error": kind("the cause")}, "outer": ["@inner"]},
        globals={},
    )
    error = caught(lambda: parser.get_parsed_content("outer"))
    assert isinstance(error, RuntimeError)
    assert repr(root_cause(error)) == repr(kind("the cause"))


def test_our_error_is_found_through_transforms():
    error = caught(lambda: Compose([Broken()])({}))
    assert isinstance(error, RuntimeError)
    assert str(root_cause(error)) == "image.nii.gz: is empty"


def test_of_several_errors_of_ours_the_outermost_knows_the_most():
    outer = DataError("patient001: image.nii.gz: is empty")
    outer.__cause__ = RuntimeError("applying transform")
    outer.__cause__.__cause__ = DataError("image.nii.gz: is empty")
    top = RuntimeError("Failed to instantiate component")
    top.__cause__ = outer
    assert root_cause(top) is outer


def test_another_error_is_its_own_cause_and_circles_end():
    error, other = RuntimeError("one"), KeyError("two")
    error.__cause__, other.__cause__ = other, error
    assert root_cause(error) is error


# ---- the message -----------------------------------------------------------------------------------------------------


def test_our_error_is_one_line_without_a_traceback(capsys):
    """Not wrapped, however long: a path must stay copyable. Not interpreted: brackets and colons are the file's."""
    message = "/a/very/long/path/[bold]with:heart:signs[/bold]/and/more/folders/image.nii.gz: is empty"
    error = caught(lambda: fail_with(DataError(message)))
    assert shown(error, capsys) == f"error: {message}\n"


def test_only_the_cause_of_a_chain_is_shown(capsys):
    error = caught(lambda: Compose([Broken()])({}))
    assert shown(error, capsys) == "error: image.nii.gz: is empty\n"


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("CUDA out of memory"), ValueError("schedule")])
def test_another_error_keeps_its_traceback(error, capsys):
    text = shown(caught(lambda: fail_with(error)), capsys)
    assert text.startswith("Traceback (most recent call last)")
    assert "fail_with" in text
    assert "error: " not in text.replace(type(error).__name__, "")


def test_the_traceback_is_there_when_asked_for(capsys, monkeypatch):
    monkeypatch.setenv("CLADESEG_TRACEBACK", "1")
    text = shown(caught(lambda: Compose([Broken()])({})), capsys)
    assert "Traceback (most recent call last)" in text
    assert "applying transform" in text
    assert text.endswith("error: image.nii.gz: is empty\n")


def test_an_interruption_says_what_is_kept_and_how_to_go_on(capsys):
    text = shown(KeyboardInterrupt(), capsys)
    assert text.startswith("error: interrupted; ")
    assert len(text.splitlines()) == 1
    assert "--resume" in text


def test_an_error_about_a_file_is_one_line_that_starts_with_it(capsys, tmp_path):
    wrapped = RuntimeError("Failed to instantiate component")
    wrapped.__cause__ = caught(lambda: (tmp_path / "there").mkdir(parents=False) or (tmp_path / "there").mkdir())
    assert shown(wrapped, capsys) == f"error: {tmp_path / 'there'}: file exists\n"


def test_a_full_disk_is_one_line_even_where_nobody_knows_the_file(capsys):
    assert shown(OSError(errno.ENOSPC, "No space left on device"), capsys) == "error: No space left on device\n"
    assert "Traceback" in shown(caught(lambda: fail_with(OSError("something"))), capsys)


def test_a_refused_option_is_explained_but_a_value_error_of_a_library_keeps_its_traceback(capsys):
    refused = caught(lambda: SigmoidRamp(start=-1))
    assert shown(refused, capsys).startswith("error: a ramp cannot start at step -1")
    foreign = caught(lambda: int("x"))
    assert "Traceback" in shown(foreign, capsys)
