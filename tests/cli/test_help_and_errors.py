"""Help pages, versions, messages, completion and errors of the command line."""

from __future__ import annotations

import json
import logging
import os
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from cli_calls import TREE, call, in_own_process

import own_process
from cladeseg import __version__
from cladeseg.cli import app
from cladeseg.cli.base import _folded


def commands(group: Any = None, before: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every command by what one types for it."""
    group = group or typer.main.get_command(app)
    found: dict[str, Any] = {}
    for name, one in group.commands.items():
        typed = (*before, name)
        found |= commands(one, typed) if hasattr(one, "commands") else {" ".join(typed): one}
    return found


COMMANDS = commands()


def page(name: str, monkeypatch: pytest.MonkeyPatch, columns: int) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    result = call(*name.split(), "--help")
    assert result.exit_code == 0
    return result.output


def examples(text: str) -> list[list[str]]:
    """Command lines of a page, as a shell would split them."""
    lines = text.split("Examples:\n")[1].replace("\\\n", "").splitlines()
    return [shlex.split(line) for line in lines if line]


# ---- help ------------------------------------------------------------------------------------------------------------


def test_these_are_the_commands() -> None:
    assert set(COMMANDS) == {
        *(
            "train",
            "evaluate",
            "predict",
            "report",
            "settings",
            "clean-store",
            "run",
            "copy-bundle",
            "new-bundle",
            "promote",
            "audit",
            "validate",
            "export",
            "check",
            "phantoms",
            "stack-modalities",
        ),
        *(
            "select",
            "demo",
            "benchmark labels",
            "benchmark omics",
            "benchmark clusters",
            "benchmark fusion",
            "benchmark spots",
            "benchmark speed",
            "benchmark cohorts",
            "label serve",
        ),
    }


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_fits_its_width_and_ends_with_examples_that_the_command_takes(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = page(name, monkeypatch, columns)
    assert max(map(len, text.splitlines())) <= columns
    options = {spelling for option in COMMANDS[name].params for spelling in option.opts}
    passes_on = COMMANDS[name].context_settings.get("ignore_unknown_options", False)
    for example in examples(text):
        assert example[: len(name.split()) + 1] == ["cladeseg", *name.split()]
        assert passes_on or {word for word in example if word.startswith("--")} <= options
    assert examples(text)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_and_belongs_to_a_group(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for option in COMMANDS[name].params:
        assert option.help, f"{option.name} has no help"
    groups = {option.rich_help_panel for option in COMMANDS[name].params if option.param_type_name == "option"}
    many = len(COMMANDS[name].params) > 8
    assert None not in groups or not many


def test_the_first_page_lists_the_commands_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    text = page("", monkeypatch, 100)
    for group in ("Train and predict", "Data", "Bundles", "Studies"):
        assert f"─ {group} ─" in text
    assert all(name.split()[0] in text for name in COMMANDS)
    order = [text.index(f"│ {name} ") for name in ("train", "evaluate", "predict", "settings", "run", "new-bundle")]
    assert order == sorted(order), "what one does first stands first"


def test_defaults_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    text = page("predict", monkeypatch, 120)
    assert "[default: auto]" in text
    assert "[default: none]" in text


def test_an_example_is_folded_where_a_shell_allows_it() -> None:
    example = "cladeseg predict scans masks --bundle some/folder --weights R/models/model.pt --flips allowed"
    assert "\\" not in _folded(example, 120)
    folded = _folded(example, 60)
    assert max(map(len, folded.splitlines())) <= 60
    assert shlex.split(folded.replace("\\\n", "")) == shlex.split(example)


# ---- fast ------------------------------------------------------------------------------------------------------------

HEAVY = ("torch", "monai", "numpy", "nibabel", "cladeseg.segmentation", "pandas", "matplotlib", "distributed")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["predict", "--help"], ["--version"], ["predict", "--nonsense"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import json, sys
from cladeseg.cli import app
try:
    app({arguments!r})
except SystemExit:
    pass
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_the_version_is_that_of_all_three_packages() -> None:
    result = call("--version")
    assert result.exit_code == 0
    assert result.output == f"cladeseg {__version__}, torch {version('torch')}, monai {version('monai')}\n"


def test_a_shell_can_ask_how_a_command_goes_on() -> None:
    code = "from cladeseg.cli import app; app(prog_name='cladeseg')"
    asked = {"_CLADESEG_COMPLETE": "complete_bash", "COMP_WORDS": "cladeseg pre", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == ["predict"]
    assert "--show-completion" in call("--help").output


# ---- verbose and quiet -----------------------------------------------------------------------------------------------


def level() -> int:
    return logging.getLogger("cladeseg").getEffectiveLevel()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], logging.INFO),
        (["-v"], logging.DEBUG),
        (["-q"], logging.WARNING),
        (["--verbose"], logging.DEBUG),
        (["--quiet"], logging.WARNING),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["before the command", "after it"])
def test_verbosity_is_asked_for_before_or_after_the_command(
    tmp_path: Path, arguments: list[str], expected: int, first: bool
) -> None:
    command = ["phantoms", tmp_path / "D", "--patients", "1", "--layout", "msd"]
    result = call(*arguments, *command) if first else call(*command, *arguments)
    assert (result.exit_code, level()) == (0, expected)


def test_verbose_and_quiet_exclude_each_other(tmp_path: Path) -> None:
    assert call("phantoms", tmp_path / "D", "-v", "-q").exit_code == 2
    assert call("-v", "-q", "phantoms", tmp_path / "D").exit_code == 2
    assert not (tmp_path / "D").exists()


def test_quiet_hides_bars_that_a_caller_asks_for(tmp_path: Path) -> None:
    data, tree = tmp_path / "D", TREE.parents[2] / "hippocampus_subclass_segmentation" / "configs" / "taxonomy.json"
    call("phantoms", data, "--patients", 2, "--layout", "msd")
    for flags, shown in ((["-q"], False), ([], True)):
        out = tmp_path / str(shown)
        arguments = ("select", data, "--budget", "1", "--out", out, "--taxonomy", tree, "--layout", "msd", *flags)
        done = own_process.run(in_own_process(*arguments), check=True)
        assert ("case/s]" in done.stderr or "s/case]" in done.stderr) is shown
        assert "pictures and reasons are in" in done.stdout, "results are shown in any case"
        assert shown or done.stderr == ""


# ---- spelling and errors ---------------------------------------------------------------------------------------------


def test_options_are_understood_as_monai_writes_them(phantoms: Path) -> None:
    for spelling in ("--label-convention", "--label_convention"):
        result = call("check", phantoms, "--taxonomy", TREE, spelling, "martian_script")
        assert "martian_script" in str(result.exception)


def test_an_error_is_one_line_and_exit_code_one(tmp_path: Path) -> None:
    command = in_own_process("check", "nowhere", "--taxonomy", TREE)
    done = own_process.run(command, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "error: nowhere: no such folder\n")


def test_a_misspelt_option_names_the_nearest_one() -> None:
    result = call("predict", "a", "b", "--bundle", "c", "--fips", "allowed")
    assert result.exit_code == 2
    assert "--flips" in result.output
