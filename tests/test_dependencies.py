"""What pyproject.toml asks for can be installed together."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli", reason="Python 3.10 reads TOML with tomli alone")

REPOSITORY = Path(__file__).parents[1]
#: What the packages of MONAI Label 0.8.5 leave us (pydicom-seg 0.4.1 wants jsonschema 3, MONAI Label numpy 1, which
#: pandas 3 does not know).
MONAI_LABEL = {
    "jsonschema": "3.2.0",
    "numpy": "1.26.4",
    "pandas": "2.3.3",
    "monai": "1.6.1",
    "setuptools": "84.2.1",
    "pydicom": "2.4.5",
}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("name", MONAI_LABEL)
def test_the_label_extra_admits_what_monai_label_needs(project: dict[str, Any], name: str) -> None:
    asked = [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["label"])]
    ours = [each for each in asked if each.name == name]
    assert ours
    assert all(each.specifier.contains(MONAI_LABEL[name]) for each in ours)


def test_every_dependency_is_bounded(project: dict[str, Any]) -> None:
    """By the next release that may break it, or pinned."""
    asked = [Requirement(text) for text in project["dependencies"]]
    assert [each.name for each in asked if not any(one.operator in ("<", "==") for one in each.specifier)] == []


def test_hooks_fetch_nothing_when_they_run() -> None:
    repos = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    assert {hook["language"] for repo in repos for hook in repo["hooks"]} == {"system"}
